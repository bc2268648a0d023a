"""Consent to send on the selected pair (RFC 7675): when to ask, when it's stale, when it's lost.

A peer that checks from a new address has perhaps lost the old one (another network, another NAT
port): then the selected pair is asked at once, and is stale when it doesn't answer shortly.
"""

import math
from collections.abc import Callable
from typing import Final

__all__ = ["RETRY_SECONDS", "Consent"]

INTERVAL_SECONDS: Final = 5.0
TOGETHER_SECONDS: Final = 0.5
STALE_SECONDS: Final = 12.0
"""Unanswered for so long, other pairs may be nominated in place of the selected one."""
LOST_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 5.0
"""Between two rounds of checks while there is none; whoever gives the path up closes the agent."""
DOUBT_SECONDS: Final = 2.0
DOUBT_INTERVAL_SECONDS: Final = 0.6


class Consent:
    """Starts as just given."""

    def __init__(self, now: float, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._given_at = now
        self._doubt_ends: float | None = None
        self._told_stale = False
        self._ask_at = self._next(now)

    def given(self, now: float) -> None:
        """The peer answered on the selected pair."""
        self._given_at = now
        self._doubt_ends = None
        self._told_stale = False

    def doubt(self, now: float) -> None:
        """The peer was heard from elsewhere: ask soon, and don't wait long for the answer."""
        if self._doubt_ends is None and now - self._given_at >= DOUBT_INTERVAL_SECONDS:
            self._doubt_ends = now + DOUBT_SECONDS
            self._ask_at = now

    def is_due(self, now: float) -> bool:
        """Return whether to ask now; the next question is then planned."""
        if now < self._ask_at:
            return False
        self._ask_at = self._next(now)
        return True

    def is_stale(self, now: float) -> bool:
        """Return whether the pair has been silent for too long to be trusted."""
        return now >= self._stale_at()

    def becomes_stale(self, now: float) -> bool:
        """Return True once for each time it becomes stale."""
        if self._told_stale or not self.is_stale(now):
            return False
        self._told_stale = True
        return True

    def is_lost(self, now: float) -> bool:
        """Return whether sending must stop."""
        return now - self._given_at >= LOST_SECONDS

    def deadlines(self) -> list[float]:
        """Return the times at which any answer above may change."""
        stale = [] if self._told_stale else [self._stale_at()]
        return [self._ask_at, self._given_at + LOST_SECONDS, *stale]

    def _stale_at(self) -> float:
        stale = self._given_at + STALE_SECONDS
        return stale if self._doubt_ends is None else min(stale, self._doubt_ends)

    def _interval(self) -> float:
        if self._doubt_ends is not None and not self._told_stale:
            return DOUBT_INTERVAL_SECONDS
        # Spread between four seconds and six, so that a bridge's peers aren't all asked in step.
        return INTERVAL_SECONDS * (0.8 + 0.3 * self._entropy(1)[0] / 255)

    def _next(self, now: float) -> float:
        at = now + self._interval()
        # With many peers, waking up for each would cost more than asking: those whose time is
        # near are asked at once.
        return (
            at
            if self._doubt_ends is not None
            else math.ceil(at / TOGETHER_SECONDS) * (TOGETHER_SECONDS)
        )
