"""How a region is sized: the shape of autoscaling/v2, in Jitsi's words.

In `AutoscalingSettings` every field may be left out and is then inherited; `AutoscalingDefaults`
is the same with the defaults filled in.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from octofleet.api.headroom import HeadroomSettings, Windows
from octofleet.api.kube import Duration, KubeModel, ListOf, Quantity, Rule, rules

__all__ = [
    "AtDeadline",
    "AutoscalingDefaults",
    "AutoscalingSettings",
    "Behavior",
    "BehaviorDefaults",
    "DrainDefaults",
    "DrainSettings",
    "Metric",
    "MetricTarget",
    "MetricType",
    "Mode",
    "PauseDirection",
    "Policy",
    "PolicyType",
    "Rebalancing",
    "ScalingRules",
    "SelectPolicy",
]


class Mode(StrEnum):
    """Who decides the number of bridges."""

    AUTO = "Auto"
    RECOMMEND = "Recommend"
    EXTERNAL = "External"
    PAUSED = "Paused"


class MetricType(StrEnum):
    """What is measured."""

    CPU = "CPU"
    PARTICIPANTS = "Participants"
    STRESS = "Stress"
    PACKET_RATE = "PacketRate"
    BIT_RATE = "BitRate"
    CONFERENCES = "Conferences"
    PACKET_LOSS = "PacketLoss"
    RTT = "RTT"


class Rebalancing(StrEnum):
    """Whether people are moved off a hot bridge."""

    AUTO = "Auto"
    OFF = "Off"


class PauseDirection(StrEnum):
    """What mode Paused holds up."""

    BOTH = "Both"
    SCALE_IN = "ScaleIn"


class PolicyType(StrEnum):
    """What a policy's value counts."""

    BRIDGES = "Bridges"
    PERCENT = "Percent"


class SelectPolicy(StrEnum):
    """Which of several policies holds."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class AtDeadline(StrEnum):
    """What happens to people who stay on a draining bridge."""

    MOVE = "Move"
    WAIT = "Wait"


class MetricTarget(KubeModel, frozen=True):
    """The value to hold on average over the region's bridges."""

    model_config = rules(
        Rule(
            "!has(self.averageValue) || quantity(string(self.averageValue))"
            ".isGreaterThan(quantity('0'))",
            "target.averageValue must be more than 0",
            ".averageValue",
        )
    )

    average_utilization: Annotated[int, Field(ge=1, le=1000)] | None = None
    """For CPU: percent of the bridges' CPU request."""
    average_value: Quantity | None = None
    """For Participants and Conferences: how many on a bridge. For Stress: 0 to 1, where 1 is full.
    For PacketRate: packets a second. For BitRate: bits a second. For PacketLoss: a fraction. For
    RTT: seconds."""
    worst_value: Quantity | None = None
    """For Stress: the value that the busiest bridge must not reach; beyond it one bridge more is
    asked for, however low the mean is."""


class Metric(KubeModel, frozen=True):
    """One thing to size the region by; the one that wants most bridges wins."""

    model_config = rules(
        Rule(
            "self.type != 'CPU' || (has(self.target.averageUtilization)"
            " && !has(self.target.averageValue))",
            "a CPU metric needs target.averageUtilization and no target.averageValue",
            ".target",
        ),
        Rule(
            "self.type == 'CPU' || (has(self.target.averageValue)"
            " && !has(self.target.averageUtilization))",
            "every metric but CPU needs target.averageValue and no target.averageUtilization",
            ".target",
        ),
        Rule(
            "self.type == 'Stress' || !has(self.target.worstValue)",
            "only a Stress metric may have target.worstValue",
            ".target",
        ),
    )

    type: MetricType
    """What is measured. PacketLoss and RTT only ever ask for one bridge more than there is."""
    target: MetricTarget
    """The value to hold on average over the region's bridges."""


