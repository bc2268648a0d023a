"""The conditions of both resources: their types, their reasons, and how they change.

A closed vocabulary: programs wait for types and look at reasons, so neither is made up elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from octofleet.api.quantities import moment_text
from octofleet.api.status import Condition, ConditionStatus
from octofleet.core.observation import Timestamp

__all__ = ["ConditionType", "Reason", "Verdict", "condition", "with_verdicts"]

MESSAGE_LENGTH = 2048


class ConditionType(StrEnum):
    """What is judged."""

    READY = "Ready"
    """People can meet: enough bridges serve, and the controller side is up."""
    PROGRESSING = "Progressing"
    """The region is on its way to the wanted size."""
    DEGRADED = "Degraded"
    """A bridge failed, flaps, is lost, or never registered."""
    SCALING_LIMITED = "ScalingLimited"
    """The size can't be what is asked for."""
    DRAINING = "Draining"
    """Bridges are being emptied."""
    REGISTERED = "Registered"
    """Every running bridge is one that Jicofo uses."""
    METRICS_AVAILABLE = "MetricsAvailable"
    """What decisions are based on is fresh."""
    MESHED = "Meshed"
    """The cluster's bridges that share a meeting are linked."""
    NEAR = "Near"
    """People are on bridges near them."""
    SPREAD = "Spread"
    """The bridges are in more than one zone."""
    ADVERTISED = "Advertised"
    """The addresses that participants are given can lead to the bridges."""
    REACHABLE = "Reachable"
    """The bridges' UDP port answers from another node."""
    UPGRADED = "Upgraded"
    """The bridges are of the release that is asked for."""
    LINKED = "Linked"
    """The JitsiCluster can be reached, wherever it is."""
    DIRECT = "Direct"
    """Nothing stands between people and the bridges."""
    ALIKE = "Alike"
    """The bridges in the brewery are of one version and can be linked."""
    REGIONAL = "Regional"
    """Of a cluster: people are placed on bridges of their own region."""
    APART = "Apart"
    """Of a cluster: its regions aren't all in one zone."""
    CREDENTIALS = "Credentials"
    """Of a cluster: Prosody takes the passwords of bridges and operator, and none is changing."""
    RESTART_PENDING = "RestartPending"
    """Of a cluster: Prosody or Jicofo waits to be restarted with new settings."""
    WEB_READY = "WebReady"
    """Of a cluster: its web servers serve."""


