"""What can be said about bridges: as defaults on a JitsiCluster, as overrides on an OctoRegion.

In `BridgeSettings` every field may be left out and is then inherited; `BridgeDefaults` is the
same with the defaults filled in.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from octofleet.api.addresses import AddressDefaults, AddressSettings
from octofleet.api.kube import Image, KubeModel, ListOf, Quantity, Rule, rules

__all__ = [
    "BridgeDefaults",
    "BridgeSettings",
    "Engine",
    "NodeSelector",
    "Probing",
    "ResourceList",
    "ResourceRequirements",
    "Toleration",
    "Tolerations",
]


class Engine(StrEnum):
    """Which videobridge runs."""

    OCTOBRIDGE = "octobridge"
    JVB = "jvb"


class Probing(StrEnum):
    """Whether bridges are probed."""

    AUTO = "Auto"
    OFF = "Off"


class ResourceList(KubeModel, frozen=True):
    """Amounts of what a container uses."""

    cpu: Quantity | None = None
    """CPU cores, such as 500m or 2."""
    memory: Quantity | None = None
    """Memory in bytes, such as 512Mi."""


def _within_limit(resource: str) -> Rule:
    return Rule(
        f"!has(self.requests) || !has(self.limits) || !has(self.requests.{resource})"
        f" || !has(self.limits.{resource})"
        f" || quantity(string(self.requests.{resource}))"
        f".compareTo(quantity(string(self.limits.{resource}))) <= 0",
        f"requests.{resource} must not be more than limits.{resource}",
        f".requests.{resource}",
    )


class ResourceRequirements(KubeModel, frozen=True):
    """What a container asks for and may use at most."""

    model_config = rules(_within_limit("cpu"), _within_limit("memory"))

    requests: ResourceList | None = None
    """What the node keeps free for it. CPU utilisation is a percentage of this."""
    limits: ResourceList | None = None
    """What it may use at most. Stress is a fraction of the CPU limit."""


class Toleration(KubeModel, frozen=True):
    """A node taint that bridges put up with; as in a pod."""

    key: Annotated[str, Field(max_length=316)] | None = None
    """The taint's key; left out with operator Exists it fits every taint."""
    operator: Annotated[str, Field(pattern="^(Exists|Equal)$", max_length=6)] | None = None
    """Exists or Equal (the default)."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value, with operator Equal."""
    effect: (
        Annotated[str, Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$", max_length=16)]
        | None
    ) = None
    """NoSchedule, PreferNoSchedule or NoExecute; left out it fits all of them."""


Tolerations = Annotated[tuple[Toleration, ...], Field(max_length=16), ListOf("atomic")]
LabelValue = Annotated[str, Field(max_length=63)]
PriorityClassName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)
]
NodeSelector = Annotated[dict[str, LabelValue], Field(max_length=16)]
Port = Annotated[int, Field(ge=1, le=65535, json_schema_extra={"format": "int32"})]


class BridgeSettings(KubeModel, frozen=True):
    """How bridges run. What is left out is inherited from the JitsiCluster."""

    engine: Engine | None = None
    """Which videobridge runs: octobridge, or jvb, the stock one. Changing it is an upgrade."""
    image: Image | None = None
    """The bridge's container image; the default is this installation's octobridge, or the stock
    image of the JitsiCluster's version with engine jvb."""
    port: Port | None = None
    """UDP port for all media, on the node itself: one bridge runs on a node."""
    addresses: AddressSettings | None = None
    """Which addresses a bridge tells its participants."""
    probe: Probing | None = None
    """Auto: every ten minutes a short-lived pod on another node asks each bridge whether UDP leads
    to it; what it finds is the condition Reachable and stops nothing. Off: nobody asks."""
    resources: ResourceRequirements | None = None
    """What a bridge asks for and may use at most; the default follows the cluster's size."""
    node_selector: NodeSelector | None = None
    """Labels of the nodes that bridges run on."""
    tolerations: Tolerations | None = None
    """Node taints that bridges put up with."""
    priority_class_name: PriorityClassName | None = None
    """PriorityClass of bridge pods: with one above others', the scheduler never takes a bridge
    away to make room for something else. Left out: the cluster's default."""


class BridgeDefaults(BridgeSettings, frozen=True):
    """How the bridges of every region run, unless the region says otherwise."""

    engine: Engine = Engine.OCTOBRIDGE
    """Which videobridge runs: octobridge, or jvb, the stock one. Changing it is an upgrade."""
    port: Port = 10000
    """UDP port for all media, on the node itself: one bridge runs on a node."""
    addresses: AddressDefaults = AddressDefaults()
    """Which addresses a bridge tells its participants."""
