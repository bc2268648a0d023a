"""Reconciling a JitsiCluster: Prosody, Jicofo, a default region."""

from dataclasses import dataclass, replace
from typing import Final

from octofleet.api.effective import EffectiveCluster
from octofleet.core.manifests import inputs, jicofo, mapping, prosody, region
from octofleet.core.manifests.naming import Manifest
from octofleet.core.meshing import Mesh, Place
from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import Refused
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.settings import Settings

REGION_GRACE_SECONDS: Final = 3.0
"""Whoever applies a cluster and its regions from one file must not get a default region too."""


@dataclass(frozen=True, slots=True)
class Child:
    """An object the operator keeps as it should be."""

    kind: Kind
    body: Manifest


def with_default_images(
    cluster: EffectiveCluster, document: Document, by: Settings
) -> EffectiveCluster:
    """Return the cluster with this installation's images where the resource names none."""
    controller = documents.mapping(document, "spec", "controller")
    if by.prosody_image and documents.text(controller, "prosody", "image") is None:
        cluster = replace(cluster, prosody_image=by.prosody_image)
    if by.web_image and documents.text(controller, "web", "image") is None:
        cluster = replace(cluster, web=replace(cluster.web, image=by.web_image))
    if by.bridge_image:
        cluster = replace(cluster, gateway_image=by.bridge_image)
    if by.jicofo_image and documents.text(controller, "jicofo", "image") is None:
        cluster = replace(cluster, jicofo_image=by.jicofo_image)
    return cluster


def services_of(cluster: EffectiveCluster) -> tuple[Child, ...]:
    """Return the Services of Prosody and Jicofo."""
    owner = mapping.cluster_owner(cluster)
    name, namespace = cluster.name, cluster.namespace
    return (
        Child(kube.SERVICES, prosody.build_prosody_service(name, namespace, owner)),
        Child(kube.SERVICES, jicofo.build_jicofo_service(name, namespace, owner)),
    )


def prosody_of(cluster: EffectiveCluster) -> Child:
    """Return Prosody's Deployment."""
    owner, domains = mapping.cluster_owner(cluster), inputs.Domains(cluster.domain)
    workload = mapping.prosody_workload(cluster)
    body = prosody.build_prosody(cluster.name, cluster.namespace, owner, domains, workload)
    return Child(kube.DEPLOYMENTS, body)


def jicofo_of(cluster: EffectiveCluster, mesh: Mesh) -> Child:
    """Return Jicofo's Deployment, which is told of the regions."""
    owner, domains = mapping.cluster_owner(cluster), inputs.Domains(cluster.domain)
    settings, workload = mapping.jicofo_settings(mesh), mapping.jicofo_workload(cluster)
    name, namespace = cluster.name, cluster.namespace
    body = jicofo.build_jicofo(name, namespace, owner, domains, settings, workload)
    return Child(kube.DEPLOYMENTS, body)


async def ensure_child(api: KubernetesCluster, child: Child, namespace: str, uid: str) -> None:
    """Make a child so, unless it is someone else's.

    Raises:
        Refused: An object of that name is controlled by another.
    """
    name = documents.name_of(child.body)
    found = await api.get(child.kind, name, namespace)
    if found is not None:
        refuse_foreign(found, uid, child.kind.name)
    await api.apply(child.kind, namespace, child.body)


async def ensure_default_region(
    api: KubernetesCluster, cluster: EffectiveCluster, regions: list[Document]
) -> None:
    """Make the default region of a cluster that has no region at all."""
    if any(_joins(each, cluster.name) for each in regions):
        return
    body = region.build_default_region(
        cluster.name, cluster.namespace, mapping.cluster_owner(cluster)
    )
    await api.create(kube.REGIONS, cluster.namespace, body)


def regions_of(regions: list[Document], cluster: str) -> list[Document]:
    """Return the regions that join a cluster."""
    return [each for each in regions if _joins(each, cluster)]


def is_settled(cluster: Document, now: float) -> bool:
    """Return whether the regions applied along with the cluster must be there by now."""
    made = documents.moment(cluster, "metadata", "creationTimestamp") or 0.0
    return now - made >= REGION_GRACE_SECONDS


def places_of(joined: list[Document]) -> list[Place]:
    """Return where regions are; one that is on its way out still is."""
    found: list[Place] = []
    for each in joined:
        region = documents.text(each, "spec", "region")
        if region is not None:
            found.append(Place(region, documents.text(each, "spec", "regionGroup")))
    return found


def refuse_foreign(found: Document, uid: str, kind: str) -> None:
    """Raise `Refused` when an object is controlled by another than `uid`."""
    for each in documents.items(found, "metadata", "ownerReferences"):
        if each.get("controller") is True and each.get("uid") != uid:
            name = documents.text(found, "metadata", "name")
            owner = f"{each.get('kind')} {each.get('name')}"
            raise Refused(409, f"{kind} {name} belongs to {owner}: rename or remove it")


def is_owned(found: Document, uid: str) -> bool:
    """Return whether an object is controlled by `uid`."""
    owners = documents.items(found, "metadata", "ownerReferences")
    return any(each.get("controller") is True and each.get("uid") == uid for each in owners)


def _joins(document: Document, cluster: str) -> bool:
    return documents.text(document, "spec", "clusterRef", "name") == cluster
