"""Reconciling an OctoRegion: observe, decide, plan, act, say so. One safe step a pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from octofleet.api.autoscaling import Mode
from octofleet.api.clusters import JitsiCluster
from octofleet.api.controller import domain_in_force
from octofleet.api.effective import (
    DEFAULT_BRIDGE_IMAGE,
    EffectiveRegion,
    effective_cluster,
    effective_region,
)
from octofleet.api.regions import OctoRegion
from octofleet.core import flapping, learning, lifecycle, planning, releases, reporting, sizing
from octofleet.core.actions import CreateBridge
from octofleet.core.limits import limits_of
from octofleet.core.manifests import bridge as bridge_manifest
from octofleet.core.manifests import disruption, inputs, mapping, web
from octofleet.core.meshing import Mesh, Place, mesh_of
from octofleet.core.observation import History, Snapshot, Timestamp
from octofleet.core.planning import Plan
from octofleet.core.sizing import Decision
from octofleet.shell import clusters, credentials, documents, kube
from octofleet.shell.actuator import Actuator, Outcome, Target
from octofleet.shell.bells import Key
from octofleet.shell.breweries import Credentials
from octofleet.shell.bridges import Tokens
from octofleet.shell.clusters import Child
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import FleetError, Refused
from octofleet.shell.failing import FailingSteps
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.meshes import Meshes
from octofleet.shell.observer import ClusterFacts, Observer
from octofleet.shell.probing import Prober
from octofleet.shell.publishing import Pass, Publisher
from octofleet.shell.remote import Homes, UnusableError
from octofleet.shell.resources import understood
from octofleet.shell.settings import Settings
from octofleet.shell.surroundings import SurroundingsReader

AFTER_ACTING_SECONDS: Final = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Read:
    """A region and its cluster as the API server has them."""

    document: Document
    resource: OctoRegion
    cluster: JitsiCluster | None
    region: EffectiveRegion
    credentials: Credentials | None
    mesh: Mesh | None
    """None while it can't be told which regions there are."""
    remote: str | None = None
    """Where its cluster is reached, when in another Kubernetes."""
    unusable: str = ""
    """Why that can't be."""
    home: inputs.Home | None = None

    @property
    def removal_since(self) -> Timestamp | None:
        """Return since when the region is to go."""
        return documents.moment(self.document, "metadata", "deletionTimestamp")

    @property
    def is_leaving(self) -> bool:
        """Return whether its bridges are to go: with the region, or because its cluster goes."""
        ending = self.cluster is not None and self.cluster.metadata.deletion_timestamp is not None
        return ending or self.removal_since is not None


