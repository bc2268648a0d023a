"""What people are told as Kubernetes Events: transitions from one status to the next, only.

Pure, and comparing statuses rather than remembering, so that a restarted operator doesn't say
everything again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from octofleet.api.status import (
    BRIDGES_SHOWN,
    BridgeStatus,
    ClusterStatus,
    Condition,
    ConditionStatus,
    RegionStatus,
)
from octofleet.core.conditions import ConditionType, Reason, condition
from octofleet.core.observation import BridgeState

__all__ = ["WARNS_WHEN", "EventType", "Notice", "cluster_notices", "region_notices"]

S = BridgeState


class EventType(StrEnum):
    """How alarming an event is."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to be recorded."""

    type: EventType
    reason: str
    message: str


WARNS_WHEN: Final = {
    ConditionType.READY: ConditionStatus.FALSE,
    ConditionType.REGISTERED: ConditionStatus.FALSE,
    ConditionType.METRICS_AVAILABLE: ConditionStatus.FALSE,
    ConditionType.DEGRADED: ConditionStatus.TRUE,
    ConditionType.SCALING_LIMITED: ConditionStatus.TRUE,
    ConditionType.SPREAD: ConditionStatus.FALSE,
    ConditionType.MESHED: ConditionStatus.FALSE,
    ConditionType.NEAR: ConditionStatus.FALSE,
    ConditionType.ADVERTISED: ConditionStatus.FALSE,
    ConditionType.REACHABLE: ConditionStatus.FALSE,
    ConditionType.LINKED: ConditionStatus.FALSE,
    ConditionType.DIRECT: ConditionStatus.FALSE,
    ConditionType.ALIKE: ConditionStatus.FALSE,
    ConditionType.REGIONAL: ConditionStatus.FALSE,
    ConditionType.APART: ConditionStatus.FALSE,
    ConditionType.CREDENTIALS: ConditionStatus.FALSE,
    ConditionType.WEB_READY: ConditionStatus.FALSE,
}
"""The status of a condition that is news of trouble."""

_UPGRADES: Final = {
    Reason.UPGRADING.value: (EventType.NORMAL, "UpgradeStarted"),
    Reason.UP_TO_DATE.value: (EventType.NORMAL, "UpgradeFinished"),
    Reason.UPGRADE_PAUSED.value: (EventType.NORMAL, "UpgradePaused"),
    Reason.UPGRADE_BLOCKED.value: (EventType.WARNING, "UpgradeBlocked"),
    Reason.ROLLED_BACK.value: (EventType.WARNING, "UpgradeRolledBack"),
}
"""What a new reason of `Upgraded` is told as."""

_ON_THEIR_WAY: Final = frozenset({S.PROVING, S.READY, S.DRAINING, S.EVACUATING})
"""States from which the operator itself ends no bridge."""

_LATE: Final = {
    Reason.DRAIN_OVERDUE.value: "DrainTimedOut",
    Reason.DRAIN_FAILING.value: "DrainFailing",
}
"""What a new reason of `Draining` is told as."""

_RELIEF: Final = {
    ConditionType.READY: "BecameReady",
    ConditionType.REGISTERED: "BridgesRegistered",
    ConditionType.METRICS_AVAILABLE: "MetricsRecovered",
    ConditionType.SPREAD: "BridgesSpread",
    ConditionType.MESHED: "BridgesLinked",
    ConditionType.NEAR: "PeopleNear",
    ConditionType.ADVERTISED: "AddressesMended",
    ConditionType.REACHABLE: "UdpAnswersAgain",
    ConditionType.LINKED: "LinkRestored",
    ConditionType.DIRECT: "NothingInFront",
    ConditionType.ALIKE: "BridgesAlike",
    ConditionType.REGIONAL: "PlacedByRegion",
    ConditionType.APART: "RegionsApart",
    ConditionType.CREDENTIALS: "PasswordsTaken",
    ConditionType.WEB_READY: "WebServes",
    ConditionType.DEGRADED: "Recovered",
    ConditionType.SCALING_LIMITED: "ScalingFree",
}


def region_notices(old: RegionStatus | None, new: RegionStatus) -> tuple[Notice, ...]:
    """Return what is new in a region."""
    before = old or RegionStatus()
    return (
        *_size(before, new),
        *_bridges(before.bridges, new.bridges),
        *_falls(before, new),
        *_conditions(before.conditions, new.conditions),
        *_overdue(before.conditions, new.conditions),
        *_upgrade(before.conditions, new.conditions),
        *_flapping(before.conditions, new.conditions),
    )


def cluster_notices(old: ClusterStatus | None, new: ClusterStatus) -> tuple[Notice, ...]:
    """Return what is new in a cluster."""
    before = old.conditions if old else ()
    return (*_conditions(before, new.conditions), *_restarts(before, new.conditions))


def _size(old: RegionStatus, new: RegionStatus) -> Iterable[Notice]:
    change = new.desired_replicas - old.desired_replicas
    if change and new.last_decision is not None:
        reason = "ScaledUp" if change > 0 else "ScaledDown"
        text = f"From {old.desired_replicas} to {new.desired_replicas} bridges:"
        yield Notice(EventType.NORMAL, reason, f"{text} {new.last_decision.message}")


