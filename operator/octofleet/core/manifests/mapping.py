"""From what holds for a cluster or a region to what the builders are told."""

from collections.abc import Sequence

from octofleet.api.addresses import Addresses, AddressSource
from octofleet.api.bridges import ResourceRequirements
from octofleet.api.controller import EffectiveCluster, WebServers
from octofleet.api.effective import EffectiveRegion
from octofleet.api.kube import KubeModel
from octofleet.core import addresses
from octofleet.core.manifests import naming
from octofleet.core.manifests.inputs import (
    BridgeSettings,
    Domains,
    Home,
    JicofoSettings,
    WebFront,
    WebSettings,
    Workload,
)
from octofleet.core.manifests.naming import Manifest, Owner
from octofleet.core.meshing import Mesh

FOCUS_COMMAND = ("octoload", "focus")


def cluster_owner(cluster: EffectiveCluster) -> Owner:
    """Return the cluster as owner of its children."""
    return Owner("JitsiCluster", cluster.name, cluster.uid)


def region_owner(region: EffectiveRegion) -> Owner:
    """Return the region as owner of its children."""
    return Owner("OctoRegion", region.name, region.uid)


def prosody_workload(cluster: EffectiveCluster) -> Workload:
    """Return how Prosody runs."""
    return Workload(cluster.prosody_image, resources=_resources(cluster.prosody_resources))


def jicofo_workload(cluster: EffectiveCluster) -> Workload:
    """Return how Jicofo runs.

    Octofleet's own load image holds several programs and must be told to be the focus; the
    stock image is Jicofo and nothing else.
    """
    image = cluster.jicofo_image
    own = image.partition("@")[0].rpartition(":")[0].endswith("octofleet/load")
    return Workload(
        image,
        command=FOCUS_COMMAND if own else (),
        resources=_resources(cluster.jicofo_resources),
    )


def web_workload(web: WebServers) -> Workload:
    """Return how web servers run."""
    return Workload(
        web.image,
        resources=_resources(web.resources),
        node_selector=web.said.node_selector or {},
        tolerations=_plain(web.said.tolerations or ()),
    )


def web_settings(
    cluster: EffectiveCluster,
    web: WebServers,
    cluster_domain: str | None,
    region: str | None = None,
) -> WebSettings:
    """Return what web servers are told.

    Args:
        cluster: The cluster, with the domain that its Prosody serves.
        web: How they run.
        cluster_domain: Of this Kubernetes' DNS; None: the cluster is in another one, and only
            Prosody's port for bridges is reached from here.
        region: Where those are who open their pages.
    """
    name, namespace = naming.prosody_name(cluster.name), cluster.namespace
    prosody = cluster_domain and naming.full_service_host(name, namespace, cluster_domain)
    domain = cluster.domain
    return WebSettings(Domains(domain), web.public_url(domain), prosody or None, region)


def web_front(web: WebServers, domain: str) -> WebFront | None:
    """Return the Ingress that is asked for, None where there is to be none."""
    said = web.said.ingress
    if said is None:
        return None
    return WebFront(
        web.public_host(domain),
        said.class_name,
        said.annotations,
        said.tls.secret_name if said.tls else None,
    )


def jicofo_settings(mesh: Mesh) -> JicofoSettings:
    """Return what Jicofo is told of the cluster's regions."""
    return JicofoSettings(
        strategy=mesh.strategy.value,
        region_groups=mesh.groups,
        local_region=mesh.local_region,
        relays=mesh.relays,
        stress_threshold=mesh.stress_threshold,
        max_bridge_participants=mesh.participants_per_bridge,
    )


def bridge_settings(
    region: EffectiveRegion, domain: str, home: Home | None = None
) -> BridgeSettings:
    """Return what the region's bridges are told.

    Args:
        region: The region.
        domain: The cluster's.
        home: Where the cluster is, when in another Kubernetes.
    """
    bridge = region.bridge
    told = addresses.told_by_all(bridge.addresses)
    return BridgeSettings(
        cluster=region.cluster,
        cluster_namespace=region.namespace,
        region=region.name,
        domains=Domains(domain),
        workload=Workload(
            bridge.image,
            resources=_resources(bridge.resources),
            node_selector=bridge.node_selector,
            tolerations=_plain(bridge.tolerations),
            zones=bridge.zones,
        ),
        region_code=region.region,
        relays=bridge.relays,
        port=bridge.port,
        advertise=",".join(told.advertise) if told else "",
        address_source=None if told is None else told.origin.value,
        stun_servers=_stun_servers(bridge.addresses),
        bind_node_address=bridge.addresses.source is AddressSource.NODE_INTERNAL_IP,
        drain_deadline_seconds=int(region.autoscaling.drain.deadline),
        priority_class=bridge.priority_class,
        sidecar_image=bridge.sidecar_image,
        home=home,
        generation=bridge.accounts,
    )


def _stun_servers(said: Addresses) -> tuple[str, ...]:
    return said.stun_servers if said.source in {AddressSource.AUTO, AddressSource.STUN} else ()


def _resources(found: ResourceRequirements) -> Manifest:
    return found.model_dump(mode="json", by_alias=True, exclude_none=True)


def _plain(found: Sequence[KubeModel]) -> tuple[Manifest, ...]:
    return tuple(each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in found)
