"""How much of each video source anyone wants: what its sender is told to send at most.

For each source the receivers' constraints are counted by height, so that the greatest is found
without asking every receiver again. -1 is unlimited, 0 is nothing.
"""

from collections import Counter
from typing import Final

from octobridge.core.pacing import Bucket

__all__ = ["Demand"]

TOLD_PER_SECOND: Final = 1.0
TOLD_AT_ONCE: Final = 5.0
"""A client that changes its mind all the time must not make the bridge write to every sender."""


class Demand:
    """What is wanted of one source, and what its sender was last told."""

    __slots__ = ("_heights", "_pace", "told")

    def __init__(self) -> None:
        self._heights: Counter[int] = Counter()
        self._pace = Bucket(TOLD_PER_SECOND, TOLD_AT_ONCE)
        self.told: int | None = None
        """None = the sender was told nothing yet and sends as it likes."""

    @property
    def greatest(self) -> int:
        """What the most demanding receiver wants."""
        if not self._heights:
            return 0
        return -1 if -1 in self._heights else max(self._heights)

    def replace(self, old: int, new: int) -> None:
        """Note that one receiver wants `new` instead of `old`."""
        if old != 0:
            self._heights[old] -= 1
            if self._heights[old] <= 0:
                del self._heights[old]
        if new != 0:
            self._heights[new] += 1

    def may_tell(self, now: float) -> bool:
        """Whether its sender may be told something now; counts it if so."""
        self._pace.refill(now)
        if not self._pace.holds(1):
            return False
        self._pace.take(1)
        return True
