"""How a bridge goes: running, graceful shutdown, shutting down, exited; one table, no way back.

* GRACEFUL refuses new conferences and waits for the people on the bridge, up to a deadline.
* SHUTTING_DOWN tells the focus to move everyone, and gives it a while to do so. It is skipped
  at once when nobody is here: the while exists for people, not for its own sake.
* Draining is beside all this: it only asks the focus to look elsewhere first, and is reversible.

Source: JVB ShutdownManager.kt for the states; the skipped delay is ours.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["Occupancy", "Shutdown", "ShutdownState", "Timing"]


class ShutdownState(Enum):
    """Named as the stock bridge's `/debug` names them."""

    RUNNING = "RUNNING"
    GRACEFUL = "GRACEFUL_SHUTDOWN"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    EXITED = "EXITED"


_NEXT: Final = {
    ShutdownState.RUNNING: (ShutdownState.GRACEFUL, ShutdownState.SHUTTING_DOWN),
    ShutdownState.GRACEFUL: (ShutdownState.SHUTTING_DOWN,),
    ShutdownState.SHUTTING_DOWN: (ShutdownState.EXITED,),
    ShutdownState.EXITED: (),
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, and people."""

    max_duration: float = 24 * 3600.0
    """How long graceful shutdown waits."""
    delay: float = 60.0
    """How long SHUTTING_DOWN lasts while anyone is here."""
    min_participants: int = 0
    """Graceful shutdown has waited enough once this few are left."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Who is on the bridge."""

    local_endpoints: int
    conferences: int

    @property
    def is_empty(self) -> bool:
        """Whether the bridge serves nobody and nothing."""
        return self.local_endpoints == 0 and self.conferences == 0


class Shutdown:
    """The state and when it began; every question takes `now`."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._state = ShutdownState.RUNNING
        self._since = 0.0
        self._was_graceful = False

    @property
    def state(self) -> ShutdownState:
        """Where the bridge stands."""
        return self._state

    @property
    def is_graceful(self) -> bool:
        """The published `graceful_shutdown`: stays true while shutting down after it."""
        return self._was_graceful

    @property
    def is_shutting_down(self) -> bool:
        """The published `shutting_down`."""
        return self._state in (ShutdownState.SHUTTING_DOWN, ShutdownState.EXITED)

    @property
    def refuses_conferences(self) -> bool:
        """Whether a new conference would be cut short here."""
        return self._state is not ShutdownState.RUNNING

    def ask_graceful(self, now: float) -> bool:
        """Begin to wait for people to leave; whether that changed anything."""
        if self._state is not ShutdownState.RUNNING:
            return False
        self._was_graceful = True
        self._enter(ShutdownState.GRACEFUL, now)
        return True

    def ask_immediate(self, now: float) -> bool:
        """Tell the focus to move everyone now; whether that changed anything."""
        if ShutdownState.SHUTTING_DOWN not in _NEXT[self._state]:
            return False
        self._enter(ShutdownState.SHUTTING_DOWN, now)
        return True

    def advance(self, occupancy: Occupancy, now: float) -> bool:
        """Take every step that is due; whether the state changed."""
        changed = False
        while (due := self._due(occupancy, now)) is not None:
            self._enter(due, now)
            changed = True
        return changed

    def _due(self, occupancy: Occupancy, now: float) -> ShutdownState | None:
        waited = now - self._since
        if self._state is ShutdownState.GRACEFUL:
            few = occupancy.local_endpoints <= self._timing.min_participants
            if few or waited >= self._timing.max_duration:
                return ShutdownState.SHUTTING_DOWN
        elif self._state is ShutdownState.SHUTTING_DOWN and (
            occupancy.is_empty or waited >= self._timing.delay
        ):
            return ShutdownState.EXITED
        return None

    def _enter(self, state: ShutdownState, now: float) -> None:
        if state not in _NEXT[self._state]:
            raise ValueError(f"no way from {self._state.value} to {state.value}")
        self._state = state
        self._since = now
