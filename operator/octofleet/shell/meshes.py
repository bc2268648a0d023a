"""How a cluster's regions hang together, as the API server has them now."""

from collections.abc import Callable
from typing import Final

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import EffectiveRegion, effective_cluster
from octofleet.api.octo import Relays
from octofleet.core.meshing import Mesh, mesh_of
from octofleet.core.stages import UNDER_WAY
from octofleet.shell import clusters, documents, kube
from octofleet.shell.caching import Shared
from octofleet.shell.documents import Document
from octofleet.shell.jicofo import JicofoView
from octofleet.shell.kube import KubernetesCluster

LIST_SECONDS: Final = 2.0


class Meshes:
    """Reads the regions of a namespace, once for all of them."""

    def __init__(self, api: KubernetesCluster, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock
        self._regions = Shared[str, list[Document]](self._read, LIST_SECONDS, clock)

    async def mesh(self, document: Document, cluster: JitsiCluster) -> Mesh | None:
        """Return how a cluster's regions hang together; None while it may still be told.

        Bridges started a moment too early, by the first region of several, would have no relays.
        """
        waits = cluster.spec.octo.relays is Relays.AUTO
        if waits and not clusters.is_settled(document, self._clock()):
            return None
        found = await self._regions.get(cluster.metadata.namespace)
        joined = clusters.regions_of(found, cluster.metadata.name)
        return mesh_of(effective_cluster(cluster), clusters.places_of(joined))

    async def elsewhere(
        self, region: EffectiveRegion, seen: JicofoView | None
    ) -> dict[str, int | None]:
        """Return how many people are in the cluster's other regions, by region; None: unknown.

        Args:
            region: The region that asks.
            seen: What Jicofo says, which knows of regions in another Kubernetes, too; None: it
                can't be asked.
        """
        found = await self._regions.get(region.namespace)
        people: dict[str, int | None] = {}
        for each in clusters.regions_of(found, region.cluster):
            name = documents.text(each, "spec", "region")
            if name is None or name == region.region:
                continue
            number = documents.number(each, "status", "participants")
            before = people.get(name, 0)
            known = None if number is None or before is None else before + int(number)
            people[name] = known
        there = {} if seen is None else seen.people_by_region()
        return {each: n for each, n in there.items() if each != region.region} | people

    async def upgrading(self, region: EffectiveRegion) -> tuple[str, ...]:
        """Return the cluster's other regions whose bridges are being replaced, by their names."""
        return upgrading(await self._regions.get(region.namespace), region)

    async def _read(self, namespace: str) -> list[Document]:
        return await self._api.list(kube.REGIONS, namespace)


def upgrading(regions: list[Document], region: EffectiveRegion) -> tuple[str, ...]:
    """Return those of the regions, besides the one that asks, that are upgraded in its cluster."""
    return tuple(
        documents.name_of(each)
        for each in clusters.regions_of(regions, region.cluster)
        if documents.name_of(each) != region.name
        and documents.text(each, "status", "rollout", "phase") in UNDER_WAY
    )
