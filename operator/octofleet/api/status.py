"""What the operator says back: the status of both resources.

Numbers that people read are text, as Kubernetes advises against floats. The history is all that
the operator remembers between two looks and across its restarts.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from octofleet.api.kube import Int32, KubeModel, ListOf, Moment

__all__ = [
    "BridgeStatus",
    "ClusterStatus",
    "Condition",
    "ConditionStatus",
    "DecisionStatus",
    "FailedReleaseStatus",
    "FallStatus",
    "HistoryStatus",
    "LinkStatus",
    "RecommendationStatus",
    "RefusalStatus",
    "RegionStatus",
    "RolloutStatus",
    "ScaleEventStatus",
    "TermStatus",
]

BRIDGES_SHOWN = 50
LINKS_SHOWN = 64
RECOMMENDATIONS_KEPT = 60
SCALE_EVENTS_KEPT = 60
FALLS_KEPT = 60

Text = Annotated[str, Field(max_length=1024)]
Word = Annotated[str, Field(max_length=64)]
Zone = Annotated[str, Field(max_length=63)]
Number = Annotated[str, Field(max_length=32)]


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Told(KubeModel, frozen=True):
    """A part of a status; what a newer operator wrote besides is left alone after a rollback."""

    model_config = ConfigDict(extra="ignore")


class Condition(Told, frozen=True):
    """One thing that is so, is not so, or isn't known."""

    type: Annotated[str, Field(pattern="^[A-Za-z]+$", max_length=64)]
    """What is judged."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(pattern="^[A-Za-z]+$", max_length=64)]
    """Why, in one word for programs."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """Why, for people, and what to do about it."""
    last_transition_time: Moment
    """When `status` last changed."""
    observed_generation: int = 0
    """The generation of the spec that was judged."""


class BridgeStatus(Told, frozen=True):
    """One bridge in short."""

    name: Annotated[str, Field(max_length=253)]
    """The pod's name."""
    state: Word
    """Where the bridge is in its life."""
    node: Annotated[str, Field(max_length=253)] | None = None
    """The node it runs on."""
    participants: Int32 | None = None
    """People on it; left out when unknown."""
    stress: Number | None = None
    """Its stress, where 1 is full; left out when unknown."""
    cpu: Number | None = None
    """Percent of its CPU request; left out when unknown."""
    message: Text | None = None
    """What is wrong or being waited for."""
    address: Text | None = None
    """The addresses its participants are given, as IP or IP#port; left out when unknown."""
    address_source: Word | None = None
    """Where they come from."""


class TermStatus(Told, frozen=True):
    """What one metric asked for."""

    type: Word
    """The metric."""
    current: Number | None = None
    """Its value over the bridges; left out when unknown."""
    target: Number | None = None
    """The value to hold."""
    proposal: Int32 | None = None
    """The size it asks for; left out when it can't be told."""
    message: Text = ""
    """How it came to that."""


class RefusalStatus(Told, frozen=True):
    """A step that was wanted and not taken."""

    reason: Word
    """Why, in one word for programs."""
    message: Text = ""
    """Why, for people."""


class DecisionStatus(Told, frozen=True):
    """The last decision on the size, and why."""

    at: Moment
    """When it was first made."""
    wanted: Int32
    """The size that is steered to."""
    recommended: Int32 | None = None
    """The size Auto asks for; in other modes it may differ from `wanted`."""
    winner: Word | None = None
    """The metric or the rule that decided."""
    limited_by: Word | None = None
    """What kept the size from the recommended one."""
    message: Text = ""
    """The decision in a sentence."""
    terms: Annotated[tuple[TermStatus, ...], Field(max_length=12), ListOf("atomic")] = ()
    """What every metric, headroom and schedule asked for."""
    refused: Annotated[tuple[RefusalStatus, ...], Field(max_length=8), ListOf("atomic")] = ()
    """What was wanted and not done, and why."""


class RecommendationStatus(Told, frozen=True):
    """A size recommended from this moment on."""

    at: Moment
    """Since when."""
    wanted: Int32
    """The size."""


class ScaleEventStatus(Told, frozen=True):
    """A change of the wanted size."""

    at: Moment
    """When."""
    change: Int32
    """By how many bridges; more than 0 grew."""


class FallStatus(Told, frozen=True):
    """A bridge that served and no longer did."""

    at: Moment
    """When."""
    bridge: Annotated[str, Field(max_length=253)]
    """The pod's name."""
    why: Text | None = None
    """How its container ended; left out when it didn't, as far as known."""


