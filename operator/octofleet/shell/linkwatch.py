"""Looks at a cluster's links: asks Jicofo what should be linked, and both bridges what is."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from octofleet.core.links import End, Linking, Person, broken_pairs
from octofleet.core.manifests import naming
from octofleet.core.observation import Timestamp
from octofleet.shell import documents, kube, pods
from octofleet.shell.bridges import BridgeAddress, BridgeClient, Tokens
from octofleet.shell.caching import Shared
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.errors import FleetError, Unreachable
from octofleet.shell.jicofo import JicofoView
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.observer import Observer

LOOK_SECONDS: Final = 4.0
AT_ONCE: Final = 16
ENDS_LIMIT: Final = 10_000
LOSS_LIMIT: Final = 1.0
RTT_LIMIT_SECONDS: Final = 60.0
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LinkPorts:
    """Everything that is asked."""

    kube: KubernetesCluster
    observer: Observer
    bridges: BridgeClient
    endpoints: Endpoints
    clock: Callable[[], float]


class LinkWatch:
    """Looks at the links of all clusters."""

    def __init__(self, ports: LinkPorts) -> None:
        self._ports = ports
        self._seen = Shared[ClusterName, Linking](self._look, LOOK_SECONDS, ports.clock)
        self._tokens: dict[ClusterName, Tokens] = {}
        self._since: dict[ClusterName, Mapping[Pair, Timestamp]] = {}

    async def look(self, cluster: ClusterName, tokens: Tokens) -> Linking | None:
        """Return what is seen of a cluster's links, None while Jicofo can't be asked."""
        self._tokens[cluster] = tokens
        try:
            return await self._seen.get(cluster)
        except FleetError:
            return None

    def forget(self, cluster: ClusterName) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._seen.forget(cluster)
        self._tokens.pop(cluster, None)
        self._since.pop(cluster, None)

    async def _look(self, cluster: ClusterName) -> Linking:
        jicofo = await self._ports.observer.jicofo_seen(cluster)
        addresses = await self._addresses(cluster) if jicofo.links else {}
        asked = sorted({nick for link in jicofo.links for nick in link.pair})
        gate = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(
            *(self._ends(nick, addresses.get(nick), gate) for nick in asked)
        )
        silent = frozenset(n for n, found in zip(asked, answers, strict=True) if found is None)
        names = {seen.relay_id: nick for nick, seen in jicofo.bridges.items() if seen.relay_id}
        ends = tuple(
            replace(end, far=names.get(end.far, end.far))
            for found in answers
            for end in found or ()
        )[:ENDS_LIMIT]
        now = Timestamp(self._ports.clock())
        before = self._since.get(cluster, {})
        broken = broken_pairs(jicofo.links, ends, silent)
        since = {pair: before.get(pair, now) for pair in sorted(broken)}
        self._since[cluster] = since
        return _linking(jicofo, ends, silent, since, now)

    async def _addresses(self, cluster: ClusterName) -> dict[str, BridgeAddress]:
        """Return where the bridges' REST is, by nickname."""
        labels = {**naming.any_bridge_labels(), naming.LABEL_CLUSTER: cluster.name}
        found = await self._ports.kube.list(kube.PODS, cluster.namespace, labels)
        tokens = self._tokens.get(cluster, Tokens())
        known = [pods.bridge_of(each) for each in found]
        return {
            each.nickname: BridgeAddress(
                self._ports.endpoints.bridge(each.node_address, each.name),
                tokens.of(each.token_key),
            )
            for each in known
            if each.node_address is not None
        }

    async def _ends(
        self, nickname: str, address: BridgeAddress | None, gate: asyncio.Semaphore
    ) -> tuple[End, ...] | None:
        """Return a bridge's ends of its links, None if it can't be asked."""
        if address is None:
            return None
        try:
            async with gate:
                return _ends_in(nickname, await self._ports.bridges.debug(address))
        except Unreachable:
            return None


def _linking(
    jicofo: JicofoView,
    ends: tuple[End, ...],
    silent: frozenset[str],
    since: Mapping[Pair, Timestamp],
    now: Timestamp,
) -> Linking:
    used = {nick: seen for nick, seen in jicofo.bridges.items() if seen.operational}
    return Linking(
        at=now,
        regions={nick: seen.region for nick, seen in used.items()},
        without_id=tuple(sorted(nick for nick, seen in used.items() if seen.relay_id is None)),
        wanted=jicofo.links,
        ends=ends,
        silent=silent,
        since=since,
        people=tuple(
            Person(each.region, _region_of(jicofo, each.bridge)) for each in jicofo.people
        ),
    )


def _region_of(jicofo: JicofoView, bridge: str | None) -> str | None:
    seen = jicofo.bridges.get(bridge or "")
    return seen.region if seen else None


def _ends_in(nickname: str, debug: Document) -> tuple[End, ...] | None:
    """Return a bridge's ends of its links, None if it doesn't tell how they are."""
    conferences = documents.mapping(debug, "conferences")
    found: list[End] = []
    for name in conferences:
        meeting = documents.text(conferences, name, "meeting_id")
        relays = documents.mapping(conferences, name, "relays")
        for far in relays if meeting is not None else ():
            end = documents.mapping(relays, far)
            connected = documents.truth(end, "connected")
            if connected is None:
                return None
            rtt = _within(documents.number(end, "rtt_ms"), 1000 * RTT_LIMIT_SECONDS)
            loss = _within(documents.number(end, "incoming_loss"), LOSS_LIMIT)
            trip = None if rtt is None else rtt / 1000
            found.append(End(meeting or "", nickname, far, connected, trip, loss))
    return tuple(found)


def _within(number: float | None, most: float) -> float | None:
    return number if number is not None and 0 <= number <= most else None
