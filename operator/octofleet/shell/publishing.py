"""Saying what is so: status by server-side apply when it changed, events, metrics, log lines."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import ValidationError

from octofleet.api.effective import EffectiveCluster, EffectiveRegion
from octofleet.api.kube import KubeModel
from octofleet.api.status import ClusterStatus, RegionStatus
from octofleet.core import events, lifecycle, limits, links, reporting
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import Verdict
from octofleet.core.events import Notice
from octofleet.core.links import Linking
from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest
from octofleet.core.meshing import Mesh
from octofleet.core.observation import BridgeState, Snapshot, Timestamp
from octofleet.core.planning import Plan
from octofleet.core.signals import Rule
from octofleet.core.sizing import Decision
from octofleet.shell import documents, kube
from octofleet.shell.actuator import Outcome
from octofleet.shell.documents import Document
from octofleet.shell.errors import Absent
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.recorder import Recorder
from octofleet.shell.telemetry import Telemetry

READINGS_SECONDS: Final = 3.0
"""Readings that move all the time are written no more often than this."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ControllerState:
    """What the cluster's reconcile found of Prosody and Jicofo."""

    ready: bool
    message: str
    mesh: Mesh | None = None
    """How the regions hang together; None while that isn't known."""
    linking: Linking | None = None
    """What was seen of the links between bridges."""
    credentials: Verdict | None = None
    """What is to be said of its passwords; None while nothing is known of them."""
    restarts: Verdict | None = None
    """Whether Prosody or Jicofo waits to be restarted."""
    web: Verdict | None = None
    """On its web servers; None where they aren't the operator's, or nothing is known of them."""
    domain: str = ""
    """The domain that Prosody serves; empty while that isn't known."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a region: what was seen, decided, planned and done."""

    region: EffectiveRegion
    snapshot: Snapshot
    decision: Decision
    plan: Plan
    outcomes: tuple[Outcome, ...]