class Reason(StrEnum):
    """Why a condition is as it is."""

    ALL_READY = "AllReady"
    SCALED_TO_ZERO = "ScaledToZero"
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    CONTROLLER_NOT_READY = "ControllerNotReady"
    CONTROLLER_READY = "ControllerReady"
    JICOFO_UNREACHABLE = "JicofoUnreachable"
    NOT_ENOUGH_BRIDGES = "NotEnoughBridges"
    BRIDGE_NOT_IN_BREWERY = "BridgeNotInBrewery"
    BRIDGE_NOT_OPERATIONAL = "BridgeNotOperational"
    REGISTERING = "Registering"
    NO_BRIDGES = "NoBridges"
    ALL_REGISTERED = "AllRegistered"
    PAUSED = "Paused"
    SETTLED = "Settled"
    SCALING_OUT = "ScalingOut"
    SCALING_IN = "ScalingIn"
    BLOCKED = "Blocked"
    DELETING = "Deleting"
    BRIDGE_LOST = "BridgeLost"
    BRIDGE_FAILED = "BridgeFailed"
    BRIDGE_UNREGISTERED = "BridgeUnregistered"
    BRIDGE_FLAPPING = "BridgeFlapping"
    BRIDGE_STUCK = "BridgeStuck"
    ICE_FAILING = "IceFailing"
    ALL_WELL = "AllWell"
    NOT_CREATED = "BridgeNotCreated"
    NO_NODE = "NoNode"
    NO_ROOM = "NoRoomOnTheOthers"
    PEOPLE_UNKNOWN = "PeopleUnknown"
    AT_MAX_BRIDGES = "AtMaxBridges"
    SCALE_UP_POLICY = "ScaleUpPolicy"
    SCALE_DOWN_POLICY = "ScaleDownPolicy"
    NOT_LIMITED = "NotLimited"
    BRIDGES_DRAINING = "BridgesDraining"
    DRAIN_OVERDUE = "DrainOverdue"
    DRAIN_FAILING = "DrainFailing"
    NONE_DRAINING = "NoneDraining"
    BREWERY_STALE = "BreweryStale"
    METRICS_SERVER_SILENT = "MetricsServerSilent"
    READINGS_STALE = "ReadingsStale"
    NO_BRIDGE_READY = "NoBridgeReady"
    ALL_FRESH = "AllFresh"
    TOO_FEW_TO_SPREAD = "TooFewToSpread"
    ZONES_UNKNOWN = "ZonesUnknown"
    RELAY_ID_MISSING = "RelayIdMissing"
    LINK_BROKEN = "LinkBroken"
    NOTHING_TO_LINK = "NothingToLink"
    BRIDGES_SILENT = "BridgesSilent"
    LINKING = "Linking"
    ALL_LINKED = "AllLinked"
    NOBODY_THERE = "NobodyThere"
    REGION_NOT_TOLD = "RegionNotTold"
    PEOPLE_FAR_AWAY = "PeopleFarAway"
    PEOPLE_NEAR = "PeopleNear"
    ONE_ZONE = "OneZone"
    SEVERAL_ZONES = "SeveralZones"
    NO_ADDRESS = "NoAddress"
    WRONG_ADDRESS = "WrongAddress"
    PRIVATE_ADDRESS = "PrivateAddress"
    ADDRESS_CHANGED = "AddressChanged"
    ADDRESS_UNKNOWN = "AddressUnknown"
    ADDRESSES_FIT = "AddressesFit"
    PROBE_OFF = "ProbeOff"
    PROBE_FAILED = "ProbeFailed"
    NOT_PROBED = "NotProbed"
    UDP_BLOCKED = "UdpBlocked"
    PUBLIC_ADDRESS_SILENT = "PublicAddressSilent"
    UDP_ANSWERS = "UdpAnswers"
    RELEASE_UNKNOWN = "ReleaseUnknown"
    UP_TO_DATE = "UpToDate"
    UPGRADING = "Upgrading"
    UPGRADE_BLOCKED = "UpgradeBlocked"
    UPGRADE_PAUSED = "UpgradePaused"
    ROLLED_BACK = "RolledBack"
    AT_HOME = "AtHome"
    JOIN_UNUSABLE = "JoinSecretUnusable"
    JOIN_REFUSED = "JoinSecretRefused"
    LINK_DOWN = "LinkDown"
    LINK_UP = "LinkUp"
    FRONTS_UNKNOWN = "FrontsUnknown"
    LOAD_BALANCER_IN_FRONT = "LoadBalancerInFront"
    NOTHING_IN_FRONT = "NothingInFront"
    RELAY_ID_TWICE = "RelayIdTwice"
    VERSIONS_DIFFER = "VersionsDiffer"
    ALL_ALIKE = "AllAlike"
    ONE_REGION = "OneRegion"
    STRATEGY_NOT_REGIONAL = "StrategyNotRegional"
    RELAYS_OFF = "RelaysOff"
    BY_REGION = "ByRegion"
    REGIONS_IN_ONE_ZONE = "RegionsInOneZone"
    WRONG_CREDENTIALS = "WrongCredentials"
    CREDENTIALS_MISSING = "CredentialsMissing"
    PASSWORDS_TAKEN = "PasswordsTaken"
    PASSWORDS_REFUSED = "PasswordsRefused"
    ROTATING = "Rotating"
    ROTATION_BLOCKED = "RotationBlocked"
    SECRET_RESTORED = "SecretRestored"  # noqa: S105 - a reason's name
    PORT_TAKEN = "PortTaken"
    POD_SECURITY = "PodSecurityForbids"
    RESTARTED = "Restarted"
    MEETINGS_GO_ON = "MeetingsGoOn"
    OUTSIDE_WINDOW = "OutsideWindow"
    WEB_SERVES = "WebServes"
    WEB_STARTING = "WebStarting"
    WEB_NOT_READY = "WebNotReady"
    WEB_REFUSED = "WebRefused"
    WEB_HOST_DIFFERS = "WebHostDiffers"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition should be now; messages hold nothing that changes by itself."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str


def with_verdicts(
    old: Iterable[Condition], verdicts: Iterable[Verdict], generation: int, now: Timestamp
) -> tuple[Condition, ...]:
    """Return the conditions after the verdicts; times move only where a status changed."""
    before = {each.type: each for each in old}
    return tuple(_updated(before.get(each.type), each, generation, now) for each in verdicts)


def condition(of: Iterable[Condition], kind: ConditionType) -> Condition | None:
    """Return the condition of a type, None if it was never judged."""
    return next((each for each in of if each.type == kind), None)


def _updated(
    before: Condition | None, verdict: Verdict, generation: int, now: Timestamp
) -> Condition:
    unchanged = before is not None and before.status == verdict.status
    since = before.last_transition_time if before and unchanged else moment_text(now)
    return Condition(
        type=verdict.type.value,
        status=verdict.status,
        reason=verdict.reason.value,
        message=verdict.message[:MESSAGE_LENGTH],
        last_transition_time=since,
        observed_generation=generation,
    )