def _bridges(old: tuple[BridgeStatus, ...], new: tuple[BridgeStatus, ...]) -> Iterable[Notice]:
    before = {each.name: each.state for each in old}
    for each in new:
        was = before.pop(each.name, None)
        if was != each.state:
            yield from _turned(each, was)
    # A status that shows as many as it can doesn't tell which are gone.
    if max(len(old), len(new)) < BRIDGES_SHOWN:
        yield from (_gone(name, was) for name, was in before.items())


def _falls(old: RegionStatus, new: RegionStatus) -> Iterable[Notice]:
    """Return which bridges that served stopped, however soon they were back."""
    known = {(each.bridge, each.at) for each in old.history.falls}
    for each in new.history.falls:
        if (each.bridge, each.at) not in known:
            why = each.why or "Jicofo doesn't list it as operational"
            yield Notice(EventType.WARNING, "BridgeFell", f"{each.bridge} stopped serving: {why}")


def _gone(name: str, was: str) -> Notice:
    if was in {S.STOPPING, S.FAILED, S.PENDING, S.LOST}:
        return Notice(EventType.NORMAL, "BridgeRemoved", f"{name} is gone")
    text = f"{name} is gone and was {was} a moment ago: its pod was deleted by someone else"
    return Notice(EventType.WARNING, "BridgeVanished", text)


def _turned(bridge: BridgeStatus, was: str | None) -> Iterable[Notice]:
    """Return what a bridge's new state is worth telling."""
    people = "" if bridge.participants is None else f" with {bridge.participants} people on it"
    drained = {S.DRAINING, S.EVACUATING, S.EMPTY}
    match BridgeState(bridge.state):
        case S.READY if was in drained:
            yield Notice(EventType.NORMAL, "DrainTakenBack", f"{bridge.name} serves again")
        case S.PROVING:
            yield Notice(EventType.NORMAL, "BridgeProving", f"a call is tried on {bridge.name}")
        case S.READY:
            yield Notice(EventType.NORMAL, "BridgeReady", f"{bridge.name} serves")
        case S.DRAINING | S.EMPTY if was not in drained:
            yield Notice(EventType.NORMAL, "DrainStarted", f"{bridge.name} drains{people}")
        case S.EVACUATING:
            yield Notice(
                EventType.NORMAL, "EvacuationStarted", f"{bridge.name} is evacuated{people}"
            )
        case S.STOPPING if was in _ON_THEIR_WAY:
            text = f"{bridge.name} is being ended by someone else{people}: it drains by itself"
            yield Notice(EventType.WARNING, "BridgeEnding", text)
        case S.LOST:
            yield Notice(EventType.WARNING, "BridgeLost", f"{bridge.name}: {bridge.message}")
        case S.FAILED:
            yield Notice(EventType.WARNING, "BridgeFailed", f"{bridge.name}: {bridge.message}")
        case _:
            return


def _conditions(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterable[Notice]:
    for kind, bad in WARNS_WHEN.items():
        before, after = condition(old, kind), condition(new, kind)
        if after is None or (before is not None and before.status == after.status):
            continue
        if after.status == bad:
            yield Notice(EventType.WARNING, after.reason, after.message)
        elif before is not None and before.status == bad and after.status != "Unknown":
            yield Notice(EventType.NORMAL, _RELIEF[kind], after.message)


def _upgrade(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterable[Notice]:
    before, after = (condition(each, ConditionType.UPGRADED) for each in (old, new))
    if before is None or after is None or before.reason == after.reason:
        return
    told = _UPGRADES.get(after.reason)
    began = after.reason == Reason.UP_TO_DATE and before.reason not in _UPGRADES
    if told is not None and not began:
        yield Notice(told[0], told[1], after.message)


def _restarts(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterable[Notice]:
    """Return what is new about restarts of Prosody and Jicofo: they wait, or happen."""
    before, after = (condition(each, ConditionType.RESTART_PENDING) for each in (old, new))
    if after is None:
        return
    waited = before is not None and before.status == ConditionStatus.TRUE
    done = before is not None and before.reason == Reason.RESTARTED
    if after.status == ConditionStatus.TRUE:
        if not waited:
            yield Notice(EventType.NORMAL, "RestartWaits", after.message)
    elif after.reason == Reason.RESTARTED:
        if not done:
            yield Notice(EventType.NORMAL, "RestartCarriedOut", after.message)
    elif waited:
        yield Notice(EventType.NORMAL, "RestartNotNeeded", after.message)


def _overdue(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterable[Notice]:
    before, after = (condition(each, ConditionType.DRAINING) for each in (old, new))
    told = None if after is None else _LATE.get(after.reason)
    if after is None or told is None:
        return
    if before is None or before.reason != after.reason:
        yield Notice(EventType.WARNING, told, after.message)


def _flapping(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterable[Notice]:
    """Return that a bridge flaps, where something was wrong already and it isn't told anyway."""
    before, after = (condition(each, ConditionType.DEGRADED) for each in (old, new))
    if before is None or after is None or after.reason != Reason.BRIDGE_FLAPPING:
        return
    if before.status == after.status and before.reason != after.reason:
        yield Notice(EventType.WARNING, after.reason, after.message)
