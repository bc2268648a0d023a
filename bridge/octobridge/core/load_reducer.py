"""What an overloaded bridge does about it: everyone gets fewer videos, until there's room again.

At the threshold the bridge-wide last-n is set below what anyone gets now; it is given time to
show an effect before it is lowered again. Once load has fallen well below, last-n rises in steps
and the limit finally goes. Off unless it is asked for, as in the stock bridge.

Source: JVB load_management/{JvbLoadManager,LastNReducer}.kt, reference.conf.
"""

from dataclasses import dataclass

__all__ = ["UNLIMITED", "LoadReducer", "Reduction"]

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Reduction:
    """When and by how much; loads are stress, 1 = full."""

    threshold: float = 1.0
    recovery: float = 0.8
    """The stock's 0.72 of 0.9."""
    impact_seconds: float = 60.0
    """Between two steps."""
    reduce_by: float = 0.75
    recover_by: float = 1.25
    least: int = 1
    lifted_at: int = 40
    """A limit as high as this is none."""


class LoadReducer:
    """The bridge-wide last-n and when it was changed."""

    def __init__(self, reduction: Reduction, last_n: int = UNLIMITED) -> None:
        self.last_n = last_n
        """-1 = no limit."""
        self.reductions = 0
        self._reduction = reduction
        self._acted_at: float | None = None

    def observe(self, stress: float, most_received: int, now: float) -> bool:
        """Take the load of now and return whether last-n changed.

        Args:
            stress: How full the bridge is.
            most_received: The most video sources that any endpoint is being sent.
            now: Seconds.
        """
        rule = self._reduction
        if self._acted_at is not None and now - self._acted_at < rule.impact_seconds:
            return False
        if stress >= rule.threshold:
            return self._reduce(most_received, now)
        if stress < rule.recovery and self.last_n != UNLIMITED:
            return self._recover(now)
        return False

    def _reduce(self, most_received: int, now: float) -> bool:
        if most_received <= 0:
            # Nobody is sent video: there's nothing to gain.
            return False
        lowered = max(self._reduction.least, int(most_received * self._reduction.reduce_by))
        if self.last_n != UNLIMITED:
            # Those who ask for little must not raise the limit of all.
            lowered = min(lowered, self.last_n)
        self._acted_at = now
        self.reductions += 1
        return self._set(lowered)

    def _recover(self, now: float) -> bool:
        raised = max(self.last_n + 1, int(self.last_n * self._reduction.recover_by))
        self._acted_at = now
        return self._set(UNLIMITED if raised >= self._reduction.lifted_at else raised)

    def _set(self, last_n: int) -> bool:
        changed = last_n != self.last_n
        self.last_n = last_n
        return changed
