"""Reconciling a JitsiCluster, pass by pass."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import EffectiveCluster, effective_cluster, effective_region
from octofleet.api.regions import OctoRegion
from octofleet.core import meshing
from octofleet.core.manifests import inputs, naming
from octofleet.core.meshing import Mesh
from octofleet.shell import clusters, credentials, documents, gateways, kube
from octofleet.shell.bells import Key
from octofleet.shell.breweries import Breweries
from octofleet.shell.bridges import Tokens
from octofleet.shell.credentials import Keeper, Kept
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import Conflict, Refused
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.linkwatch import LinkWatch
from octofleet.shell.observer import available
from octofleet.shell.publishing import ControllerState, Publisher
from octofleet.shell.resources import understood
from octofleet.shell.restarting import Left, Restarter
from octofleet.shell.rotating import Rotator
from octofleet.shell.settings import Settings
from octofleet.shell.webs import WebKeeper

REAPPLY_SECONDS: Final = 60.0
WORD_SECONDS: Final = 10.0
"""So old may be what a region's status says of its people: it is written every few seconds."""


class ClusterReconciler:
    """Reconciles clusters."""

    def __init__(
        self,
        settings: Settings,
        api: KubernetesCluster,
        breweries: Breweries,
        publisher: Publisher,
        links: LinkWatch,
        keeper: Keeper,
        rotator: Rotator,
        restarter: Restarter,
        webs: WebKeeper,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._api = api
        self._breweries = breweries
        self._publisher = publisher
        self._links = links
        self._keeper = keeper
        self._rotator = rotator
        self._restarter = restarter
        self._webs = webs
        self._tokens: dict[Key, Tokens] = {}
        self._clock = clock
        self._applied: dict[Key, tuple[tuple[EffectiveCluster, Mesh | None], float]] = {}
        self._left: dict[Key, Left] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Take one step; return seconds until the next look, None when the cluster may go."""
        name = ClusterName(key.namespace, key.name)
        document = await self._api.get(kube.CLUSTERS, key.name, key.namespace)
        if document is None:
            self._forget(key, document)
            return None
        if documents.text(document, "metadata", "deletionTimestamp") is not None:
            if await self._is_empty(document, name):
                self._forget(key, document)
                return None
            return self._settings.period_seconds
        resource, cluster = self._read(document)
        regions = await self._api.list(kube.REGIONS, key.namespace)
        joined = clusters.regions_of(regions, key.name)
        settled = clusters.is_settled(document, self._clock())
        # Jicofo is told of the regions, so it waits for those that were applied along with it.
        mesh = meshing.mesh_of(cluster, clusters.places_of(joined)) if settled else None
        asked = credentials.asked_of(document)
        refusal, kept = await self._keep(key, document, cluster, mesh, joined, asked)
        if refusal is None and settled:
            await self._default_region(cluster, regions)
        state = self._with_restarts(key, await self._state(name, refusal))
        # Prosody is asked by the domain that it serves.
        served = replace(cluster, domain=state.domain or cluster.domain)
        if mesh is not None and kept is not None:
            state = replace(state, web=await self._webs.keep(key, served, mesh, joined))
        looked = None if kept is None else await self._rotator.look(served, kept, asked)
        if looked is not None:
            state = replace(state, credentials=looked.verdict)
        if mesh is not None and (mesh.relays or mesh.elsewhere or len(mesh.regions) > 1):
            linking = await self._links.look(name, self._tokens.get(key, Tokens()))
            state = replace(state, mesh=mesh, linking=linking)
        await self._publisher.cluster(document, resource.status, cluster, joined, state)
        acted = looked is not None and looked.acted
        return self._settings.period_seconds if settled and not acted else 1.0

    def _read(self, document: Document) -> tuple[JitsiCluster, EffectiveCluster]:
        resource = understood(JitsiCluster, document)
        cluster = effective_cluster(resource)
        return resource, clusters.with_default_images(cluster, document, self._settings)

    async def _keep(
        self,
        key: Key,
        document: Document,
        cluster: EffectiveCluster,
        mesh: Mesh | None,
        joined: list[Document],
        asked: str,
    ) -> tuple[str | None, Kept | None]:
        """Keep the controller side as it should be; return why that is refused, or its passwords.

        The passwords come first: everything else waits for its own in the Secret.
        """
        try:
            kept = await self._keeper.ensure(cluster, asked)
            left = self._left.get(key)
            due = not self._is_applied(key, cluster, mesh)
            if due:
                for child in clusters.services_of(cluster):
                    await clusters.ensure_child(self._api, child, key.namespace, cluster.uid)
            if due or left is None or not left.is_settled:
                left = await self._restarter.keep(document, cluster, mesh, joined)
            if due:
                await gateways.ensure(self._api, cluster)
                self._applied[key] = ((cluster, mesh), self._clock())
            self._left[key] = left
        except Refused as error:
            return str(error), None
        self._tokens[key] = kept.credentials.tokens
        domains = inputs.Domains(left.domain)
        self._breweries.watch(ClusterName(key.namespace, key.name), domains, kept.credentials)
        return None, kept

    def _is_applied(self, key: Key, cluster: EffectiveCluster, mesh: Mesh | None) -> bool:
        last, at = self._applied.get(key, (None, 0.0))
        return last == (cluster, mesh) and self._clock() - at <= REAPPLY_SECONDS

    def _with_restarts(self, key: Key, state: ControllerState) -> ControllerState:
        left = self._left.get(key)
        if left is None:
            return state
        return replace(state, restarts=left.verdict, domain=left.domain)

    async def _default_region(self, cluster: EffectiveCluster, regions: list[Document]) -> None:
        try:
            await clusters.ensure_default_region(self._api, cluster, regions)
        except Conflict:
            # A region of that name has come in between: the next look finds it.
            return

    async def _state(self, name: ClusterName, refusal: str | None) -> ControllerState:
        """Return whether Prosody and Jicofo serve, and what doesn't."""
        if refusal is not None:
            return ControllerState(ready=False, message=refusal)
        missing = [
            each
            for each in (naming.prosody_name(name.name), naming.jicofo_name(name.name))
            if not available(await self._api.get(kube.DEPLOYMENTS, each, name.namespace))
        ]
        if not missing:
            return ControllerState(ready=True, message="")
        why = f"not available: {', '.join(missing)}; see kubectl describe deployment {missing[0]}"
        return ControllerState(ready=False, message=why)

    async def _is_empty(self, document: Document, name: ClusterName) -> bool:
        """Delete the regions the cluster owns; return whether no region has a bridge left.

        Prosody and Jicofo stay until then: whoever is still in a call keeps them. Regions that
        aren't the cluster's own stay, but they drain. Past the longest drain deadline the
        cluster goes all the same, unless somebody is known to be in a call.
        """
        regions = await self._api.list(kube.REGIONS, name.namespace)
        owned = [each for each in regions if _owns(document, each)]
        for each in owned:
            if documents.text(each, "metadata", "deletionTimestamp") is None:
                meta = documents.texts(each, "metadata")
                await self._api.delete(kube.REGIONS, name.namespace, meta["name"], meta["uid"])
        if self._is_overdue(document, clusters.regions_of(regions, name.name)):
            return True
        labels = {**naming.any_bridge_labels(), naming.LABEL_CLUSTER: name.name}
        return not owned and not await self._api.list(kube.PODS, name.namespace, labels)

    def _is_overdue(self, document: Document, regions: list[Document]) -> bool:
        """Return whether nobody is known to be in a call, past every deadline.

        People who came just before the deletion aren't in their region's status yet.
        """
        if any(documents.number(each, "status", "participants") for each in regions):
            return False
        since = documents.moment(document, "metadata", "deletionTimestamp") or self._clock()
        cluster = understood(JitsiCluster, document)
        deadlines = [
            effective_region(cluster, understood(OctoRegion, each)).autoscaling.drain.deadline
            for each in regions
        ]
        return self._clock() - since > max(deadlines, default=float("inf")) + WORD_SECONDS

    def _forget(self, key: Key, document: Document | None = None) -> None:
        self._applied.pop(key, None)
        self._left.pop(key, None)
        self._restarter.forget(key)
        self._webs.forget(key)
        self._tokens.pop(key, None)
        self._keeper.forget(documents.uid_of(document))
        self._rotator.forget(ClusterName(key.namespace, key.name))
        self._links.forget(ClusterName(key.namespace, key.name))
        self._breweries.forget(ClusterName(key.namespace, key.name))


def _owns(cluster: Document, region: Document) -> bool:
    uid = documents.text(cluster, "metadata", "uid")
    owners = documents.items(region, "metadata", "ownerReferences")
    return any(each.get("uid") == uid for each in owners)
