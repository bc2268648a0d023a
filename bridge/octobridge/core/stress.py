"""Stress: how full the bridge is, 0 = idle, 1 = full, from whichever of its parts is fullest.

* CPU used, as a fraction of what the container may use;
* the busiest engine thread, as a fraction of one core: one saturated thread on four idle cores
  is a full bridge;
* how late the control loop runs, against the lateness at which control suffers;
* the fullest bounded queue.

Each part is smoothed over some seconds, so that a burst of joins or one slow moment of the
machine isn't taken for overload; the greatest of them is the stress.
"""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Load", "Sample", "Stress"]

HALF_LIFE_SECONDS: Final = 5.0
SHORTEST_SECONDS: Final = 0.01
"""Samples closer than this say nothing: clocks are coarser."""
FULL_LAG_SECONDS: Final = 0.25
"""A loop that is on average this late answers health checks and consent too slowly."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one moment; counters only ever grow."""

    at: float
    cpu_seconds: float
    """CPU time the container (or process) has used."""
    cores: float
    """What it may use: its limit, or the machine's cores."""
    thread_seconds: float
    """CPU time of the engine's busiest thread."""
    lag_seconds: float
    """How late the loop was since the last sample, on average."""
    queue_fill: float
    """0..1, the fullest since the last sample."""


@dataclass(frozen=True, slots=True)
class Load:
    """The parts, each 0 = idle, 1 = full; CPU may pass 1 for a moment."""

    cpu: float = 0.0
    thread: float = 0.0
    lag: float = 0.0
    queue: float = 0.0

    @property
    def stress(self) -> float:
        """The fullest part."""
        return max(self.cpu, self.thread, self.lag, self.queue)


class Stress:
    """Turns samples into a smoothed load."""

    def __init__(self) -> None:
        self._last: Sample | None = None
        self._load = Load()

    @property
    def load(self) -> Load:
        """The load as of the last sample; all zero before the second one."""
        return self._load

    def observe(self, sample: Sample) -> None:
        """Take a sample, about one a second."""
        last = self._last
        if last is not None and sample.at - last.at < SHORTEST_SECONDS:
            return
        self._last = sample
        if last is None:
            return
        elapsed = sample.at - last.at
        now = Load(
            cpu=max(0.0, sample.cpu_seconds - last.cpu_seconds) / elapsed / max(sample.cores, 0.01),
            thread=max(0.0, sample.thread_seconds - last.thread_seconds) / elapsed,
            lag=max(0.0, sample.lag_seconds) / FULL_LAG_SECONDS,
            queue=min(1.0, max(0.0, sample.queue_fill)),
        )
        weight = 1 - math.pow(0.5, elapsed / HALF_LIFE_SECONDS)
        old = self._load
        self._load = Load(
            cpu=_mix(old.cpu, now.cpu, weight),
            thread=_mix(old.thread, now.thread, weight),
            lag=_mix(old.lag, now.lag, weight),
            queue=_mix(old.queue, now.queue, weight),
        )


def _mix(old: float, new: float, weight: float) -> float:
    return old + weight * (new - old)