class HistoryStatus(Told, frozen=True):
    """What scaling remembers across restarts of the operator."""

    recommendations: Annotated[
        tuple[RecommendationStatus, ...], Field(max_length=RECOMMENDATIONS_KEPT), ListOf("atomic")
    ] = ()
    """Sizes recommended within the stabilisation windows, oldest first."""
    scale_events: Annotated[
        tuple[ScaleEventStatus, ...], Field(max_length=SCALE_EVENTS_KEPT), ListOf("atomic")
    ] = ()
    """Changes of size within the policies' periods, oldest first."""
    falls: Annotated[tuple[FallStatus, ...], Field(max_length=FALLS_KEPT), ListOf("atomic")] = ()
    """Bridges that stopped serving within half an hour, oldest first: one that is there three times
    flaps."""
    learned: Annotated[str, Field(max_length=20000)] = ""
    """What headroom has learned, for the operator alone: what a person costs by kind of node, how
    long bridges take to start, how fast people come at which time of the week."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=32), ListOf("map", ("type",))]


class FailedReleaseStatus(Told, frozen=True):
    """A release that was given up."""

    release: Word
    """Its name."""
    reason: Text
    """Why."""
    at: Moment
    """When."""


class RolloutStatus(Told, frozen=True):
    """Where the upgrade of the bridges stands."""

    phase: Word = "Current"
    """Current, Proving, Shifting, Finishing, Paused or RolledBack."""
    release: Word = ""
    """The release that is asked for, as in the bridges' label octofleet.io/release."""
    updated: Int32 = 0
    """Bridges of it that serve."""
    outdated: Int32 = 0
    """Bridges of other releases that serve."""
    failed: FailedReleaseStatus | None = None
    """It was given up; it isn't tried again until something else is asked for."""


class RegionStatus(Told, frozen=True):
    """What is so in a region."""

    observed_generation: int = 0
    """The generation of the spec that was acted on."""
    replicas: Int32 = 0
    """Bridges that exist and don't drain."""
    ready_replicas: Int32 = 0
    """Bridges that Jicofo can place people on."""
    draining_replicas: Int32 = 0
    """Bridges that are being emptied."""
    desired_replicas: Int32 = 0
    """The size that is steered to."""
    participants: Int32 | None = None
    """People on all bridges of the region that told their number."""
    stress: Number | None = None
    """The highest stress of a ready bridge."""
    selector: Annotated[str, Field(max_length=512)] = ""
    """Label selector of the region's bridge pods, for HPA."""
    last_scale_time: Moment | None = None
    """When the wanted size last changed."""
    bridges: Annotated[
        tuple[BridgeStatus, ...], Field(max_length=BRIDGES_SHOWN), ListOf("map", ("name",))
    ] = ()
    """The bridges, at most 50, those with troubles first."""
    zones: Annotated[tuple[Zone, ...], Field(max_length=32), ListOf("atomic")] = ()
    """Zones of the nodes that its bridges run on."""
    last_decision: DecisionStatus | None = None
    """The last decision on the size, and why."""
    rollout: RolloutStatus = RolloutStatus()
    """Where the upgrade of the bridges stands."""
    history: HistoryStatus = HistoryStatus()
    """What scaling remembers across restarts of the operator."""
    conditions: Conditions = ()
    """Ready, Progressing, Degraded, ScalingLimited, Draining, Registered, MetricsAvailable, Spread,
    Advertised, Reachable, Direct, Alike, Upgraded."""


class LinkStatus(Told, frozen=True):
    """What relays measure between two regions, or within one."""

    first: Annotated[str, Field(max_length=63)]
    """A region."""
    second: Annotated[str, Field(max_length=63)]
    """The other one, or the same."""
    links: Int32 = 0
    """Links between their bridges, one for each meeting and pair of bridges."""
    connected: Int32 = 0
    """Those that are up."""
    rtt: Number | None = None
    """The median of their round trips; left out when unknown."""
    loss: Number | None = None
    """The part of their packets that is lost; left out when unknown."""


class ClusterStatus(Told, frozen=True):
    """What is so in a cluster."""

    observed_generation: int = 0
    """The generation of the spec that was acted on."""
    regions: Int32 = 0
    """Regions that joined the cluster."""
    bridges: Int32 = 0
    """Bridges of all its regions."""
    ready_bridges: Int32 = 0
    """Bridges that Jicofo can place people on."""
    participants: Int32 = 0
    """People on all bridges that told their number."""
    domain: Annotated[str, Field(max_length=200)] = ""
    """The domain that Prosody serves: the one before while its restart waits."""
    links: Annotated[
        tuple[LinkStatus, ...], Field(max_length=LINKS_SHOWN), ListOf("map", ("first", "second"))
    ] = ()
    """What is measured between regions that share a meeting just now."""
    conditions: Conditions = ()
    """Ready, Progressing, RestartPending, WebReady, Regional, Apart, Credentials; with several
    regions Near; with relays Meshed."""
