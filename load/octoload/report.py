"""What a load test found: one summary a conference and one in total. Pure data, JSON out."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from octoload.gaps import Traffic

__all__ = ["Drop", "Report", "Summary", "Tally"]

MAX_JOIN_TIMES: Final = 20_000
MAX_DROPS_TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class Drop:
    """One participant who was dropped, and the first stream it missed for too long."""

    participant: str
    conference: str
    ssrc: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one window. See `octoload.accounting` for what the words mean."""

    participants: int
    present: int
    admitted: int
    waiting: int
    dropped: int
    moved: int
    restarted: int
    killed: int
    max_gap_ms: int
    killed_max_gap_ms: int
    packets_received: int
    packets_lost: int
    loss_fraction: float
    delay_ms_mean: float
    delay_ms_max: float
    join_ms_p50: int | None
    join_ms_max: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything of one accounting window."""

    window_seconds: float
    total: Summary
    conferences: dict[str, Summary]
    drops: tuple[Drop, ...] = ()
    delay_ms_p99: float | None = None
    """Of everyone's packets; None: none that tell when they were sent."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data, snake_case keys."""
        return asdict(self)

    def line(self) -> str:
        """Return the one line that ends a run."""
        t = self.total
        return (
            f"load: participants={t.participants} admitted={t.admitted} dropped={t.dropped} "
            f"moved={t.moved} killed={t.killed} max_gap_ms={t.max_gap_ms} "
            f"loss={t.loss_fraction:.4%} packets={t.packets_received} "
            f"delay_ms={t.delay_ms_mean:.1f} "
            f"join_ms_p50={'-' if t.join_ms_p50 is None else t.join_ms_p50}"
        )


@dataclass(slots=True)
class Tally:
    """Running counts of one conference in this window."""

    participants: int = 0
    admitted: int = 0
    dropped: int = 0
    moved: int = 0
    restarted: int = 0
    killed: int = 0
    max_gap: float = 0.0
    killed_max_gap: float = 0.0
    traffic: Traffic = field(default_factory=Traffic)
    join_times: list[float] = field(default_factory=list[float])

    def joined_in(self, seconds: float) -> None:
        """A participant got its first media so long after it asked to join."""
        if len(self.join_times) < MAX_JOIN_TIMES:
            self.join_times.append(seconds)

    def add(self, other: "Tally") -> None:
        """Take another conference's counts in."""
        self.participants += other.participants
        self.admitted += other.admitted
        self.dropped += other.dropped
        self.moved += other.moved
        self.restarted += other.restarted
        self.killed += other.killed
        self.max_gap = max(self.max_gap, other.max_gap)
        self.killed_max_gap = max(self.killed_max_gap, other.killed_max_gap)
        self.traffic.add(other.traffic)
        self.join_times = (self.join_times + other.join_times)[-MAX_JOIN_TIMES:]

    def summary(self, present: int, waiting: int) -> Summary:
        """Return the frozen counts; `present` and `waiting` are those of this moment."""
        traffic = self.traffic
        lost = max(0, traffic.lost)
        sent = traffic.packets + lost
        times = sorted(self.join_times)
        return Summary(
            participants=self.participants,
            present=present,
            admitted=self.admitted,
            waiting=waiting,
            dropped=self.dropped,
            moved=self.moved,
            restarted=self.restarted,
            killed=self.killed,
            max_gap_ms=math.ceil(self.max_gap * 1000),
            killed_max_gap_ms=math.ceil(self.killed_max_gap * 1000),
            packets_received=traffic.packets,
            packets_lost=lost,
            loss_fraction=lost / sent if sent else 0.0,
            delay_ms_mean=traffic.delay_ms_sum / traffic.packets if traffic.packets else 0.0,
            delay_ms_max=traffic.delay_ms_max,
            join_ms_p50=round(times[len(times) // 2] * 1000) if times else None,
            join_ms_max=round(times[-1] * 1000) if times else None,
        )
