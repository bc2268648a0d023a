"""What holds for a region: built-in sizes, the cluster's defaults and the region's overrides.

One merge, in that order, field by field; a list is replaced as a whole. The result has no
optional field that somebody downstream would have to default again, and numbers instead of
text. Core and shell read this and never the resources themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from octofleet.api.addresses import Addresses, AddressSource, addresses_of
from octofleet.api.autoscaling import (
    AtDeadline,
    AutoscalingDefaults,
    DrainDefaults,
    Metric,
    MetricType,
    Mode,
    PauseDirection,
    PolicyType,
    Rebalancing,
    ScalingRules,
    SelectPolicy,
)
from octofleet.api.bridges import (
    BridgeDefaults,
    Engine,
    Probing,
    ResourceRequirements,
    Toleration,
)
from octofleet.api.clusters import JitsiCluster, JitsiClusterSpec
from octofleet.api.controller import (
    DEFAULT_BRIDGE_IMAGE,
    STOCK_IMAGES,
    EffectiveCluster,
    Hours,
    effective_cluster,
)
from octofleet.api.headroom import HeadroomSettings, RegionLoss, ScheduleWindow
from octofleet.api.kube import GROUP, REGION_LABEL, KubeModel
from octofleet.api.layering import (
    SIZES,
    Layer,
    SizeDefaults,
    laid_over,
    layer_of,
    merged_resources,
)
from octofleet.api.quantities import quantity, seconds
from octofleet.api.regions import OctoRegion, Placement

__all__ = [
    "ANNOTATION_RESTARTED_AT",
    "ANNOTATION_UPGRADES_PAUSED",
    "DEFAULT_BRIDGE_IMAGE",
    "REGION_LABEL",
    "Autoscaling",
    "BridgeTemplate",
    "Drain",
    "EffectiveCluster",
    "EffectiveRegion",
    "Headroom",
    "Pace",
    "PolicyLimit",
    "Target",
    "Upgrades",
    "Window",
    "bridge_from",
    "effective_cluster",
    "effective_region",
]

ANNOTATION_UPGRADES_PAUSED: Final = f"{GROUP}/upgrades-paused"
ANNOTATION_RESTARTED_AT: Final = f"{GROUP}/restarted-at"


@dataclass(frozen=True, slots=True)
class Target:
    """A metric and the value to hold: percent, people or stress."""

    type: MetricType
    value: float
    worst: float | None = None
    """The value that no single bridge may reach."""


@dataclass(frozen=True, slots=True)
class PolicyLimit:
    """How much the size may change in `period` seconds."""

    type: PolicyType
    value: int
    period: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How readily and how fast the size changes in one direction; `window` in seconds."""

    window: float
    tolerance: float
    policies: tuple[PolicyLimit, ...]
    select: SelectPolicy


@dataclass(frozen=True, slots=True)
class Drain:
    """How a bridge is emptied; `patience` and `deadline` in seconds."""

    patience: float
    deadline: float
    at_deadline: AtDeadline


@dataclass(frozen=True, slots=True)
class Headroom:
    """Room kept for joins."""

    joins: float | None
    """So many; None: `quantile` of those that were seen."""
    quantile: float
    spare_bridges: int
    lost_region: bool = False


@dataclass(frozen=True, slots=True)
class Window(Hours):
    """Hours with a floor of their own."""

    min_bridges: int


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """How a region is sized."""

    mode: Mode
    min_bridges: int
    max_bridges: int
    metrics: tuple[Target, ...]
    scale_up: Pace
    scale_down: Pace
    drain: Drain
    headroom: Headroom | None = None
    schedule: tuple[Window, ...] = ()
    rebalances: bool = False
    pauses_growth: bool = True
    """Mode Paused holds up growth too."""
    stress_threshold: float = 0.8
    """Jicofo takes a bridge for overloaded from here on."""


