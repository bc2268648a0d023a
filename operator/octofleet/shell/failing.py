"""Steps that fail over and over: kept count of, so that the status tells them and a hiccup isn't.

Lives in the process alone: after a restart of the operator they are counted anew.
"""

from dataclasses import dataclass
from typing import Final

from octofleet.core.actions import (
    Action,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ShutDownBridge,
    UndrainBridge,
)
from octofleet.shell.actuator import Outcome

__all__ = ["FailingSteps"]

TRIES: Final = 3
"""A step that failed so often in a row is told."""
FORGOTTEN_SECONDS: Final = 300.0
"""One that wasn't tried again for so long isn't wanted any more; a shutdown is after 120 s."""
SHOWN: Final = 5


@dataclass(slots=True)
class _Failure:
    times: int
    at: float
    text: str


class FailingSteps:
    """Counts of failures in a row, by region."""

    def __init__(self) -> None:
        self._failures: dict[str, dict[tuple[str, str], _Failure]] = {}

    def told(self, uid: str, outcomes: tuple[Outcome, ...], now: float) -> list[str]:
        """Return what fails over and over in a region, after these outcomes."""
        known = self._failures.setdefault(uid, {})
        for each in outcomes:
            verb = _verb(each.action)
            if verb is None or each.waits:
                continue
            key = verb, _bridge(each.action)
            if each.done:
                known.pop(key, None)
                continue
            times = known[key].times if key in known else 0
            known[key] = _Failure(times + 1, now, f"{key[1]} {verb}: {each.message}")
        for key in [key for key, each in known.items() if now - each.at > FORGOTTEN_SECONDS]:
            del known[key]
        if not known:
            del self._failures[uid]
        return [each.text for _, each in sorted(known.items()) if each.times >= TRIES][:SHOWN]

    def forget(self, uid: str) -> None:
        """Drop what is known of a region that is gone."""
        self._failures.pop(uid, None)


def _bridge(action: Action) -> str:
    return action.bridge if isinstance(action, MoveConference) else action.name


def _verb(action: Action) -> str | None:
    """Return what failed, in words; None for steps that others tell of."""
    match action:
        case DrainBridge():
            return "can't be drained"
        case UndrainBridge():
            return "can't be taken back into service"
        case MoveConference():
            return "can't be evacuated"
        case ShutDownBridge():
            return "can't be shut down"
        case DeleteBridge():
            return "can't be deleted"
        case _:
            return None
