"""Keeps a cluster's web servers as they should be, or takes them away when switched off.

Nothing here waits for a moment: they hold nothing, and media never passes through them. Whatever
goes wrong with them stays here, too: people in meetings need none of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from octofleet.api.controller import EffectiveCluster, WebServers, web_of_region
from octofleet.api.regions import OctoRegion
from octofleet.core import webfront
from octofleet.core.conditions import Verdict
from octofleet.core.manifests import mapping, naming, web
from octofleet.core.manifests.inputs import WebPlace
from octofleet.core.meshing import Mesh
from octofleet.shell import clusters, documents, kube
from octofleet.shell.bells import Key
from octofleet.shell.clusters import Child
from octofleet.shell.documents import Document
from octofleet.shell.errors import Refused
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.observer import available
from octofleet.shell.resources import understood

__all__ = ["WebKeeper"]

REAPPLY_SECONDS: Final = 60.0
KINDS: Final[tuple[Kind, ...]] = (kube.INGRESSES, kube.BUDGETS, kube.SERVICES, kube.DEPLOYMENTS)
"""Of what web servers are made, those first that lead to others."""


@dataclass(frozen=True, slots=True)
class _Site:
    """Web servers in one place: a cluster's for everyone, or a region's own."""

    place: WebPlace
    url: str = ""
    children: tuple[Child, ...] = ()
    """Empty: they are not to be."""


class WebKeeper:
    """Keeps web servers."""

    def __init__(
        self, api: KubernetesCluster, cluster_domain: str, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._cluster_domain = cluster_domain
        self._clock = clock
        self._applied: dict[Key, dict[str, tuple[_Site, float]]] = {}
        """By the owners' uid: what was applied, and when."""

    async def keep(
        self, key: Key, cluster: EffectiveCluster, mesh: Mesh, regions: Sequence[Document]
    ) -> Verdict | None:
        """Take a step; return what is to be said, None where the operator runs none.

        Args:
            key: The JitsiCluster.
            cluster: What holds for it, with the domain that its Prosody serves.
            mesh: How its regions hang together.
            regions: Those that join it.
        """
        before = self._applied.get(key, {})
        after = self._applied[key] = dict[str, tuple[_Site, float]]()
        found: list[Verdict] = []
        for site in (self._home(cluster, mesh), *self._regional(cluster, regions)):
            owner = site.place.owner.uid
            try:
                after[owner] = site, await self._keep(site, before.get(owner))
            except Refused as error:
                found.append(webfront.refused(str(error)))
            else:
                found += await self._judged(site)
        return webfront.worst(found)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._applied.pop(key, None)

    def _home(self, cluster: EffectiveCluster, mesh: Mesh) -> _Site:
        name, labels = naming.web_name(cluster.name), naming.controller_labels(cluster.name, "web")
        place = WebPlace(name, cluster.namespace, mapping.cluster_owner(cluster), labels)
        if not cluster.web.are_managed:
            return _Site(place)
        # Where there are several regions, who opens these pages may be in any of them.
        only = mesh.regions[0] if len(mesh.regions) == 1 and not mesh.elsewhere else None
        return self._site(place, cluster, cluster.web, only)

    def _regional(self, cluster: EffectiveCluster, regions: Sequence[Document]) -> list[_Site]:
        found: list[_Site] = []
        for each in regions:
            try:
                region = understood(OctoRegion, each)
            except Refused:
                # Its own reconcile says so.
                continue
            if region.metadata.deletion_timestamp is not None:
                # It takes its own with it.
                continue
            meta, own = region.metadata, web_of_region(cluster, region)
            owner = naming.Owner("OctoRegion", meta.name, meta.uid)
            labels = naming.region_web_labels(cluster.name, meta.name)
            place = WebPlace(naming.web_name(meta.name), meta.namespace, owner, labels)
            told = region.spec.region
            found.append(_Site(place) if own is None else self._site(place, cluster, own, told))
        return found

    def _site(
        self, place: WebPlace, cluster: EffectiveCluster, how: WebServers, region: str | None
    ) -> _Site:
        told = mapping.web_settings(cluster, how, self._cluster_domain, region)
        body = web.build_web(place, told, mapping.web_workload(how), how.replicas)
        found = [
            Child(kube.DEPLOYMENTS, body),
            Child(kube.SERVICES, web.build_web_service(place)),
        ]
        if how.replicas > 1:
            found.append(Child(kube.BUDGETS, web.build_web_budget(place)))
        front = mapping.web_front(how, cluster.domain)
        if front is not None:
            found.append(Child(kube.INGRESSES, web.build_web_ingress(place, front)))
        return _Site(place, told.public_url, tuple(found))

    async def _keep(self, site: _Site, before: tuple[_Site, float] | None) -> float:
        """Make a site as it should be; return when that was done last.

        Raises:
            Refused: An object of that name is somebody else's, or the API server won't have it.
        """
        now = self._clock()
        if before is not None and before[0] == site:
            # What is to be there is put right again; of what isn't, nothing comes back.
            due = bool(site.children) and now - before[1] > REAPPLY_SECONDS
            if not due:
                return before[1]
        place = site.place
        there = {kind: await self._api.get(kind, place.name, place.namespace) for kind in KINDS}
        for child in site.children:
            found = there.pop(child.kind)
            if found is not None and not clusters.is_owned(found, place.owner.uid):
                # It may serve people: web servers were the users' own before they were ours.
                raise Refused(409, webfront.taken(child.kind.name, place.name, place.owner.kind))
        for child in site.children:
            await self._api.apply(child.kind, place.namespace, child.body)
        for kind, found in there.items():
            if found is not None and clusters.is_owned(found, place.owner.uid):
                uid = documents.uid_of(found)
                await self._api.delete(kind, place.namespace, place.name, uid)
        return now

    async def _judged(self, site: _Site) -> list[Verdict]:
        if not site.children:
            return []
        name = site.place.name
        found = await self._api.get(kube.DEPLOYMENTS, name, site.place.namespace)
        serves, stalled = available(found), _stalled(found)
        return [webfront.judged(name, site.url, serves=serves, stalled=stalled)]


def _stalled(deployment: Document | None) -> bool:
    """Return whether new pods are overdue, or there is nothing new that would have to come up."""
    progress = documents.condition(deployment, "Progressing")
    return progress.get("status") == "False" or progress.get("reason") == "NewReplicaSetAvailable"