@dataclass(frozen=True, slots=True)
class BridgeTemplate:
    """How a region's bridges run."""

    engine: Engine
    image: str
    sidecar_image: str | None
    """Of what stands before a stock bridge's REST; None where none is needed."""
    port: int
    addresses: Addresses
    resources: ResourceRequirements
    node_selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...]
    priority_class: str | None
    probes: bool = True
    """Whether they are asked from other nodes if UDP leads to them."""
    zones: tuple[str, ...] = ()
    """Only nodes in one of these; none: in any."""
    relays: bool = False
    """They are joined to the cluster's other bridges by relays."""
    accounts: int = 1
    """The generation of the accounts they log in with."""
    said: BridgeDefaults = field(default_factory=BridgeDefaults, repr=False)
    """All of it in the shape of `spec.bridge`, with nothing inherited any more."""


@dataclass(frozen=True, slots=True)
class Upgrades:
    """What people asked of the region's upgrades, by annotations."""

    paused: bool = False
    restarted_at: str = ""
    """Changed, every bridge is replaced as by an upgrade."""


@dataclass(frozen=True, slots=True)
class EffectiveRegion:
    """All that holds for a region."""

    namespace: str
    name: str
    uid: str
    generation: int
    cluster: str
    region: str
    replicas: int
    bridge: BridgeTemplate
    autoscaling: Autoscaling
    placement: Placement = field(default_factory=Placement)
    upgrades: Upgrades = field(default_factory=Upgrades)


# For a region whose cluster isn't there (yet): what a small one would say.
_NO_CLUSTER: Final = JitsiClusterSpec(domain="unknown.invalid")


def effective_region(
    cluster: JitsiCluster | None,
    region: OctoRegion,
    bridge_image: str = DEFAULT_BRIDGE_IMAGE,
) -> EffectiveRegion:
    """Return what holds for the region.

    Args:
        cluster: The region's cluster, or None while it doesn't exist.
        region: The region.
        bridge_image: Image of bridges where neither resource names one.
    """
    above = _NO_CLUSTER if cluster is None else cluster.spec
    size = SIZES[above.size]
    return EffectiveRegion(
        namespace=region.metadata.namespace,
        name=region.metadata.name,
        uid=region.metadata.uid,
        generation=region.metadata.generation,
        cluster=region.spec.cluster,
        region=region.spec.region,
        replicas=region.spec.replicas,
        bridge=_placed(_bridge(above, region.spec.bridge, bridge_image), region.spec.placement),
        autoscaling=replace(
            _autoscaling(size, above.autoscaling, region.spec.autoscaling),
            stress_threshold=quantity(above.octo.stress_threshold),
        ),
        placement=region.spec.placement,
        upgrades=_upgrades(region.metadata.annotations),
    )


def _upgrades(notes: Mapping[str, str]) -> Upgrades:
    return Upgrades(
        paused=notes.get(ANNOTATION_UPGRADES_PAUSED, "").lower() in {"true", "yes", "1"},
        restarted_at=notes.get(ANNOTATION_RESTARTED_AT, "")[:64],
    )


def bridge_from(said: BridgeDefaults, where: Placement, sidecar_image: str) -> BridgeTemplate:
    """Return how bridges run by settings that inherit nothing (`BridgeTemplate.said`)."""
    return _placed(_bridge(_NO_CLUSTER, said, sidecar_image), where)


def _bridge(above: JitsiClusterSpec, own: KubeModel, bridge_image: str) -> BridgeTemplate:
    inherited, said = layer_of(above.bridge), layer_of(own)
    if said.get("engine", above.bridge.engine) != above.bridge.engine:
        # The image above is the other engine's.
        inherited.pop("image", None)
    if said.get("addresses", {}).get("source", AddressSource.STATIC) != AddressSource.STATIC:
        inherited = _without_static(inherited)
    merged = BridgeDefaults.model_validate(laid_over(inherited, said))
    is_stock, size = merged.engine is Engine.JVB, SIZES[above.size]
    usual = f"{STOCK_IMAGES}/jvb:{above.version}" if is_stock else bridge_image
    resources = merged_resources(size.stock_bridge if is_stock else size.bridge, merged.resources)
    said_all = merged.model_copy(update={"image": merged.image or usual, "resources": resources})
    return BridgeTemplate(
        engine=merged.engine,
        image=merged.image or usual,
        sidecar_image=bridge_image if is_stock else None,
        port=merged.port,
        addresses=addresses_of(merged.addresses),
        probes=merged.probe is not Probing.OFF,
        resources=resources,
        node_selector=merged.node_selector or {},
        tolerations=merged.tolerations or (),
        priority_class=merged.priority_class_name,
        said=said_all,
    )


