"""What was observed: the one input of every decision.

A Snapshot is frozen and complete: everything the core decides on is in it, every reading with
the moment it was taken. A reading that is missing is None, never zero. Times are seconds since
the epoch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType

from octofleet.core.memory import Memory

Seconds = NewType("Seconds", float)
Timestamp = NewType("Timestamp", float)
ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of a pod in which nothing runs any more."""


class BridgeState(StrEnum):
    """Where a bridge is in its life (the table is in `lifecycle`)."""

    PENDING = "Pending"
    STARTING = "Starting"
    PROVING = "Proving"
    READY = "Ready"
    UNREGISTERED = "Unregistered"
    DRAINING = "Draining"
    EVACUATING = "Evacuating"
    EMPTY = "Empty"
    STOPPING = "Stopping"
    FAILED = "Failed"
    LOST = "Lost"


class Proof(StrEnum):
    """Whether a bridge of a new release has shown that it carries calls."""

    WANTED = "Wanted"
    PASSED = "Passed"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Reading:
    """A number and when it was true."""

    value: float
    at: Timestamp
    window: float = 0.0
    """It is the mean of so many seconds before `at`; 0 = of a moment."""

    def age(self, now: Timestamp) -> Seconds:
        """Return how old the reading is, in seconds, at least 0."""
        return Seconds(max(0.0, now - self.at))


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference's share of one bridge, as Jicofo or the bridge tells it."""

    id: str
    participants: int
    since: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passes through a bridge, as it tells; each may be missing."""

    at: Timestamp
    packet_rate: float | None = None
    """Packets a second, both ways, relays included."""
    bit_rate: float | None = None
    """Bits a second, both ways, relays included."""
    conferences: float | None = None
    packet_loss: float | None = None
    """Fraction."""
    rtt: float | None = None
    """Round trips to its participants, seconds, mean."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of asking a bridge from another node, each address as `ip#port`."""

    at: Timestamp
    answered: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    failure: str | None = None
    """Why nobody was asked at all."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge pod with everything known about the bridge in it."""

    name: str
    """The pod's name."""
    uid: str
    node: str | None
    node_address: str | None
    nickname: str
    """Its nickname in the brewery, unique per incarnation."""
    pod_phase: str
    pod_ready: bool
    created_at: Timestamp
    ready_since: Timestamp | None = None
    deleting_since: Timestamp | None = None
    killed_at: Timestamp | None = None
    """When the grace of its deletion is over: then it ends, whoever is on it."""
    waiting_reason: str | None = None
    """Why its container waits or the scheduler can't place it, in Kubernetes' word."""
    config_hash: str | None = None
    """Hash of the pod template it was made from."""
    release: str | None = None
    """Which release of the region's bridges it is: a hash of what people set."""
    proof: Proof | None = None
    """None: nobody asked for one."""
    proof_message: str | None = None
    """Why its proof failed."""
    proved_at: Timestamp | None = None
    started_at: Timestamp | None = None
    """When its container was last started."""
    ended_at: Timestamp | None = None
    """When its container last ended, if another one was started since or will be."""
    placed_at: Timestamp | None = None
    """When its pod was given its node."""
    never_ready: bool = False
    """Its pod runs and has not been ready once."""
    version: str | None = None
    drain_reason: str | None = None
    """Why it drains (annotation), None while it doesn't."""
    draining_since: Timestamp | None = None
    drain_request: str | None = None
    """Somebody wants it drained: "patiently" or "now" (annotation)."""
    shutdown_sent_at: Timestamp | None = None
    moved_at: Timestamp | None = None
    """When a conference was last moved off it, so that moves come one at a time."""
    registered: bool | None = None
    """Jicofo lists it as operational; None = Jicofo couldn't be asked."""
    registered_at: Timestamp | None = None
    """When Jicofo was last seen to list it as operational; None = never seen by this process."""
    in_brewery: bool | None = None
    """Its presence is in the brewery; None = the brewery couldn't be seen."""
    healthy: bool | None = None
    draining: bool | None = None
    """It advertises drain (presence or REST)."""
    shutting_down: bool | None = None
    participants: Reading | None = None
    """Its `local_endpoints`."""
    stress: Reading | None = None
    placed: Reading | None = None
    """People on it by Jicofo's count, which knows of those who joined since it told."""
    cpu_utilization: Reading | None = None
    """Percent of the pod's CPU request."""
    traffic: Traffic | None = None
    conferences: Sequence[Conference] | None = None
    """None = unknown."""
    has_relays: bool = False
    """It said that it can be joined to others."""
    last_error: str | None = None
    failing_ice: bool = False
    """Jicofo finds that people's connections to it fail, and sends nobody new for a while."""
    token_key: str | None = None
    """Under which key of the Secret its REST's token is; None = not told."""
    address_origin: str | None = None
    """Where its advertised addresses come from; None = not told yet."""
    advertised: tuple[str, ...] = ()
    """Addresses it is told to advertise, as `ip` or `ip#port`."""
    awaits_address: bool = False
    """Its pod waits to be told its addresses."""
    probe: Probe | None = None
    """What came of the last probe of its UDP port."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that could carry bridges of this region."""

    name: str
    ready: bool
    schedulable: bool
    """Not cordoned, and its taints are tolerated."""
    matches: bool
    """The region's node selector fits."""
    internal_address: str | None = None
    external_addresses: tuple[str, ...] = ()
    announced: str | None = None
    """The annotation with its public addresses."""
    zone: str | None = None
    leaving: str | None = None
    """Why it is about to go ("cordoned", …); None while nothing says so."""
    kind: str | None = None
    """Its machine type: what one person costs a bridge depends on it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The JitsiCluster of a region, as observed."""

    namespace: str
    name: str
    exists: bool
    controller_ready: bool = False
    """Prosody and Jicofo are both ready."""
    jicofo_reachable: bool = False
    jicofo_seen_at: Timestamp | None = None
    turned_away: bool = False
    """The gateway before Jicofo answers, and takes us for a stranger."""
    brewery_seen_at: Timestamp | None = None
    metrics_seen_at: Timestamp | None = None
    """When metrics.k8s.io last answered."""
    message: str = ""
    remote: str | None = None
    """Where its Jicofo is reached when it is in another Kubernetes; None: it is in this one."""


