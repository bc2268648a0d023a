"""A bridge's life, as one table: what must be seen for a bridge to be in a state.

Level-triggered: the state is read off what is observed now, whatever came before, so a restarted
operator sees the same. Rows are tried in order and the first that fits counts; the last fits
always. `python -m octofleet.core.lifecycle` prints the table as a mermaid diagram.

Starting -> Ready needs Jicofo's word. Draining -> Empty needs the bridge's word that it drains
and a fresh count of nobody. Nothing here stops a bridge: that is `planning`.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from octofleet.core.limits import Limits
from octofleet.core.observation import ENDED, Bridge, BridgeState, Proof, Snapshot, Timestamp

__all__ = [
    "TABLE",
    "JudgedBridge",
    "Row",
    "classify",
    "diagram",
    "hangs",
    "is_empty",
    "is_unproven",
    "judged",
    "occupied",
]

S = BridgeState
Test = Callable[[Bridge, Timestamp, Limits], bool]

NOT_RUNNING: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
        "StartError",
    }
)
"""Kubernetes' words for a container that isn't running because something is wrong with it."""

UNPROVEN: Final = frozenset({Proof.WANTED, Proof.FAILED})


@dataclass(frozen=True, slots=True)
class Row:
    """A state: when a bridge is in it and which states lead to it."""

    state: BridgeState
    test: Test
    words: str
    after: tuple[BridgeState, ...]


@dataclass(frozen=True, slots=True)
class JudgedBridge:
    """A bridge and the state it is in."""

    bridge: Bridge
    state: BridgeState


def judged(snapshot: Snapshot, now: Timestamp, limits: Limits) -> tuple[JudgedBridge, ...]:
    """Return every bridge of the region with its state."""
    return tuple(JudgedBridge(b, classify(b, now, limits)) for b in snapshot.bridges)


def classify(bridge: Bridge, now: Timestamp, limits: Limits) -> BridgeState:
    """Return the state the bridge is in."""
    for row in TABLE:
        if row.test(bridge, now, limits):
            return row.state
    raise AssertionError("the last row of the table fits always")


def is_empty(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    """Tell whether nobody is on the bridge; what isn't known for sure isn't empty."""
    reading = bridge.participants
    if reading is None or reading.age(now) > limits.empty_age:
        return False
    return reading.value == 0 and not any(c.participants for c in bridge.conferences or ())


def occupied(snapshot: Snapshot, limits: Limits) -> bool:
    """Tell whether somebody is known to be on a bridge of the region."""
    return any(
        (
            (people := limits.fresh(bridge.participants, snapshot.taken_at)) is not None
            and people.value > 0
        )
        or any(each.participants for each in bridge.conferences or ())
        for bridge in snapshot.bridges
        if bridge.pod_phase not in ENDED
    )


def _stopping(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    return (
        bridge.deleting_since is not None
        or bridge.pod_phase == "Succeeded"
        or bridge.shutting_down is True
        or bridge.shutdown_sent_at is not None
    )


def _failed(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    if bridge.pod_phase == "Failed":
        return True
    if hangs(bridge, now, limits):
        return True
    return bridge.waiting_reason in NOT_RUNNING and bridge.registered is not True


def hangs(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    """Tell whether the bridge's pod has its node and its container isn't created for too long.

    One that waits for its address waits for us; one that can't run has a word for it.
    """
    if bridge.pod_phase != "Pending" or bridge.waiting_reason is not None:
        return False
    placed = bridge.placed_at
    if placed is None or bridge.awaits_address:
        return False
    return now - placed >= limits.hang_deadline


def _lost(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    if bridge.pod_phase == "Unknown":
        return True
    silent = bridge.in_brewery is False and bridge.registered is False
    late = now - _began(bridge) >= limits.start_deadline
    unreachable = not bridge.pod_ready and bridge.healthy is not True
    return bridge.pod_phase == "Running" and silent and late and unreachable


def _drains(bridge: Bridge) -> bool:
    asked = bridge.drain_reason is not None or bridge.draining_since is not None
    # A bridge that is to be proven starts drained: that is no way to its end.
    return asked or (bridge.draining is True and not is_unproven(bridge))


def is_unproven(bridge: Bridge) -> bool:
    """Tell whether the bridge must still show that it carries calls, or couldn't."""
    return bridge.proof in UNPROVEN and bridge.drain_reason is None


