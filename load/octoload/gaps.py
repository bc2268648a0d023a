"""The arithmetic of one stream at one receiver: when media last came, and what was missed. Pure.

Times are seconds of one monotonic clock. Readings are cumulative counters of one transport; a
receiver that was moved has two transports for a while, and a gap runs from the last packet on
either to the next one on either.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["JOIN_GRACE_SECONDS", "Reading", "Stream", "Traffic", "brings_more"]

JOIN_GRACE_SECONDS: Final = 3.0
"""A stream just announced has this long to begin before it's missed."""
FLOWING_MS: Final = 3000.0
"""A stream whose last packet is no older flows: a busy machine stands still for a while."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one transport has counted of one SSRC so far; ages and gaps in ms, -1 = never."""

    ssrc: int
    packets: int
    lost: int
    age_ms: float
    gap_ms: float = 0.0
    delay_ms_mean: float = 0.0
    delay_ms_max: float = 0.0


def brings_more(old: Iterable[Reading], new: Iterable[Reading]) -> bool:
    """Return whether anything flows by one transport that doesn't by the other."""
    there = {one.ssrc for one in new if _flows(one)}
    return any(_flows(one) and one.ssrc not in there for one in old)


def _flows(reading: Reading) -> bool:
    return 0 <= reading.age_ms <= FLOWING_MS


@dataclass(slots=True)
class Traffic:
    """Sums over streams."""

    packets: int = 0
    lost: int = 0
    delay_ms_sum: float = 0.0
    delay_ms_max: float = 0.0

    def add(self, other: "Traffic") -> None:
        """Take another's sums in."""
        self.packets += other.packets
        self.lost += other.lost
        self.delay_ms_sum += other.delay_ms_sum
        self.delay_ms_max = max(self.delay_ms_max, other.delay_ms_max)


@dataclass(slots=True)
class _Counted:
    """The last reading of one transport, and the engine's longest gap when it was last judged."""

    reading: Reading
    judged_gap_ms: float


@dataclass(slots=True)
class Stream:
    """One source that should reach one participant."""

    ssrc: int
    expected_since: float
    muted: bool = False
    last_at: float | None = None
    """When its last packet came since it's expected; None: none yet."""
    _counted: dict[str, _Counted] = field(default_factory=dict[str, _Counted])

    def read(self, reading: Reading, session: str, now: float, traffic: Traffic) -> float:
        """Take a transport's counters in; return the longest gap that ended since, in seconds."""
        before = self._counted.get(session)
        if before is not None and reading.packets <= before.reading.packets:
            return 0.0
        if reading.packets == 0:
            return 0.0
        last = min(now, now - max(0.0, reading.age_ms) / 1000)
        ended = self._ended_gap(before, reading, now, last)
        if self.last_at is None or last > self.last_at:
            self.last_at = last
        self._counted[session] = _Counted(reading, reading.gap_ms)
        _add(traffic, before.reading if before else None, reading)
        return ended

    def _ended_gap(
        self, before: _Counted | None, reading: Reading, now: float, last: float
    ) -> float:
        if self.last_at is None:
            return 0.0
        if before is None:
            # The first packets on a new transport came some time since the last look: the
            # latest moment is taken, so that a gap is never reported too short.
            return max(0.0, now - self.last_at) if last > self.last_at else 0.0
        single = last - self.last_at if reading.packets == before.reading.packets + 1 else 0.0
        grown = reading.gap_ms / 1000 if reading.gap_ms > before.judged_gap_ms else 0.0
        return max(single, grown)

    def forget_session(self, session: str) -> None:
        """The transport is gone."""
        self._counted.pop(session, None)

    def set_muted(self, muted: bool, now: float) -> None:
        """Expect nothing while muted; on unmuting, expect it anew."""
        if self.muted and not muted:
            self.expected_since, self.last_at = now, None
        self.muted = muted

    def missing_since(self, ready_at: float) -> float:
        """Return when the silence that now lasts began.

        Args:
            ready_at: When both the receiver and (as far as known) the sender were connected.
        """
        if self.last_at is not None:
            return self.last_at
        return max(self.expected_since, ready_at) + JOIN_GRACE_SECONDS

    def came_in(self, session: str) -> bool:
        """Return whether any packet came by this transport."""
        return session in self._counted


def _add(traffic: Traffic, before: Reading | None, after: Reading) -> None:
    packets = after.packets - (before.packets if before else 0)
    total = after.delay_ms_mean * after.packets
    earlier = before.delay_ms_mean * before.packets if before else 0.0
    traffic.packets += packets
    traffic.lost += after.lost - (before.lost if before else 0)
    traffic.delay_ms_sum += total - earlier
    is_record = before is None or after.delay_ms_max > before.delay_ms_max
    mean = (total - earlier) / packets
    traffic.delay_ms_max = max(traffic.delay_ms_max, after.delay_ms_max if is_record else mean)