@dataclass(frozen=True, slots=True)
class Front:
    """Something that stands between people and the bridges."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Occupant:
    """A bridge in the brewery, whoever started it."""

    nickname: str
    version: str | None = None
    relay_id: str | None = None
    drains: bool = False
    """Nobody new is sent to it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a region."""

    fronts: tuple[Front, ...] | None = None
    """None = couldn't be listed."""
    occupants: tuple[Occupant, ...] = ()
    password_taken: bool | None = None
    """Prosody takes the bridges' password; None = not asked, or no answer."""
    upgrading: tuple[str, ...] = ()
    """Other regions of the cluster, in this Kubernetes, whose bridges are being replaced."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A size recommended in the past (for stabilisation windows)."""

    at: Timestamp
    wanted: int


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """A change of size made in the past (for scaling policies); change > 0 grew."""

    at: Timestamp
    change: int


@dataclass(frozen=True, slots=True)
class Fall:
    """A bridge that served and no longer did."""

    bridge: str
    """Its pod's name."""
    at: Timestamp
    why: str = ""
    """How its container ended, if it did."""


@dataclass(frozen=True, slots=True)
class FailedRelease:
    """A release of bridges that wasn't fit for people."""

    release: str
    reason: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class History:
    """What is kept between reconciles, bounded: rebuilt from status after a restart."""

    recommendations: tuple[Recommendation, ...] = ()
    scale_events: tuple[ScaleEvent, ...] = ()
    desired: int | None = None
    """The size last decided."""
    memory: Memory = field(default_factory=Memory)
    """What was learned of the region's load; kept outside the status."""
    failed: "FailedRelease | None" = None
    """The release that was last given up. Forgotten, it is tried once more, which harms nobody."""
    falls: tuple[Fall, ...] = ()
    """Bridges that stopped serving of late, oldest first."""
    standing: frozenset[str] = frozenset()
    """Uids of the bridges that served at the last look, as far as this process knows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A region and all that matters to it, at one moment."""

    namespace: str
    region_name: str
    taken_at: Timestamp
    cluster: Cluster
    bridges: tuple[Bridge, ...] = ()
    nodes: tuple[Node, ...] = ()
    history: History = field(default_factory=History)
    elsewhere: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    """People in the cluster's other regions, by region; None = unknown. Only where it matters."""
    taken_nodes: frozenset[str] = frozenset()
    """Nodes whose bridge port is taken by a bridge of another region."""
    config_hash: str | None = None
    """Hash of the pod template that bridges are made from now; None while it isn't known."""
    release: str | None = None
    """The release that is wanted; None while it isn't known."""
    releases: Mapping[str, str] = field(default_factory=dict[str, str])
    """The texts of all releases that are there, and the wanted one, by name."""
    around: Surroundings = field(default_factory=Surroundings)