def _empty(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    if not _drains(bridge) or bridge.draining is not True or not is_empty(bridge, now, limits):
        return False
    # A count from before the drain says nothing about who joined until it began.
    counted = bridge.participants
    return counted is not None and counted.at >= (bridge.draining_since or counted.at)


def _evacuating(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    patience = limits.patience_for(bridge.drain_reason)
    if not _drains(bridge) or bridge.draining_since is None or patience is None:
        return False
    return now - bridge.draining_since >= patience


def _draining(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    return _drains(bridge)


def _pending(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    return bridge.pod_phase == "Pending"


def _ready(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    if bridge.registered is None:
        seen = bridge.registered_at is not None or bridge.in_brewery is True
        return bridge.pod_ready and seen
    return bridge.registered


def _proving(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    return is_unproven(bridge) and _ready(bridge, now, limits)


def _starting(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    if not bridge.pod_ready:
        return now - _began(bridge) < limits.start_deadline
    since = max(bridge.ready_since or bridge.created_at, bridge.registered_at or 0.0)
    return now - since < limits.registration_deadline


def _began(bridge: Bridge) -> Timestamp:
    """Return when what is in the pod began: one that served and crashed is given time to return."""
    if bridge.never_ready:
        return bridge.created_at
    return Timestamp(max(bridge.created_at, bridge.started_at or 0.0, bridge.ended_at or 0.0))


def _always(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    return True


_DRAINED: Final = (S.DRAINING, S.EVACUATING, S.EMPTY)
_BACK: Final = (S.FAILED, S.LOST)
_ALIVE: Final = (S.STARTING, S.PROVING, S.READY, S.UNREGISTERED)

TABLE: Final[tuple[Row, ...]] = (
    Row(
        S.STOPPING,
        _stopping,
        "shutdown asked for, exited, or pod being deleted",
        (S.PENDING, *_ALIVE, *_DRAINED, S.FAILED, S.LOST),
    ),
    Row(
        S.FAILED,
        _failed,
        "pod failed, or its container can't run or isn't created",
        (S.PENDING, *_ALIVE, *_DRAINED),
    ),
    Row(S.LOST, _lost, "unreachable for everyone", (*_ALIVE, *_DRAINED)),
    Row(S.EMPTY, _empty, "drains, and a fresh count says nobody", (S.DRAINING, S.EVACUATING)),
    Row(S.EVACUATING, _evacuating, "drains for longer than its patience", (S.DRAINING, S.EMPTY)),
    Row(S.DRAINING, _draining, "drain asked for or advertised", (*_ALIVE, S.EMPTY, *_BACK)),
    Row(S.PENDING, _pending, "pod created, nothing runs yet", ()),
    Row(S.PROVING, _proving, "of a new release: a call is tried on it", (S.STARTING,)),
    Row(
        S.READY,
        _ready,
        "Jicofo lists it as operational",
        (S.STARTING, S.PROVING, S.UNREGISTERED, *_DRAINED, *_BACK),
    ),
    Row(
        S.STARTING,
        _starting,
        "runs or runs again, Jicofo doesn't list it yet",
        (S.PENDING, S.PROVING, S.READY, S.UNREGISTERED, *_BACK),
    ),
    Row(
        S.UNREGISTERED,
        _always,
        "Jicofo doesn't list it by its deadline",
        (S.STARTING, S.PROVING, S.READY, *_DRAINED, *_BACK),
    ),
)


def diagram(table: Iterable[Row] = TABLE) -> str:
    """Return the table as a mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {S.PENDING}"]
    for row in table:
        lines += [f"    {state} --> {row.state}: {row.words}" for state in row.after]
    return "\n".join([*lines, f"    {S.STOPPING} --> [*]", ""])


if __name__ == "__main__":
    sys.stdout.write(diagram())
