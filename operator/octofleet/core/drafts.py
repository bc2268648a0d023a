"""A plan in the making: what it is made from, and what it holds so far.

Private to planning and the modules it is made of: `growing`, `shrinking` and `draining`.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from octofleet.api.effective import EffectiveRegion
from octofleet.core import lifecycle
from octofleet.core.actions import Action, DeleteBridge, DrainBridge
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, BridgeState, Snapshot, Timestamp
from octofleet.core.sizing import Decision

__all__ = [
    "AILING",
    "BROKEN",
    "COMING",
    "DRAINING",
    "LEAVING",
    "READY",
    "SCALE_IN",
    "SERVING",
    "Draft",
    "Refusal",
    "RefusalReason",
]

S = BridgeState
States = frozenset[BridgeState]

SCALE_IN: Final = "ScaleIn"
"""Why a bridge drains when the size is the reason: only such a drain is taken back."""

READY: Final[States] = frozenset({S.READY})
COMING: Final[States] = frozenset({S.PENDING, S.STARTING})
SERVING: Final[States] = READY | COMING
"""What counts towards the size."""
AILING: Final[States] = frozenset({S.UNREGISTERED, S.FAILED})
BROKEN: Final[States] = AILING | {S.LOST}
DRAINING: Final[States] = frozenset({S.DRAINING, S.EVACUATING})
LEAVING: Final[States] = DRAINING | {S.EMPTY}


class RefusalReason(StrEnum):
    """Why a wanted step isn't taken."""

    NOT_CREATED = "BridgeNotCreated"
    NO_NODE = "NoNode"
    NO_ROOM = "NoRoomOnTheOthers"
    UNKNOWN_PEOPLE = "PeopleUnknown"
    JICOFO_UNREACHABLE = "JicofoUnreachable"
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    UPGRADE_BLOCKED = "UpgradeBlocked"
    STEP_FAILED = "StepFailed"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that is wanted and not taken."""

    reason: RefusalReason
    message: str


@dataclass(slots=True)
class Draft:
    """Everything a step is decided from, and the actions and refusals so far."""

    region: EffectiveRegion
    snapshot: Snapshot
    decision: Decision
    now: Timestamp
    limits: Limits
    bridges: tuple[JudgedBridge, ...]
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    unproven: tuple[JudgedBridge, ...] = field(init=False)
    """Bridges that must still show that they carry calls: no capacity, and `rollout`'s alone."""
    _known: tuple[JudgedBridge, ...] = field(init=False)
    _counts: Counter[BridgeState] = field(init=False)

    def __post_init__(self) -> None:
        # Asked for a dozen times a step, of up to a thousand bridges: sorted and counted once.
        self.bridges = tuple(sorted(self.bridges, key=_by_ordinal))
        unproven = {id(e) for e in self.bridges if lifecycle.is_unproven(e.bridge)}
        self.unproven = tuple(each for each in self.bridges if id(each) in unproven)
        self._known = tuple(each for each in self.bridges if id(each) not in unproven)
        self._counts = Counter(each.state for each in self._known)

    def of(self, states: States) -> list[JudgedBridge]:
        """Return the bridges in some states, the lowest ordinal first."""
        if not self.count(states):
            return []
        return [each for each in self._known if each.state in states]

    def count(self, states: States) -> int:
        """Return how many bridges are in some states."""
        counts = self._counts
        return sum(counts[state] for state in states)

    def refuse(self, reason: RefusalReason, message: str) -> None:
        """Note a step that is wanted and not taken."""
        self.refusals.append(Refusal(reason, message))

    @property
    def drained(self) -> frozenset[str]:
        """Bridges that this plan drains; their states don't show it yet."""
        return frozenset(a.name for a in self.actions if isinstance(a, DrainBridge))

    def staying(self, states: States = SERVING) -> list[JudgedBridge]:
        """Return the bridges in some states, by default those that count, that it doesn't drain."""
        drained = self.drained
        return [each for each in self.of(states) if each.bridge.name not in drained]

    def is_deleted(self, bridge: Bridge) -> bool:
        """Tell whether the plan deletes a bridge already."""
        deletes = (action for action in self.actions if isinstance(action, DeleteBridge))
        return any(action.uid == bridge.uid for action in deletes)

    def is_known_empty(self, bridge: Bridge) -> bool:
        """Tell whether it is certain that nobody is on a bridge."""
        return self.never_ran(bridge) or lifecycle.is_empty(bridge, self.now, self.limits)

    def never_ran(self, bridge: Bridge) -> bool:
        """Tell whether no process of the bridge runs, or none that anybody could have used.

        Its pod waits, or can't start it, or what runs was never ready and nobody knows of it.
        """
        if bridge.pod_phase == "Pending":
            return True
        silent = bridge.in_brewery is False and bridge.registered is False
        return silent and (bridge.waiting_reason in lifecycle.NOT_RUNNING or bridge.never_ready)


def _by_ordinal(each: JudgedBridge) -> tuple[int, str]:
    return len(each.bridge.name), each.bridge.name
