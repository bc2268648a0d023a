"""What holds for a cluster's controller side: defaults of its size, and what it says itself."""

from dataclasses import dataclass, field
from typing import Final

from octofleet.api.bridges import ResourceRequirements
from octofleet.api.clusters import JitsiCluster, RemoteRegion, SelectionStrategy, ServiceType
from octofleet.api.kube import GROUP, REGION_LABEL
from octofleet.api.layering import SIZES, merged_resources
from octofleet.api.maintenance import Maintenance, Restarts
from octofleet.api.octo import Octo
from octofleet.api.quantities import seconds
from octofleet.api.regions import OctoRegion
from octofleet.api.web import Web, WebMode, public_host, public_url

__all__ = [
    "ANNOTATION_RESTART_NOW",
    "DEFAULT_BRIDGE_IMAGE",
    "STOCK_IMAGES",
    "EffectiveCluster",
    "Hours",
    "Peace",
    "WebServers",
    "domain_in_force",
    "effective_cluster",
    "web_of_region",
]

ANNOTATION_RESTART_NOW: Final = f"{GROUP}/restart-now"
"""On a JitsiCluster, a moment: what has waited since before it is restarted at once."""

DEFAULT_BRIDGE_IMAGE: Final = "docker.io/octofleet/bridge:dev"
STOCK_IMAGES: Final = "ghcr.io/jitsi"


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that come again; `duration` in seconds."""

    cron: str
    time_zone: str
    duration: float


@dataclass(frozen=True, slots=True)
class Peace:
    """What restarts of Prosody and Jicofo wait for."""

    restarts: Restarts = Restarts.WHEN_IDLE
    windows: tuple[Hours, ...] = ()


@dataclass(frozen=True, slots=True)
class WebServers:
    """How a cluster's web servers run."""

    image: str
    replicas: int
    resources: ResourceRequirements
    said: Web
    """What the resource says of them; nothing else is inherited."""

    @property
    def are_managed(self) -> bool:
        """Return whether the operator runs them."""
        return self.said.mode is WebMode.MANAGED

    def public_url(self, domain: str) -> str:
        """Return the address that people of a domain open."""
        return public_url(self.said, domain)

    def public_host(self, domain: str) -> str:
        """Return the host of that address."""
        return public_host(self.said, domain)


@dataclass(frozen=True, slots=True)
class EffectiveCluster:
    """All that holds for a cluster's controller side."""

    namespace: str
    name: str
    uid: str
    generation: int
    domain: str
    version: str
    prosody_image: str
    prosody_resources: ResourceRequirements
    jicofo_image: str
    jicofo_resources: ResourceRequirements
    web: WebServers
    strategy: SelectionStrategy | None
    """None: what fits the regions."""
    local_region: str | None
    octo: Octo
    gateway_image: str = DEFAULT_BRIDGE_IMAGE
    remote_service: ServiceType | None = None
    """How regions elsewhere reach it; None: there are none."""
    remote_regions: tuple[RemoteRegion, ...] = ()
    """Those elsewhere that are known by name."""
    peace: Peace = field(default_factory=Peace)


def effective_cluster(cluster: JitsiCluster) -> EffectiveCluster:
    """Return what holds for the cluster's controller side."""
    spec, controller = cluster.spec, cluster.spec.controller
    prosody, jicofo, remote = controller.prosody, controller.jicofo, controller.remote_regions
    size = SIZES[spec.size]
    defaults, web = size.controller, controller.web
    return EffectiveCluster(
        namespace=cluster.metadata.namespace,
        name=cluster.metadata.name,
        uid=cluster.metadata.uid,
        generation=cluster.metadata.generation,
        domain=spec.domain,
        version=spec.version,
        prosody_image=prosody.image or f"{STOCK_IMAGES}/prosody:{spec.version}",
        prosody_resources=merged_resources(defaults, prosody.resources),
        jicofo_image=jicofo.image or f"{STOCK_IMAGES}/jicofo:{spec.version}",
        jicofo_resources=merged_resources(defaults, jicofo.resources),
        web=WebServers(
            image=web.image or f"{STOCK_IMAGES}/web:{spec.version}",
            replicas=web.replicas or size.web_replicas,
            resources=merged_resources(size.web, web.resources),
            said=web,
        ),
        strategy=jicofo.strategy,
        local_region=jicofo.region,
        octo=spec.octo,
        remote_service=remote.service_type,
        remote_regions=remote.regions,
        peace=_peace(controller.maintenance),
    )


def web_of_region(cluster: EffectiveCluster, region: OctoRegion) -> WebServers | None:
    """Return how a region's own web servers run, None where it has none."""
    own, above = region.spec.web, cluster.web
    if own is None:
        return None
    has_host = own.ingress is not None and own.ingress.host is not None
    selector = above.said.node_selector if own.node_selector is None else own.node_selector
    tolerations = above.said.tolerations if own.tolerations is None else own.tolerations
    place = region.spec.placement.region
    said = Web(
        public_url=None if has_host else above.public_url(cluster.domain),
        ingress=own.ingress,
        node_selector={**(selector or {}), **({REGION_LABEL: place} if place else {})},
        tolerations=tolerations,
    )
    return WebServers(above.image, own.replicas or above.replicas, above.resources, said)


def domain_in_force(cluster: JitsiCluster) -> str:
    """Return the domain that Prosody serves: an earlier one while its restart waits."""
    told = cluster.status.domain if cluster.status else ""
    return told or cluster.spec.domain


def _peace(said: Maintenance) -> Peace:
    windows = tuple(
        Hours(each.cron, each.time_zone, seconds(each.duration)) for each in said.windows
    )
    return Peace(said.restarts, windows)
