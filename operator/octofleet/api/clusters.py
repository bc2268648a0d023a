"""JitsiCluster: the controller side, and the defaults for every region that joins it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from octofleet.api.autoscaling import AutoscalingDefaults
from octofleet.api.bridges import BridgeDefaults, ResourceRequirements
from octofleet.api.kube import Image, KubeModel, ListOf, Name, ObjectMeta, Rule, rules
from octofleet.api.maintenance import Maintenance
from octofleet.api.octo import Octo
from octofleet.api.status import ClusterStatus
from octofleet.api.web import Web

__all__ = [
    "Controller",
    "Jicofo",
    "JitsiCluster",
    "JitsiClusterSpec",
    "Prosody",
    "RemoteRegion",
    "RemoteRegions",
    "SelectionStrategy",
    "ServiceType",
    "Size",
]


class Size(StrEnum):
    """A starting point; it only sets defaults."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class SelectionStrategy(StrEnum):
    """How Jicofo picks a bridge for a new conference."""

    SINGLE = "SingleBridgeSelectionStrategy"
    REGION_BASED = "RegionBasedBridgeSelectionStrategy"
    INTRA_REGION = "IntraRegionBridgeSelectionStrategy"


class Prosody(KubeModel, frozen=True):
    """The XMPP server."""

    image: Image | None = None
    """Its container image; the default is the stock image of `version`."""
    resources: ResourceRequirements | None = None
    """What it asks for and may use at most; the default follows `size`."""


class Jicofo(KubeModel, frozen=True):
    """The focus, which puts people on bridges."""

    image: Image | None = None
    """Its container image; the default is the stock image of `version`."""
    strategy: SelectionStrategy | None = None
    """How it picks bridges. The default is RegionBasedBridgeSelectionStrategy where the cluster
    has several regions or relays, else SingleBridgeSelectionStrategy."""
    region: Name | None = None
    """The region that counts as its own: with a strategy by regions, people of no region, and
    those of one that has no bridge near it, are placed there. The default is the cluster's only
    region, if it has one."""
    resources: ResourceRequirements | None = None
    """What it asks for and may use at most; the default follows `size`."""


class ServiceType(StrEnum):
    """How a Service is reached from outside its Kubernetes."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class RemoteRegion(KubeModel, frozen=True):
    """A region in another Kubernetes."""

    region: Name
    """The region's name, as Jicofo and the participants know it."""
    region_group: Name | None = None
    """As regionGroup of an OctoRegion. Jicofo is told of groups from here, so what an OctoRegion
    with a joinSecretRef says of its group isn't heard."""


class RemoteRegions(KubeModel, frozen=True):
    """How regions in other Kubernetes clusters reach Prosody and Jicofo."""

    service_type: ServiceType | None = None
    """Set, regions elsewhere may join (`octofleet join-token` makes the Secret they join by). The
    type of the two Services they reach: Prosody's, and that of the gateway before Jicofo's REST.
    ClusterIP: something else of yours leads to them."""
    regions: Annotated[
        tuple[RemoteRegion, ...], Field(max_length=64), ListOf("map", ("region",))
    ] = ()
    """Which regions are elsewhere. They count without this, too, as soon as Jicofo sees their
    bridges; said here, they do from the start, and may have a group."""


class Controller(KubeModel, frozen=True):
    """The controller side: it signals and carries no media."""

    prosody: Prosody = Prosody()
    """The XMPP server."""
    jicofo: Jicofo = Jicofo()
    """The focus, which puts people on bridges."""
    web: Web = Web()
    """The web servers, which people's browsers open."""
    remote_regions: RemoteRegions = RemoteRegions()
    """How regions in other Kubernetes clusters join."""
    maintenance: Maintenance = Maintenance()
    """When Prosody and Jicofo may be restarted for new settings: that ends every meeting."""


class JitsiClusterSpec(KubeModel, frozen=True):
    """What a meeting platform should be."""

    domain: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            min_length=1,
            max_length=200,
        ),
    ]
    """The domain that people meet at."""
    size: Size = Size.SMALL
    """A starting point; it only sets defaults, and any field overrides it. small: 2 to 5
    bridges a region. medium: 5 to 20. large: 10 to 100."""
    version: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", min_length=1, max_length=128)
    ] = "stable-11146-2"
    """The version of the stock Jitsi images."""
    controller: Controller = Controller()
    """The controller side: Prosody, Jicofo and web."""
    octo: Octo = Octo()
    """Meetings on several bridges, joined by relays."""
    bridge: BridgeDefaults = BridgeDefaults()
    """How the bridges of every region run, unless the region says otherwise."""
    autoscaling: AutoscalingDefaults = AutoscalingDefaults()
    """How every region is sized, unless the region says otherwise."""


class JitsiCluster(KubeModel, frozen=True):
    """A meeting platform: Prosody, Jicofo, web, and defaults for its regions of bridges."""

    model_config = rules(
        Rule(
            "size(self.metadata.name) <= 40",
            "metadata.name must be at most 40 characters: other objects' names start with it",
        )
    )

    api_version: Literal["octofleet.io/v1alpha1"] = "octofleet.io/v1alpha1"
    kind: Literal["JitsiCluster"] = "JitsiCluster"
    metadata: ObjectMeta
    spec: JitsiClusterSpec
    status: ClusterStatus | None = None
