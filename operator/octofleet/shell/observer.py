"""Observation: everything the core decides on, read anew, each reading with its time.

What can't be read stays None. Nothing here decides anything.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from octofleet.api.effective import EffectiveRegion
from octofleet.core import releases
from octofleet.core.manifests import naming
from octofleet.core.observation import (
    Bridge,
    Cluster,
    History,
    Node,
    Reading,
    Snapshot,
    Timestamp,
)
from octofleet.shell import documents, kube, pods
from octofleet.shell.breweries import Breweries
from octofleet.shell.bridges import BridgeAddress, BridgeClient, Tokens
from octofleet.shell.caching import Shared
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.errors import KubeError, TurnedAway, Unreachable
from octofleet.shell.jicofo import JicofoClient, JicofoView
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.podwatch import PodWatch

JICOFO_SECONDS: Final = 0.9
SLOW_SECONDS: Final = 4.0
PUSHED_SECONDS: Final = 12.0
"""Bridges publish every 5 s; one that has missed two is asked."""
MEMORY_LIMIT: Final = 20_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What of a region's cluster the observer is told by the reconciler."""

    name: ClusterName
    exists: bool
    tokens: Tokens
    """The bearer tokens of its bridges."""
    remote: str | None = None
    """Where its Jicofo is reached when it is in another Kubernetes."""
    message: str = ""
    """Why it doesn't exist, where that isn't plain."""

    def __repr__(self) -> str:
        return f"ClusterFacts({self.name}, exists={self.exists})"


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the observer asks."""

    kube: KubernetesCluster
    jicofo: JicofoClient
    bridges: BridgeClient
    breweries: Breweries
    endpoints: Endpoints
    watch: PodWatch
    clock: Callable[[], float]


class Observer:
    """Takes snapshots of regions."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        clock = ports.clock
        self._nodes = Shared[None, list[Document]](self._read_nodes, SLOW_SECONDS, clock)
        self._jicofo = Shared[ClusterName, JicofoView](self._read_jicofo, JICOFO_SECONDS, clock)
        self._metrics = Shared[str, list[Document]](self._read_metrics, SLOW_SECONDS, clock)
        self._controller = Shared[ClusterName, tuple[bool, str]](
            self._read_controller, SLOW_SECONDS / 2, clock
        )
        self._jicofo_seen: dict[ClusterName, Timestamp] = {}
        self._turned_away: set[ClusterName] = set()
        self._metrics_seen: dict[str, Timestamp] = {}
        self._registered: dict[str, Timestamp] = {}

    async def observe(
        self, region: EffectiveRegion, cluster: ClusterFacts, history: History
    ) -> Snapshot:
        """Return the region as it is now.

        Raises:
            KubeError: The API server can't be asked for the region's pods or nodes.
        """
        labels = naming.bridge_labels(region.cluster, region.name)
        found, nodes = await asyncio.gather(
            self._ports.kube.list(kube.PODS, region.namespace, labels), self._nodes.get(None)
        )
        jicofo, usage, controller = await asyncio.gather(
            self._try_jicofo(cluster),
            self._try_metrics(region.namespace),
            self._try_controller(cluster),
        )
        bridges = await asyncio.gather(
            *(self._bridge(pod, cluster, jicofo, usage) for pod in found if _ours(pod, region))
        )
        return Snapshot(
            namespace=region.namespace,
            region_name=region.name,
            taken_at=Timestamp(self._ports.clock()),
            cluster=self._cluster(cluster, jicofo, controller, region.namespace),
            bridges=tuple(sorted(bridges, key=lambda each: each.name)),
            nodes=tuple(_node(each, region) for each in nodes),
            history=history,
            taken_nodes=self._ports.watch.nodes_of_others(region.namespace, region.name),
            releases=_releases(pod for pod in found if _ours(pod, region)),
        )

    def address(self, bridge: Bridge, tokens: Tokens) -> BridgeAddress | None:
        """Return where a bridge's REST is, None before it has a node."""
        if bridge.node_address is None:
            return None
        base = self._ports.endpoints.bridge(bridge.node_address, bridge.name)
        return BridgeAddress(base, tokens.of(bridge.token_key))

    async def jicofo_seen(self, cluster: ClusterName) -> JicofoView:
        """Return what Jicofo said a moment ago or says now.

        Raises:
            Unreachable: It can't be asked.
        """
        return await self._jicofo.get(cluster)

    def forget_nodes(self) -> None:
        """Read the nodes anew at the next look: one of them has changed."""
        self._nodes.forget(None)

    async def jicofo_view(self, cluster: ClusterName) -> JicofoView:
        """Return a fresh look at Jicofo, for the last check before something is deleted.

        Raises:
            Unreachable: It can't be asked.
        """
        self._jicofo.forget(cluster)
        return await self._jicofo.get(cluster)

    def _cluster(
        self,
        cluster: ClusterFacts,
        jicofo: JicofoView | None,
        controller: tuple[bool, str],
        namespace: str,
    ) -> Cluster:
        return Cluster(
            namespace=cluster.name.namespace,
            name=cluster.name.name,
            exists=cluster.exists,
            controller_ready=controller[0],
            jicofo_reachable=jicofo is not None,
            jicofo_seen_at=self._jicofo_seen.get(cluster.name),
            turned_away=cluster.name in self._turned_away,
            brewery_seen_at=self._ports.breweries.seen_at(cluster.name),
            metrics_seen_at=self._metrics_seen.get(namespace),
            message=controller[1],
            remote=cluster.remote,
        )

    async def _bridge(
        self,
        pod: Document,
        cluster: ClusterFacts,
        jicofo: JicofoView | None,
        usage: dict[str, Reading],
    ) -> Bridge:
        bridge = pods.bridge_of(pod)
        bridge = self._as_jicofo_says(bridge, jicofo)
        bridge = await self._as_it_says(bridge, cluster)
        request, used = pods.cpu_request(pod), usage.get(bridge.name)
        if request and used is not None and used.at >= bridge.created_at:
            percent = replace(used, value=100 * used.value / request)
            bridge = replace(bridge, cpu_utilization=percent)
        return bridge

    def _as_jicofo_says(self, bridge: Bridge, jicofo: JicofoView | None) -> Bridge:
        if jicofo is None:
            return replace(bridge, registered_at=self._registered.get(bridge.nickname))
        seen = jicofo.bridges.get(bridge.nickname)
        registered = seen is not None and seen.operational
        return replace(
            bridge,
            registered=registered,
            registered_at=self._seen_registered(bridge, registered),
            conferences=jicofo.conferences.get(bridge.nickname, ()),
            placed=_placed(jicofo, bridge.nickname),
            version=seen.version if seen else None,
            failing_ice=seen is not None and seen.failing_ice,
        )

    def _seen_registered(self, bridge: Bridge, registered: bool) -> Timestamp | None:
        """Return when Jicofo was last seen to list a bridge, as far as this process knows."""
        if registered:
            self._registered.pop(bridge.nickname, None)
            self._registered[bridge.nickname] = Timestamp(self._ports.clock())
        while len(self._registered) > MEMORY_LIMIT:
            del self._registered[next(iter(self._registered))]
        return self._registered.get(bridge.nickname)

    async def _as_it_says(self, bridge: Bridge, cluster: ClusterFacts) -> Bridge:
        """Add what the bridge itself tells: pushed to the brewery, else asked by REST."""
        breweries = self._ports.breweries
        member = breweries.member(cluster.name, bridge.nickname)
        visible = breweries.visible(cluster.name)
        bridge = replace(bridge, in_brewery=member is not None if visible else None)
        now = Timestamp(self._ports.clock())
        pushed = member is not None and now - member.at < PUSHED_SECONDS
        # What a filter keeps out of the brewery, the bridge tells when asked.
        if member is not None and pushed and member.stats.local_endpoints is not None:
            stats, at = member.stats, member.at
        else:
            address = self.address(bridge, cluster.tokens)
            if address is None or bridge.pod_phase != "Running":
                return bridge
            try:
                stats = await self._ports.bridges.stats(address)
            except Unreachable:
                return bridge if member is None else pods.told(bridge, member.stats, member.at)
            at = now
        return pods.told(bridge, stats, at)

    async def _try_jicofo(self, cluster: ClusterFacts) -> JicofoView | None:
        if not cluster.exists:
            return None
        try:
            return await self._jicofo.get(cluster.name)
        except Unreachable as error:
            _log.debug("Could not ask Jicofo", cluster=str(cluster.name), error=str(error))
            return None

    async def _read_jicofo(self, cluster: ClusterName) -> JicofoView:
        now = Timestamp(self._ports.clock())
        self._turned_away.discard(cluster)
        try:
            view = await self._ports.jicofo.view(self._ports.endpoints.jicofo(cluster), now)
        except TurnedAway:
            self._turned_away.add(cluster)
            raise
        self._jicofo_seen[cluster] = now
        return view

    async def _try_metrics(self, namespace: str) -> dict[str, Reading]:
        """Return the cores that pods use, by name; none where they can't be asked for."""
        try:
            found = await self._metrics.get(namespace)
        except KubeError:
            return {}
        usage: dict[str, Reading] = {}
        for each in found:
            used, at = pods.cpu_usage(each), documents.moment(each, "timestamp")
            if used is not None and at is not None:
                name = documents.name_of(each)
                usage[name] = Reading(used, at, pods.window(each))
        return usage

    async def _read_metrics(self, namespace: str) -> list[Document]:
        found = await self._ports.kube.list(kube.POD_METRICS, namespace, naming.any_bridge_labels())
        self._metrics_seen[namespace] = Timestamp(self._ports.clock())
        return found

    async def _read_nodes(self, _: None) -> list[Document]:
        return await self._ports.kube.list(kube.NODES)

    async def _try_controller(self, cluster: ClusterFacts) -> tuple[bool, str]:
        if not cluster.exists:
            return False, cluster.message
        if cluster.remote is not None:
            # Whether it serves shows in Jicofo's answers; its Deployments are out of sight.
            return True, ""
        try:
            return await self._controller.get(cluster.name)
        except KubeError as error:
            return False, str(error)

    async def _read_controller(self, cluster: ClusterName) -> tuple[bool, str]:
        names = (naming.prosody_name(cluster.name), naming.jicofo_name(cluster.name))
        found = await asyncio.gather(
            *(self._ports.kube.get(kube.DEPLOYMENTS, each, cluster.namespace) for each in names)
        )
        missing = [name for name, each in zip(names, found, strict=True) if not available(each)]
        return not missing, f"not ready: {', '.join(missing)}" if missing else ""


