"""Keeps a cluster's web servers as they should be, or takes them away when switched off.

Nothing here waits for a moment: they hold nothing, and media never passes through them. Whatever
goes wrong with them stays here, too: people in meetings need none of it.
"""

from collections.abc import Callable
from typing import Final

from octofleet.api.effective import EffectiveCluster
from octofleet.core import webfront
from octofleet.core.conditions import Verdict
from octofleet.core.manifests import mapping, naming, web
from octofleet.core.meshing import Mesh
from octofleet.shell import clusters, documents, kube
from octofleet.shell.bells import Key
from octofleet.shell.clusters import Child
from octofleet.shell.documents import Document
from octofleet.shell.errors import Refused
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.observer import available

__all__ = ["WebKeeper"]

REAPPLY_SECONDS: Final = 60.0
KINDS: Final[tuple[Kind, ...]] = (kube.INGRESSES, kube.BUDGETS, kube.SERVICES, kube.DEPLOYMENTS)
"""Of what web servers are made, those first that lead to others."""


class WebKeeper:
    """Keeps web servers."""

    def __init__(
        self, api: KubernetesCluster, cluster_domain: str, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._cluster_domain = cluster_domain
        self._clock = clock
        self._applied: dict[Key, tuple[tuple[Child, ...], float]] = {}

    async def keep(self, key: Key, cluster: EffectiveCluster, mesh: Mesh) -> Verdict | None:
        """Take a step; return what is to be said, None where the operator runs none.

        Args:
            key: The JitsiCluster.
            cluster: What holds for it, with the domain that its Prosody serves.
            mesh: How its regions hang together.
        """
        children = self._children(cluster, mesh) if cluster.web.are_managed else ()
        try:
            if not self._is_applied(key, children):
                await self._make_so(cluster, children)
                self._applied[key] = (children, self._clock())
        except Refused as error:
            return webfront.refused(str(error))
        if not children:
            return None
        name = naming.web_name(cluster.name)
        found = await self._api.get(kube.DEPLOYMENTS, name, cluster.namespace)
        url = cluster.web.public_url(cluster.domain)
        return webfront.judged(name, url, serves=available(found), stalled=_stalled(found))

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._applied.pop(key, None)

    def _is_applied(self, key: Key, children: tuple[Child, ...]) -> bool:
        last, at = self._applied.get(key, (None, 0.0))
        return last == children and self._clock() - at <= REAPPLY_SECONDS

    def _children(self, cluster: EffectiveCluster, mesh: Mesh) -> tuple[Child, ...]:
        owner, name, namespace = mapping.cluster_owner(cluster), cluster.name, cluster.namespace
        # Where there are several regions, who opens these pages may be in any of them.
        only = mesh.regions[0] if len(mesh.regions) == 1 and not mesh.elsewhere else None
        told = mapping.web_settings(cluster, cluster.domain, self._cluster_domain, only)
        replicas, workload = cluster.web.replicas, mapping.web_workload(cluster)
        body = web.build_web(name, namespace, owner, told, workload, replicas)
        found = [
            Child(kube.DEPLOYMENTS, body),
            Child(kube.SERVICES, web.build_web_service(name, namespace, owner)),
        ]
        if replicas > 1:
            found.append(Child(kube.BUDGETS, web.build_web_budget(name, namespace, owner)))
        front = mapping.web_front(cluster)
        if front is not None:
            ingress = web.build_web_ingress(name, namespace, owner, front)
            found.append(Child(kube.INGRESSES, ingress))
        return tuple(found)

    async def _make_so(self, cluster: EffectiveCluster, children: tuple[Child, ...]) -> None:
        """Make what is asked for, and take away what isn't.

        Raises:
            Refused: An object of that name is somebody else's, or the API server won't have it.
        """
        name, namespace = naming.web_name(cluster.name), cluster.namespace
        there = {kind: await self._api.get(kind, name, namespace) for kind in KINDS}
        for child in children:
            found = there.pop(child.kind)
            if found is not None and not clusters.is_owned(found, cluster.uid):
                # It may serve people: web servers were the users' own before they were ours.
                raise Refused(409, webfront.taken(child.kind.name, name))
        for child in children:
            await self._api.apply(child.kind, namespace, child.body)
        for kind, found in there.items():
            if found is not None and clusters.is_owned(found, cluster.uid):
                await self._api.delete(kind, namespace, name, documents.uid_of(found))


def _stalled(deployment: Document | None) -> bool:
    """Return whether new pods are overdue, or there is nothing new that would have to come up."""
    progress = documents.condition(deployment, "Progressing")
    return progress.get("status") == "False" or progress.get("reason") == "NewReplicaSetAvailable"