class Publisher:
    """Publishes both kinds."""

    def __init__(
        self,
        api: KubernetesCluster,
        recorder: Recorder,
        telemetry: Telemetry,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._recorder = recorder
        self._telemetry = telemetry
        self._clock = clock
        self._written: dict[str, float] = {}
        self._complaints: dict[str, frozenset[str]] = {}

    async def region(self, document: Document, old: RegionStatus | None, found: Pass) -> None:
        """Publish a pass over a region."""
        region, snapshot = found.region, found.snapshot
        selector = naming.selector_text(naming.bridge_labels(region.cluster, region.name))
        new = reporting.region_status(
            region, snapshot, found.decision, found.plan, old, selector, snapshot.taken_at
        )
        self._measure(found, old)
        self._narrate(found)
        if new == old or (self._is_recent(region.uid) and _same_but_readings(old, new)):
            return
        await self._write(kube.REGIONS, document, new, region.uid)
        await self._record(document, events.region_notices(old, new))

    async def cluster(
        self,
        document: Document,
        old: ClusterStatus | None,
        cluster: EffectiveCluster,
        regions: Sequence[Document],
        state: ControllerState,
    ) -> None:
        """Publish a cluster."""
        new = reporting.cluster_status(
            cluster,
            Whole(
                state.ready,
                state.message,
                state.mesh,
                _statuses(regions),
                state.linking,
                state.credentials,
                state.restarts,
                state.web,
                state.domain,
            ),
            old,
            Timestamp(self._clock()),
        )
        self._measure_links(cluster, state.linking)
        calm = self._is_recent(cluster.uid) and _calm(old) == _calm(new)
        if new == old or calm:
            return
        await self._write(kube.CLUSTERS, document, new, cluster.uid)
        await self._record(document, events.cluster_notices(old, new))

    def forget(self, document: Document | None, namespace: str, region: str) -> None:
        """Drop what is remembered of a region that is gone."""
        uid = documents.text(document, "metadata", "uid")
        if uid is not None:
            self._written.pop(uid, None)
            self._complaints.pop(uid, None)
        self._telemetry.forget_region(namespace, region, tuple(BridgeState))

    async def _write(self, kind: Kind, document: Document, status: KubeModel, uid: str) -> None:
        meta = documents.mapping(document, "metadata")
        namespace = documents.text(meta, "namespace") or ""
        body: Manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"name": meta.get("name"), "namespace": namespace},
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        try:
            await self._api.apply(kind, namespace, body, sub="status")
        except Absent:
            # It is gone meanwhile and needs none.
            return
        self._written[uid] = self._clock()

    def _is_recent(self, uid: str) -> bool:
        return self._clock() - self._written.get(uid, 0.0) < READINGS_SECONDS

    async def _record(self, document: Document, notices: Iterable[Notice]) -> None:
        for notice in notices:
            await self._recorder.record(document, notice.type.value, notice.reason, notice.message)

    def _measure(self, found: Pass, old: RegionStatus | None) -> None:
        region, snapshot, telemetry = found.region, found.snapshot, self._telemetry
        where = (region.namespace, region.name)
        judged = lifecycle.judged(snapshot, snapshot.taken_at, limits.limits_of(region.autoscaling))
        for state in BridgeState:
            count = sum(each.state is state for each in judged)
            telemetry.bridges.labels(*where, state.value).set(count)
        known = [each.participants.value for each in snapshot.bridges if each.participants]
        telemetry.participants.labels(*where).set(sum(known))
        telemetry.desired.labels(*where).set(found.decision.wanted)
        self._measure_terms(found, where)
        change = found.decision.wanted - (old.desired_replicas if old else 0)
        if change:
            direction = "up" if change > 0 else "down"
            telemetry.decisions.labels(direction, found.decision.winner or "").inc()
        for each in found.outcomes:
            if each.waits:
                continue
            result = "ok" if each.done else "failed"
            telemetry.actions.labels(type(each.action).__name__, result).inc()

    def _measure_links(self, cluster: EffectiveCluster, seen: Linking | None) -> None:
        """Tell what links measure; pairs of regions without any have no series."""
        telemetry, where = self._telemetry, (cluster.namespace, cluster.name)
        telemetry.forget_links(*where)
        for each in links.between(seen):
            pair = (*where, *each.regions)
            telemetry.links.labels(*pair, "up").set(each.connected)
            telemetry.links.labels(*pair, "down").set(each.links - each.connected)
            if each.rtt is not None:
                telemetry.link_rtt.labels(*pair).set(each.rtt)
            if each.loss is not None:
                telemetry.link_loss.labels(*pair).set(each.loss)

    def _measure_terms(self, found: Pass, where: tuple[str, str]) -> None:
        """Tell what each term asks for; one that can't tell has no series rather than a zero."""
        telemetry, labels = self._telemetry, {"namespace": where[0], "region": where[1]}
        for gauge in (telemetry.proposals, telemetry.refusals):
            gauge.remove_by_labels(labels)
        for term in found.decision.terms:
            if term.proposal is not None:
                telemetry.proposals.labels(*where, term.type.value).set(term.proposal)
            if term.type is Rule.HEADROOM and term.current is not None:
                telemetry.expected_joins.labels(*where).set(term.target)
                telemetry.room.labels(*where).set(term.current)
        for refusal in found.plan.refusals:
            telemetry.refusals.labels(*where, refusal.reason.value).inc()

    def _narrate(self, found: Pass) -> None:
        """Log what was done; what doesn't work only once, until it changes."""
        log = _log.bind(region=f"{found.region.namespace}/{found.region.name}")
        for each in found.outcomes:
            if each.done:
                log.info("Acted", action=repr(each.action))
        complaints = {
            f"{each.action!r}: {each.message}"
            for each in found.outcomes
            if not each.done and not each.waits
        }
        complaints |= {f"{each.reason}: {each.message}" for each in found.plan.refusals}
        uid = found.region.uid
        for text in sorted(complaints - self._complaints.get(uid, frozenset())):
            log.warning("Could not act", why=text)
        self._complaints[uid] = frozenset(complaints)


def _statuses(regions: Iterable[Document]) -> list[RegionStatus]:
    found: list[RegionStatus] = []
    for each in regions:
        try:
            found.append(RegionStatus.model_validate(documents.mapping(each, "status")))
        except ValidationError:
            # Written by another version of the operator; this one writes it anew in a moment.
            found.append(RegionStatus())
    return found


def _calm(status: ClusterStatus | None) -> ClusterStatus | None:
    """Return the status without what always moves."""
    if status is None:
        return None
    nothing = {"rtt": None, "loss": None, "links": 0, "connected": 0}
    told = tuple(each.model_copy(update=nothing) for each in status.links)
    return status.model_copy(update={"participants": 0, "links": told})


def _same_but_readings(old: RegionStatus | None, new: RegionStatus) -> bool:
    """Return whether only numbers differ that always move."""
    return old is not None and _without_readings(old) == _without_readings(new)


def _without_readings(status: RegionStatus) -> RegionStatus:
    bridges = tuple(
        each.model_copy(update={"stress": None, "cpu": None, "participants": None})
        for each in status.bridges
    )
    decision = status.last_decision
    if decision is not None:
        decision = decision.model_copy(update={"terms": (), "message": ""})
    nothing = {"participants": None, "stress": None}
    return status.model_copy(update={**nothing, "bridges": bridges, "last_decision": decision})