class Policy(KubeModel, frozen=True):
    """How fast the size may change."""

    model_config = rules(
        Rule(
            "duration(self.period) > duration('0s') && duration(self.period) <= duration('30m')",
            "period must be more than 0s and at most 30m",
            ".period",
        )
    )

    type: PolicyType
    """Bridges: `value` is a number of bridges. Percent: of the size at the period's start."""
    value: Annotated[int, Field(ge=1, le=10000)]
    """How much the size may change within `period`."""
    period: Duration
    """The time over which the change is counted, up to 30m."""


Policies = Annotated[tuple[Policy, ...], Field(min_length=1, max_length=8), ListOf("atomic")]
Metrics = Annotated[tuple[Metric, ...], Field(min_length=1, max_length=8), ListOf("map", ("type",))]


class ScalingRules(KubeModel, frozen=True):
    """How the region grows, or shrinks."""

    model_config = rules(
        Rule(
            "!has(self.stabilizationWindow)"
            " || duration(self.stabilizationWindow) <= duration('1h')",
            "stabilizationWindow must be at most 1h",
            ".stabilizationWindow",
        ),
        Rule(
            "!has(self.tolerance) || (quantity(string(self.tolerance))"
            ".compareTo(quantity('0')) >= 0 && quantity(string(self.tolerance))"
            ".compareTo(quantity('1')) < 0)",
            "tolerance must be at least 0 and less than 1",
            ".tolerance",
        ),
    )

    stabilization_window: Duration | None = None
    """How far back past recommendations are looked at: growing takes the lowest of them,
    shrinking the highest."""
    tolerance: Quantity | None = None
    """How far a metric may be from its target, as a fraction, before the size changes."""
    policies: Policies | None = None
    """How fast the size may change."""
    select_policy: SelectPolicy | None = None
    """Max: the policy that allows most change holds. Min: the least. Disabled: no change."""


class ScaleUpDefaults(ScalingRules, frozen=True):
    """How the region grows."""

    stabilization_window: Duration = "0s"
    """How far back past recommendations are looked at: the lowest of them is taken."""
    tolerance: Quantity = "0.1"
    """How far a metric may be above its target, as a fraction, before the region grows."""
    policies: Policies = (
        Policy(type=PolicyType.PERCENT, value=100, period="15s"),
        Policy(type=PolicyType.BRIDGES, value=4, period="15s"),
    )
    """How fast the region may grow."""
    select_policy: SelectPolicy = SelectPolicy.MAX
    """Max: the policy that allows most change holds. Min: the least. Disabled: no growth."""


class ScaleDownDefaults(ScalingRules, frozen=True):
    """How the region shrinks."""

    stabilization_window: Duration = "300s"
    """How far back past recommendations are looked at: the highest of them is taken."""
    tolerance: Quantity = "0.1"
    """How far a metric may be below its target, as a fraction, before the region shrinks."""
    policies: Policies = (Policy(type=PolicyType.PERCENT, value=100, period="15s"),)
    """How fast the region may shrink."""
    select_policy: SelectPolicy = SelectPolicy.MAX
    """Max: the policy that allows most change holds. Min: the least. Disabled: no shrinking."""


class Behavior(KubeModel, frozen=True):
    """How fast and how readily the size changes."""

    scale_up: ScalingRules | None = None
    """How the region grows."""
    scale_down: ScalingRules | None = None
    """How the region shrinks."""


class BehaviorDefaults(Behavior, frozen=True):
    """How fast and how readily the size changes."""

    scale_up: ScaleUpDefaults = ScaleUpDefaults()
    """How the region grows."""
    scale_down: ScaleDownDefaults = ScaleDownDefaults()
    """How the region shrinks."""


class DrainSettings(KubeModel, frozen=True):
    """How a bridge is emptied before it goes. Nobody is ever dropped."""

    model_config = rules(
        Rule(
            "!has(self.patience) || !has(self.deadline)"
            " || duration(self.patience) <= duration(self.deadline)",
            "drain.patience must not be longer than drain.deadline",
            ".patience",
        )
    )

    patience: Duration | None = None
    """How long a draining bridge may empty by itself. After it, with atDeadline Move,
    conferences are moved one by one where the other bridges stay below their targets."""
    deadline: Duration | None = None
    """When emptying is overdue. From then on, with atDeadline Move, conferences are also moved
    where the other bridges go above their target but stay below overload."""
    at_deadline: AtDeadline | None = None
    """Move: people are moved, whole conferences at a time. Wait: nobody is ever moved."""


