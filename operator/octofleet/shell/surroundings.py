"""What is around a region that people's mistakes show in: Services, Ingresses, the brewery.

Read seldom, shared by all regions of a namespace; what can't be read isn't known, and no more.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from octofleet.api.effective import EffectiveRegion
from octofleet.core.manifests import naming
from octofleet.core.observation import Front, Occupant, Snapshot, Surroundings
from octofleet.shell import documents, kube
from octofleet.shell.breweries import Breweries
from octofleet.shell.brewery import Member
from octofleet.shell.caching import Shared
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["SurroundingsReader", "fronts_of"]

SERVICES_SECONDS: Final = 30.0
LOGIN_SECONDS: Final = 60.0
ABSENT_SECONDS: Final = 15.0
"""A bridge that runs so long and isn't in the brewery has the password tried."""
OCCUPANTS: Final = 200


@dataclass(frozen=True, slots=True)
class _Exposed:
    services: list[Document]
    ingresses: list[Document]


class SurroundingsReader:
    """Reads what is around regions."""

    def __init__(
        self, api: KubernetesCluster, breweries: Breweries, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._breweries = breweries
        self._exposed = Shared[str, _Exposed](self._read_exposed, SERVICES_SECONDS, clock)
        self._clock = clock
        self._logins: dict[ClusterName, tuple[float, asyncio.Task[bool | None]]] = {}

    async def read(self, region: EffectiveRegion, snapshot: Snapshot) -> Surroundings:
        """Return what is around a region."""
        cluster = ClusterName(region.namespace, region.cluster)
        members = sorted(self._breweries.members(cluster).items())[:OCCUPANTS]
        occupants = tuple(
            Occupant(nickname, each.stats.version, each.stats.relay_id, _drains(each))
            for nickname, each in members
        )
        try:
            exposed = await self._exposed.get(region.namespace)
        except KubeError:
            fronts = None
        else:
            labels = naming.bridge_labels(region.cluster, region.name)
            fronts = fronts_of(exposed.services, exposed.ingresses, labels)
        login = self._login(cluster) if _is_missed(snapshot) else None
        return Surroundings(fronts, occupants, login)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [task for _, task in self._logins.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _login(self, cluster: ClusterName) -> bool | None:
        """Return what came of the last try of the bridges' password; begin one if it is old."""
        now = self._clock()
        at, task = self._logins.get(cluster, (0.0, None))
        known = task.result() if task is not None and _is_over(task) else None
        if task is None or (task.done() and now - at > LOGIN_SECONDS):
            begun = asyncio.create_task(self._breweries.takes_bridges(cluster))
            self._logins[cluster] = (now, begun)
        return known

    async def _read_exposed(self, namespace: str) -> _Exposed:
        services = await self._api.list(kube.SERVICES, namespace)
        return _Exposed(services, await self._api.list(kube.INGRESSES, namespace))


def fronts_of(
    services: list[Document], ingresses: list[Document], labels: Mapping[str, str]
) -> tuple[Front, ...]:
    """Return what stands between people and the pods with these labels."""
    ours = {documents.name_of(each) for each in services if _selects(each, labels)}
    balancing = [
        Front(f"{documents.text(each, 'spec', 'type')} Service", documents.name_of(each))
        for each in services
        if documents.name_of(each) in ours and _balances_udp(each)
    ]
    routing = [
        Front("Ingress", documents.name_of(each)) for each in ingresses if backends_of(each) & ours
    ]
    return (*balancing, *routing)


def _drains(member: Member) -> bool:
    told = member.stats
    return bool(told.drain or told.graceful_shutdown or told.shutting_down)


def _is_over(task: asyncio.Task[bool | None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _is_missed(snapshot: Snapshot) -> bool:
    return any(
        each.pod_phase == "Running"
        and each.in_brewery is False
        and each.registered is not True
        and snapshot.taken_at - each.created_at >= ABSENT_SECONDS
        for each in snapshot.bridges
    )


def _selects(service: Document, labels: Mapping[str, str]) -> bool:
    selector = documents.texts(service, "spec", "selector")
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _balances_udp(service: Document) -> bool:
    if documents.text(service, "spec", "type") not in ("LoadBalancer", "NodePort"):
        return False
    return any(each.get("protocol") == "UDP" for each in documents.items(service, "spec", "ports"))


def backends_of(ingress: Document) -> set[str]:
    """Return the Services that an Ingress leads to."""
    backends = [documents.mapping(ingress, "spec", "defaultBackend")]
    for rule in documents.items(ingress, "spec", "rules"):
        paths = documents.items(rule, "http", "paths")
        backends += [documents.mapping(each, "backend") for each in paths]
    return {documents.text(each, "service", "name") or "" for each in backends} - {""}