def _releases(found: Iterable[Document]) -> dict[str, str]:
    """Return the texts of the releases that are there, by name."""
    texts = {text for pod in found if (text := pods.release_text(pod)) is not None}
    return {releases.name_of(text): text for text in texts}


def _placed(jicofo: JicofoView, nickname: str) -> Reading:
    """Return how many people Jicofo has on a bridge."""
    shares = jicofo.conferences.get(nickname, ())
    return Reading(sum(each.participants for each in shares), jicofo.at)


def available(deployment: Document | None) -> bool:
    """Return whether a Deployment's current version serves."""
    if deployment is None:
        return False
    seen = documents.number(deployment, "status", "observedGeneration") or 0
    wanted = documents.number(deployment, "metadata", "generation") or 0
    updated = documents.number(deployment, "status", "updatedReplicas") or 0
    return (
        seen >= wanted
        and updated >= 1
        and (documents.number(deployment, "status", "availableReplicas") or 0) >= 1
    )


def _ours(pod: Document, region: EffectiveRegion) -> bool:
    """Return whether the region controls the pod: labels alone can be anyone's."""
    owners = documents.items(pod, "metadata", "ownerReferences")
    return any(each.get("controller") is True and each.get("uid") == region.uid for each in owners)


def _node(node: Document, region: EffectiveRegion) -> Node:
    bridge = region.bridge
    return pods.node_of(
        node,
        bridge.node_selector,
        bridge.tolerations,
        bridge.zones,
        bridge.addresses.annotation,
    )