class DrainDefaults(DrainSettings, frozen=True):
    """How a bridge is emptied before it goes. Nobody is ever dropped."""

    patience: Duration = "1h"
    """How long a draining bridge may empty by itself. After it, with atDeadline Move,
    conferences are moved one by one where the other bridges stay below their targets."""
    deadline: Duration = "4h"
    """When emptying is overdue. From then on, with atDeadline Move, conferences are also moved
    where the other bridges go above their target but stay below overload."""
    at_deadline: AtDeadline = AtDeadline.MOVE
    """Move: people are moved, whole conferences at a time. Wait: nobody is ever moved."""


class AutoscalingSettings(KubeModel, frozen=True):
    """How a region is sized. What is left out is inherited from the JitsiCluster."""

    model_config = rules(
        Rule(
            "!has(self.minBridges) || !has(self.maxBridges) || self.minBridges <= self.maxBridges",
            "autoscaling.minBridges must not be more than autoscaling.maxBridges",
            ".minBridges",
        )
    )

    mode: Mode | None = None
    """Auto: sized by the metrics. Recommend: sized by spec.replicas, the status says what Auto
    would do. External: sized by spec.replicas, for kubectl scale, HPA and KEDA. Paused: nothing
    is started, drained or stopped, as far as `paused` says."""
    min_bridges: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Fewest bridges in modes Auto and Recommend. Above an inherited maxBridges, it raises it."""
    max_bridges: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most bridges in modes Auto and Recommend. Below an inherited minBridges, it lowers it."""
    metrics: Metrics | None = None
    """What the region is sized by; the list is inherited or replaced as a whole."""
    headroom: HeadroomSettings | None = None
    """Room kept for those who join before another bridge could help. Without it, none is kept."""
    schedule: Windows | None = None
    """Hours in which there are more bridges at least; inherited or replaced as a whole."""
    rebalancing: Rebalancing | None = None
    """Auto: whole conferences are moved off a bridge above Jicofo's stress threshold, one at a
    time, where another stays well below it; with relays, where none lands, a few people of the
    largest. Off: nobody is."""
    paused: PauseDirection | None = None
    """What mode Paused holds up. Both: everything. ScaleIn: the region still grows."""
    behavior: Behavior | None = None
    """How fast and how readily the size changes."""
    drain: DrainSettings | None = None
    """How a bridge is emptied before it goes."""


class AutoscalingDefaults(AutoscalingSettings, frozen=True):
    """How every region is sized, unless the region says otherwise."""

    mode: Mode = Mode.AUTO
    """Auto: sized by the metrics. Recommend: sized by spec.replicas, the status says what Auto
    would do. External: sized by spec.replicas, for kubectl scale, HPA and KEDA. Paused: nothing
    is started, drained or stopped, as far as `paused` says."""
    metrics: Metrics = (
        Metric(type=MetricType.CPU, target=MetricTarget(average_utilization=70)),
        Metric(type=MetricType.PARTICIPANTS, target=MetricTarget(average_value="50")),
    )
    """What the region is sized by; the one that wants most bridges wins."""
    headroom: HeadroomSettings | None = None
    """Room kept for those who join before another bridge could help. Without it, none is kept."""
    schedule: Windows = ()
    """Hours in which there are more bridges at least; inherited or replaced as a whole."""
    rebalancing: Rebalancing = Rebalancing.OFF
    """Auto: whole conferences are moved off a bridge above Jicofo's stress threshold, one at a
    time, where another stays well below it; with relays, where none lands, a few people of the
    largest. Off: nobody is."""
    paused: PauseDirection = PauseDirection.BOTH
    """What mode Paused holds up. Both: everything. ScaleIn: the region still grows."""
    behavior: BehaviorDefaults = BehaviorDefaults()
    """How fast and how readily the size changes."""
    drain: DrainDefaults = DrainDefaults()
    """How a bridge is emptied before it goes."""