class RegionReconciler:
    """Reconciles regions."""

    def __init__(
        self,
        settings: Settings,
        api: KubernetesCluster,
        observer: Observer,
        actuator: Actuator,
        publisher: Publisher,
        prober: Prober,
        homes: Homes,
        around: SurroundingsReader,
        clock: Callable[[], float],
    ) -> None:
        self._homes = homes
        self._settings = settings
        self._meshes = Meshes(api, clock)
        self._api = api
        self._observer = observer
        self._actuator = actuator
        self._publisher = publisher
        self._prober = prober
        self._around = around
        self._clock = clock
        self._guarded: dict[Key, tuple[int, inputs.WebSettings | None]] = {}
        self._unguarded: dict[Key, str] = {}
        self._memories: dict[str, History] = {}
        self._failing = FailingSteps()

    async def reconcile(self, key: Key) -> float | None:
        """Take one step; return seconds until the next look, None when the region may go."""
        document = await self._api.get(kube.REGIONS, key.name, key.namespace)
        if document is None:
            await self._forget(key, document)
            return None
        found = await self._read(document)
        snapshot = await self._observe(found)
        if found.removal_since is not None and self._may_go(found, snapshot):
            await self._forget(key, document)
            return None
        await self._guard(key, found)
        now = snapshot.taken_at
        decision, plan = self._decide(found, snapshot, now)
        self._memories[found.region.uid] = decision.history
        outcomes = await self._act(found, snapshot, plan, decision)
        plan = planning.with_refused_bridges(plan, _not_created(outcomes))
        failing = self._failing.told(found.region.uid, outcomes, now)
        plan = planning.with_failed_steps(plan, failing)
        done = Pass(found.region, snapshot, decision, plan, outcomes)
        await self._publisher.region(document, found.resource.status, done)
        if not found.is_leaving:
            self._prober.consider(found.region, snapshot)
        waits = plan.actions and found.cluster is not None and found.mesh is None
        if waits or any(each.done or each.waits for each in outcomes):
            return AFTER_ACTING_SECONDS
        return min(plan.requeue, self._settings.period_seconds)

    async def _read(self, document: Document) -> _Read:
        resource = understood(OctoRegion, document)
        if resource.spec.join_secret_ref is not None:
            return await self._read_remote(document, resource, resource.spec.join_secret_ref.name)
        name, namespace = resource.spec.cluster, resource.metadata.namespace
        above = await self._api.get(kube.CLUSTERS, name, namespace)
        cluster: JitsiCluster | None = None
        mesh: Mesh | None = None
        if above is not None:
            cluster = understood(JitsiCluster, above)
            mesh = await self._meshes.mesh(above, cluster)
        image = self._settings.bridge_image or DEFAULT_BRIDGE_IMAGE
        held = await credentials.read(self._api, namespace, name) if cluster else None
        region = _as_bridges_are(effective_region(cluster, resource, image), mesh, held)
        return _Read(document, resource, cluster, region, held, mesh)

    async def _read_remote(self, document: Document, resource: OctoRegion, secret: str) -> _Read:
        """Return a region whose cluster is in another Kubernetes."""
        image = self._settings.bridge_image or DEFAULT_BRIDGE_IMAGE
        user, namespace = (
            f"{resource.metadata.namespace}/{resource.metadata.name}",
            resource.metadata.namespace,
        )
        try:
            home = await self._homes.join(user, namespace, secret, resource.spec.region)
        except UnusableError as error:
            region = effective_region(None, resource, image)
            where = f"Secret {secret}"
            return _Read(document, resource, None, region, None, None, where, str(error))
        region = effective_region(home.cluster, resource, image)
        mesh = mesh_of(effective_cluster(home.cluster), [Place(region.region)])
        region = _as_bridges_are(region, mesh, home.credentials)
        to = inputs.Home(*home.prosody, secret)
        return _Read(
            document,
            resource,
            home.cluster,
            region,
            home.credentials,
            mesh,
            home.gateway.url,
            home=to,
        )

    async def _observe(self, found: _Read) -> Snapshot:
        region = found.region
        facts = ClusterFacts(
            ClusterName(region.namespace, region.cluster),
            exists=found.cluster is not None,
            tokens=found.credentials.tokens if found.credentials else Tokens(),
            remote=found.remote,
            message=found.unusable,
        )
        history = self._history(found)
        snapshot = await self._observer.observe(region, facts, history)
        if found.cluster is None or found.credentials is None:
            # Without them it can't be told of which release bridges should be.
            return snapshot
        bridges = lifecycle.judged(snapshot, snapshot.taken_at, limits_of(region.autoscaling))
        snapshot = replace(snapshot, history=flapping.noticed(snapshot, bridges))
        # Bridges of a domain that Prosody doesn't serve yet would never register.
        domain = domain_in_force(found.cluster)
        settings = mapping.bridge_settings(region, domain, found.home)
        text = releases.text_of(region, domain, found.home)
        name = releases.name_of(text)
        around = await self._around.read(region, snapshot)
        return replace(
            snapshot,
            config_hash=bridge_manifest.config_hash(settings),
            release=name,
            releases={**snapshot.releases, name: text},
            around=replace(around, upgrading=await self._meshes.upgrading(region)),
            elsewhere=await self._elsewhere(region),
        )

    async def _elsewhere(self, region: EffectiveRegion) -> Mapping[str, int | None]:
        wanted = region.autoscaling.headroom
        if wanted is None or not wanted.lost_region:
            return {}
        try:
            seen = await self._observer.jicofo_seen(ClusterName(region.namespace, region.cluster))
        except FleetError:
            # Nothing shrinks until it answers, so that less is wanted meanwhile does no harm.
            seen = None
        return await self._meshes.elsewhere(region, seen)

    def _history(self, found: _Read) -> History:
        """Return what scaling remembers, with what was seen since the status was written."""
        history = reporting.history_of(found.resource.status)
        own = self._memories.get(found.region.uid)
        if own is None:
            return history
        return replace(history, memory=own.memory, falls=own.falls, standing=own.standing)

    def _may_go(self, found: _Read, snapshot: Snapshot) -> bool:
        """Return whether a region that is being deleted needs nothing more.

        That is when no bridge is left. Without a cluster, or past the deadline those of which it
        isn't known that anybody is on them, bridges go with the region: by SIGTERM, upon which
        they still drain by themselves.
        """
        scaling, now = found.region.autoscaling, snapshot.taken_at
        overdue = now - (found.removal_since or now) > scaling.drain.deadline
        gives_up = overdue and not lifecycle.occupied(snapshot, limits_of(scaling))
        return not snapshot.bridges or not snapshot.cluster.exists or gives_up

    def _decide(self, found: _Read, snapshot: Snapshot, now: Timestamp) -> tuple[Decision, Plan]:
        region = found.region
        if not found.is_leaving:
            decision = sizing.decide(region, snapshot, now)
        else:
            decision = sizing.decide_removal(snapshot, region.autoscaling.mode, now)
            # Even a paused region drains when it or its cluster is deleted.
            scaling = replace(region.autoscaling, mode=Mode.EXTERNAL)
            region = replace(region, autoscaling=scaling)
        return decision, planning.plan(region, snapshot, decision, now)

    async def _act(
        self, found: _Read, snapshot: Snapshot, plan: Plan, decision: Decision
    ) -> tuple[Outcome, ...]:
        if not plan.actions or found.cluster is None or found.credentials is None:
            return ()
        if found.mesh is None:
            return ()
        region = found.region
        learned = learning.stress_to_publish(decision.history.memory, limits_of(region.autoscaling))
        target = Target(
            snapshot=snapshot,
            owner=mapping.region_owner(region),
            region=region,
            home=found.home,
            stage=plan.stage,
            participant_stress=learned,
            cluster=ClusterName(region.namespace, region.cluster),
            tokens=found.credentials.tokens,
        )
        return await self._actuator.run(plan.actions, target)

    async def _guard(self, key: Key, found: _Read) -> None:
        """Keep evictions off the region's bridges, and its web servers told where they are.

        Where that fails the region works all the same: a bridge that is evicted drains by itself.
        """
        region = found.region
        told = self._web_settings(found)
        if self._guarded.get(key) == (region.generation, told):
            return
        owner = mapping.region_owner(region)
        body = disruption.build_budget(region.cluster, region.name, region.namespace, owner)
        name, code = region.name, region.region
        settings = web.build_web_settings(region.cluster, name, code, region.namespace, owner, told)
        try:
            for child in (Child(kube.BUDGETS, body), Child(kube.CONFIG_MAPS, settings)):
                await clusters.ensure_child(self._api, child, region.namespace, region.uid)
        except Refused as error:
            if self._unguarded.get(key) != str(error):
                _log.warning("Could not keep what belongs to a region", error=str(error))
            self._unguarded[key] = str(error)
            return
        self._guarded[key] = (region.generation, told)
        self._unguarded.pop(key, None)

    def _web_settings(self, found: _Read) -> inputs.WebSettings | None:
        """Return what web servers beside the region's bridges are told of the cluster."""
        if found.cluster is None:
            return None
        here = self._settings.cluster_domain if found.remote is None else None
        cluster = effective_cluster(found.cluster)
        served = replace(cluster, domain=domain_in_force(found.cluster))
        return mapping.web_settings(served, cluster.web, here)

    async def _forget(self, key: Key, document: Document | None) -> None:
        self._guarded.pop(key, None)
        self._unguarded.pop(key, None)
        uid = documents.uid_of(document)
        self._memories.pop(uid, None)
        self._failing.forget(uid)
        await self._homes.leave(str(key))
        self._publisher.forget(document, key.namespace, key.name)


def _as_bridges_are(
    region: EffectiveRegion, mesh: Mesh | None, held: Credentials | None
) -> EffectiveRegion:
    """Return the region with what its bridges are told of the cluster they serve."""
    relays = mesh is not None and mesh.relays
    which = region.bridge.accounts if held is None else held.generation
    return replace(region, bridge=replace(region.bridge, relays=relays, accounts=which))


def _not_created(outcomes: tuple[Outcome, ...]) -> list[str]:
    """Return why bridges weren't made, each named."""
    return [
        f"{each.action.name}: {each.message}"
        for each in outcomes
        if isinstance(each.action, CreateBridge) and not each.done
    ]