def _placed(bridge: BridgeTemplate, where: Placement) -> BridgeTemplate:
    """Return it kept to a place on the map, which is a matter of node labels."""
    labels = {**bridge.node_selector, **({REGION_LABEL: where.region} if where.region else {})}
    return replace(bridge, node_selector=labels, zones=where.zones or ())


def _without_static(above: Layer) -> dict[str, Any]:
    """Return the layer without static addresses: another source makes them void."""
    addresses = {k: v for k, v in above.get("addresses", {}).items() if k != "static"}
    return {**above, "addresses": addresses}


def _autoscaling(size: SizeDefaults, above: KubeModel, own: KubeModel) -> Autoscaling:
    layers: list[Layer] = [
        {"minBridges": size.min_bridges, "maxBridges": size.max_bridges},
        layer_of(above),
        layer_of(own),
    ]
    least, most = _bounds(layers)
    merged = AutoscalingDefaults.model_validate(
        _with_room_to_drain(laid_over(*layers, {"minBridges": least, "maxBridges": most}))
    )
    return Autoscaling(
        mode=merged.mode,
        min_bridges=least,
        max_bridges=most,
        metrics=tuple(_target(metric) for metric in merged.metrics),
        scale_up=_pace(merged.behavior.scale_up),
        scale_down=_pace(merged.behavior.scale_down),
        drain=_drain(merged.drain),
        headroom=None if merged.headroom is None else _headroom(merged.headroom),
        schedule=tuple(_window(each) for each in merged.schedule),
        rebalances=merged.rebalancing is Rebalancing.AUTO,
        pauses_growth=merged.paused is PauseDirection.BOTH,
    )


def _headroom(headroom: HeadroomSettings) -> Headroom:
    said = "P99" if headroom.joins is None else str(headroom.joins)
    spare = headroom.spare_bridges or 0
    lost = headroom.region_loss is RegionLoss.COVERED
    if said.startswith("P"):
        return Headroom(None, float(said[1:]) / 100, spare, lost)
    return Headroom(float(said), 1.0, spare, lost)


def _window(window: ScheduleWindow) -> Window:
    return Window(window.cron, window.time_zone, seconds(window.duration), window.min_bridges)


def _bounds(layers: list[Layer]) -> tuple[int, int]:
    """Return the bounds: one that is said nearer to the region moves an inherited other one."""
    least, most = 1, 1
    for layer in layers:
        least, most = layer.get("minBridges", least), layer.get("maxBridges", most)
        if least > most:
            least, most = (least, least) if "minBridges" in layer else (most, most)
    return least, most


def _with_room_to_drain(autoscaling: dict[str, Any]) -> dict[str, Any]:
    """Return it with a deadline no earlier than the patience: they may be said apart."""
    drain = autoscaling.get("drain", {})
    patience, deadline = drain.get("patience"), drain.get("deadline")
    if patience and deadline and seconds(patience) > seconds(deadline):
        return {**autoscaling, "drain": {**drain, "deadline": patience}}
    return autoscaling


def _target(metric: Metric) -> Target:
    if metric.type is MetricType.CPU:
        return Target(metric.type, float(metric.target.average_utilization or 0))
    worst = metric.target.worst_value
    return Target(
        metric.type,
        quantity(metric.target.average_value or 0),
        None if worst is None else quantity(worst),
    )


def _pace(rules: ScalingRules) -> Pace:
    return Pace(
        window=seconds(rules.stabilization_window or "0s"),
        tolerance=quantity(rules.tolerance or 0),
        policies=tuple(
            PolicyLimit(policy.type, policy.value, seconds(policy.period))
            for policy in rules.policies or ()
        ),
        select=rules.select_policy or SelectPolicy.MAX,
    )


def _drain(drain: DrainDefaults) -> Drain:
    return Drain(seconds(drain.patience), seconds(drain.deadline), drain.at_deadline)
