"""Keeps Prosody and Jicofo as they should be; a change that restarts them waits for its moment.

Whether a change restarts them is what the API server itself says, by a rehearsal: no other pod
template would come of it, then nothing is restarted. Who is in a meeting is asked right before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from octofleet.api.controller import ANNOTATION_RESTART_NOW, EffectiveCluster
from octofleet.core import restarts
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.manifests import naming
from octofleet.core.meshing import Mesh
from octofleet.core.observation import Timestamp
from octofleet.core.restarts import JICOFO, PROSODY, Asked, Meetings, Part, Ruling, Standing
from octofleet.shell import clusters, documents, kube, pods
from octofleet.shell.bells import Key
from octofleet.shell.clusters import Child
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import Unreachable
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.observer import Observer

HANGING_SECONDS: Final = 120.0
"""What was ready once and hasn't been for so long hangs; under load it may well be unready."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Left:
    """How Prosody and Jicofo were left."""

    verdict: Verdict
    domain: str
    """The domain that Prosody serves."""
    is_settled: bool
    """Nothing waits, and nothing has just been restarted."""


@dataclass(frozen=True, slots=True)
class _Rehearsed:
    """A Deployment, and what would come of it."""

    child: Child
    part: Part
    domain: str | None
    """The domain of the one that is there."""


class Restarter:
    """Keeps the Deployments of clusters."""

    def __init__(
        self, api: KubernetesCluster, observer: Observer, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._observer = observer
        self._clock = clock
        self._empty_since: dict[Key, Timestamp] = {}

    async def keep(
        self,
        document: Document,
        cluster: EffectiveCluster,
        mesh: Mesh | None,
        regions: Sequence[Document],
    ) -> Left:
        """Bring Prosody and Jicofo to what is asked for, as far as that may be now.

        Args:
            document: The JitsiCluster.
            cluster: What holds for it.
            mesh: How its regions hang together; None: not known, and Jicofo is left alone.
            regions: Those that join it.

        Raises:
            Refused: One of them is someone else's, or the API server won't have it.
        """
        first = await self._rehearse(PROSODY, clusters.prosody_of(cluster), cluster)
        second = None if mesh is None else await self._jicofo(cluster, mesh)
        parts = [each.part for each in (first, second) if each is not None]
        ruling = await self._rule(parts, document, cluster, regions)
        done: list[str] = []
        domain = cluster.domain
        if PROSODY in ruling.waiting:
            domain = first.domain or domain
        else:
            done += await self._apply(first, cluster.namespace)
        if second is not None and mesh is not None:
            if domain != cluster.domain:
                # Jicofo speaks to the Prosody that is there.
                second = await self._jicofo(replace(cluster, domain=domain), mesh)
            if not second.part.restarts or JICOFO not in ruling.waiting:
                done += await self._apply(second, cluster.namespace)
        if done:
            where = f"{cluster.namespace}/{cluster.name}"
            _log.info("Restarted with new settings", cluster=where, what=done)
        told = restarts.verdict(cluster.name, ruling, done)
        return Left(told, domain, is_settled=not done and not ruling.waiting)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._empty_since.pop(key, None)

    async def _jicofo(self, cluster: EffectiveCluster, mesh: Mesh) -> _Rehearsed:
        return await self._rehearse(JICOFO, clusters.jicofo_of(cluster, mesh), cluster)

    async def _rehearse(self, name: str, child: Child, cluster: EffectiveCluster) -> _Rehearsed:
        found = await self._api.get(child.kind, documents.name_of(child.body), cluster.namespace)
        if found is None:
            return _Rehearsed(child, Part(name, restarts=False, standing=Standing.ABSENT), None)
        clusters.refuse_foreign(found, cluster.uid, child.kind.name)
        then = await self._api.apply(child.kind, cluster.namespace, child.body, rehearsed=True)
        differs = _template(found) != _template(then)
        labels = naming.controller_labels(cluster.name, name.lower())
        standing = Standing.SERVING
        if differs:
            seen = await self._api.list(kube.PODS, cluster.namespace, labels)
            standing = standing_of(seen, self._clock())
        return _Rehearsed(child, Part(name, differs, standing), _domain(found))

    async def _apply(self, found: _Rehearsed, namespace: str) -> list[str]:
        """Apply it; return its name if that restarts it."""
        await self._api.apply(found.child.kind, namespace, found.child.body)
        return [found.part.name] if found.part.restarts else []

    async def _rule(
        self,
        parts: Sequence[Part],
        document: Document,
        cluster: EffectiveCluster,
        regions: Sequence[Document],
    ) -> Ruling:
        key = Key(kube.CLUSTERS.name, cluster.namespace, cluster.name)
        if not any(each.restarts for each in parts):
            self._empty_since.pop(key, None)
            return Ruling()
        meetings = await self._meetings(key, regions)
        asked = Asked(cluster.peace, _asked_now(document), _waiting_since(document))
        return restarts.rule(parts, asked, meetings, Timestamp(self._clock()))

    async def _meetings(self, key: Key, regions: Sequence[Document]) -> Meetings:
        """Return who is in a meeting at this very moment."""
        people: int | None = None
        try:
            view = await self._observer.jicofo_view(ClusterName(key.namespace, key.name))
            people = view.present
        except Unreachable:
            pass
        now = Timestamp(self._clock())
        if people != 0:
            self._empty_since.pop(key, None)
        elif key not in self._empty_since:
            self._empty_since[key] = now
        return Meetings(people, _on_bridges(regions), self._empty_since.get(key))


def standing_of(found: Sequence[Document], now: float) -> Standing:
    """Return how a component does, by its pods."""
    alive = [
        each
        for each in found
        if documents.text(each, "metadata", "deletionTimestamp") is None
        and pods.runs(each)
        and not pods.never_ready(each)
    ]
    if not alive:
        return Standing.DOWN
    since = [pods.unready_since(each) for each in alive]
    hangs = all(each is not None and now - each > HANGING_SECONDS for each in since)
    return Standing.HANGING if hangs else Standing.SERVING


def _template(deployment: Document) -> object:
    return documents.dig(deployment, "spec", "template")


def _domain(deployment: Document) -> str | None:
    """Return the domain that a Deployment's container is told."""
    return documents.variable(_template(deployment), "XMPP_DOMAIN")


def _on_bridges(regions: Sequence[Document]) -> int | None:
    """Return how many people the bridges tell of; None unless every region's do, or one has any."""
    told = [documents.number(each, "status", "participants") for each in regions]
    known = sum(int(each) for each in told if each is not None)
    return known if known or None not in told else None


def _asked_now(document: Document) -> Timestamp | None:
    return documents.moment(document, "metadata", "annotations", ANNOTATION_RESTART_NOW)


def _waiting_since(document: Document) -> Timestamp | None:
    pending = documents.condition(document, ConditionType.RESTART_PENDING)
    waits = pending.get("status") == "True"
    return documents.moment(pending, "lastTransitionTime") if waits else None
