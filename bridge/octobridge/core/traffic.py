"""Packets and bytes of the whole bridge: totals that outlive transports, and recent rates.

The engine's counters begin with each transport and end with it. Here their increments add up to
totals since start, and a short window of them becomes rates and loss fractions.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["Rates", "SourceReading", "Totals", "Traffic", "TransportReading"]

WINDOW_SECONDS: Final = 5.0
RECENT_MS: Final = 1_000


class TransportReading(Protocol):
    """One transport's counters since it was added (`octoengine.TransportStats`)."""

    @property
    def transport(self) -> int: ...  # noqa: D102
    @property
    def packets_received(self) -> int: ...  # noqa: D102
    @property
    def bytes_received(self) -> int: ...  # noqa: D102
    @property
    def packets_sent(self) -> int: ...  # noqa: D102
    @property
    def bytes_sent(self) -> int: ...  # noqa: D102
    @property
    def packets_lost(self) -> int: ...  # noqa: D102
    @property
    def remote_packets_lost(self) -> int: ...  # noqa: D102
    @property
    def rtt_ms(self) -> float: ...  # noqa: D102
    @property
    def received_age_ms(self) -> int: ...  # noqa: D102
    @property
    def consent_age_ms(self) -> int: ...  # noqa: D102


class SourceReading(Protocol):
    """One received SSRC's counters (`octoengine.SourceStats`)."""

    @property
    def transport(self) -> int: ...  # noqa: D102
    @property
    def ssrc(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def age_ms(self) -> int: ...  # noqa: D102
    @property
    def keyframes(self) -> int: ...  # noqa: D102
    @property
    def layer_bps(self) -> Sequence[tuple[int, int, int]]: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102


@dataclass(slots=True)
class Totals:
    """Increments of one interval, or their sum since start."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_lost: int = 0
    remote_packets_lost: int = 0

    def add(self, other: "Totals") -> None:
        """Add the other's counts to these."""
        # Spelled out: it's done for every transport and every interval of the window.
        self.packets_received += other.packets_received
        self.bytes_received += other.bytes_received
        self.packets_sent += other.packets_sent
        self.bytes_sent += other.bytes_sent
        self.packets_lost += other.packets_lost
        self.remote_packets_lost += other.remote_packets_lost


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second, over the window."""

    packets_received: float = 0.0
    bits_received: float = 0.0
    packets_sent: float = 0.0
    bits_sent: float = 0.0
    incoming_loss: float = 0.0
    """Fractions, 0..1."""
    outgoing_loss: float = 0.0
    overall_loss: float = 0.0


class Traffic:
    """Adds up readings; call `observe` about once a second."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.keyframes_received = 0
        self.video_milliseconds = 0.0
        self._last: dict[int, Totals] = {}
        self._keyframes: dict[tuple[int, int], int] = {}
        self._windows: dict[int, deque[tuple[float, Totals]]] = {}
        self._window: deque[tuple[float, Totals]] = deque()
        self._observed_at: float | None = None

    def observe(
        self,
        transports: Sequence[TransportReading],
        sources: Mapping[int, Sequence[SourceReading]],
        now: float,
    ) -> None:
        """Take all transports' counters as of `now`; those no longer named are gone."""
        elapsed = 0.0 if self._observed_at is None else max(0.0, now - self._observed_at)
        self._observed_at = now
        step = Totals()
        current = {reading.transport: _totals(reading) for reading in transports}
        for transport, totals in current.items():
            change = _increase(self._last.get(transport, Totals()), totals)
            step.add(change)
            _push(self._windows.setdefault(transport, deque()), now, change)
        self._last = current
        self._windows = {t: w for t, w in self._windows.items() if t in current}
        self.totals.add(step)
        _push(self._window, now, step)
        self._observe_video(sources, elapsed)

    def rates(self) -> Rates:
        """Return the window's rates."""
        span, total = _sum(self._window)
        if span <= 0:
            return Rates()
        incoming = _fraction(total.packets_lost, total.packets_received + total.packets_lost)
        outgoing = _fraction(total.remote_packets_lost, total.packets_sent)
        expected = total.packets_received + total.packets_lost + total.packets_sent
        return Rates(
            total.packets_received / span,
            total.bytes_received * 8 / span,
            total.packets_sent / span,
            total.bytes_sent * 8 / span,
            incoming,
            outgoing,
            _fraction(total.packets_lost + total.remote_packets_lost, expected),
        )

    def outgoing_loss_of(self, transport: int) -> float:
        """Return the fraction lately lost on the way to one transport."""
        changes = [change for _, change in self._windows.get(transport, ())][1:]
        lost = sum(change.remote_packets_lost for change in changes)
        return _fraction(lost, sum(change.packets_sent for change in changes))

    def incoming_loss_of(self, transport: int) -> float | None:
        """Return the fraction lately lost on the way from one transport; None without any."""
        changes = [change for _, change in self._windows.get(transport, ())][1:]
        lost = sum(change.packets_lost for change in changes)
        expected = lost + sum(change.packets_received for change in changes)
        return _fraction(lost, expected) if expected else None

    def _observe_video(
        self, sources: Mapping[int, Sequence[SourceReading]], elapsed: float
    ) -> None:
        seen: dict[tuple[int, int], int] = {}
        for readings in sources.values():
            for source in readings:
                if source.kind != "video":
                    continue
                key = (source.transport, source.ssrc)
                seen[key] = source.keyframes
                self.keyframes_received += max(0, source.keyframes - self._keyframes.get(key, 0))
                if 0 <= source.age_ms <= RECENT_MS:
                    self.video_milliseconds += elapsed * 1000
        self._keyframes = seen


def _totals(reading: TransportReading) -> Totals:
    return Totals(
        reading.packets_received,
        reading.bytes_received,
        reading.packets_sent,
        reading.bytes_sent,
        reading.packets_lost,
        reading.remote_packets_lost,
    )


def _increase(before: Totals, after: Totals) -> Totals:
    """Return how much each count grew; loss may shrink when late packets come (then 0)."""
    return Totals(
        max(0, after.packets_received - before.packets_received),
        max(0, after.bytes_received - before.bytes_received),
        max(0, after.packets_sent - before.packets_sent),
        max(0, after.bytes_sent - before.bytes_sent),
        max(0, after.packets_lost - before.packets_lost),
        max(0, after.remote_packets_lost - before.remote_packets_lost),
    )


def _push(window: deque[tuple[float, Totals]], now: float, change: Totals) -> None:
    window.append((now, change))
    while len(window) > 2 and now - window[1][0] >= WINDOW_SECONDS:
        window.popleft()


def _sum(window: Iterable[tuple[float, Totals]]) -> tuple[float, Totals]:
    """Return the seconds the window spans and what was counted after its first moment."""
    entries = list(window)
    total = Totals()
    for _, change in entries[1:]:
        total.add(change)
    return (entries[-1][0] - entries[0][0] if entries else 0.0), total


def _fraction(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0
