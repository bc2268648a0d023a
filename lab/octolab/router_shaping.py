"""What a link does to packets: loses, delays, reorders, squeezes. Pure: time and chance come in.

A packet passes in this order: loss, the bottleneck (a bounded first-in-first-out queue drained at
a rate), delay with jitter. Jitter alone keeps the order; reordering is a knob of its own.
"""

import random
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

__all__ = ["Counts", "Direction", "Shape"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How one direction of a link behaves; the default passes everything at once."""

    loss: float = 0.0
    """Probability that a packet is lost, each on its own, 0..1."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Up to this much is added to each packet's delay, evenly spread; the order stays."""
    reorder: float = 0.0
    """Probability that a packet is held back `reorder_ms`, so that later ones overtake it."""
    reorder_ms: float = 20.0
    rate_bps: float = 0.0
    """Bits a second of whole IP packets; 0: no limit."""
    queue_bytes: int = 65_536
    """What the bottleneck holds at most; one packet always fits."""

    def __post_init__(self) -> None:
        for name, value, most in (
            ("loss", self.loss, 1.0),
            ("reorder", self.reorder, 1.0),
            ("delay_ms", self.delay_ms, 60_000),
            ("jitter_ms", self.jitter_ms, 60_000),
            ("reorder_ms", self.reorder_ms, 60_000),
            ("rate_bps", self.rate_bps, 1e12),
            ("queue_bytes", self.queue_bytes, 1 << 30),
        ):
            if not 0 <= value <= most:
                raise ValueError(f"{name}: {value} isn't within 0..{most:g}")


@dataclass(slots=True)
class Counts:
    """What one direction did so far, in packets (and bytes forwarded)."""

    offered: int = 0
    forwarded: int = 0
    forwarded_bytes: int = 0
    lost: int = 0
    """Dropped by chance."""
    overflowed: int = 0
    """Dropped because the bottleneck's queue, or the memory for delayed packets, was full."""
    reordered: int = 0
    """Forwarded after a packet that came later."""


MEMORY_BYTES = 32 << 20
"""What may wait in the delay at most."""


class Direction:
    """One direction of one link. `offer` what comes, `take` what is due, sleep until `deadline`."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.counts = Counts()
        self._shape = shape
        self._random = random.Random(seed)  # noqa: S311 - chance that can be repeated is the point
        self._backlog: deque[tuple[float, bytes]] = deque()
        self._backlog_bytes = 0
        self._free_at = float("-inf")
        self._delayed: list[tuple[float, int, bytes]] = []
        self._delayed_bytes = 0
        self._last_due = float("-inf")
        self._number = 0
        self._newest_out = -1

    @property
    def shape(self) -> Shape:
        """How it behaves now."""
        return self._shape

    def reshape(self, shape: Shape, now: float) -> None:
        """Behave differently from now on; what waits in the bottleneck leaves at the new rate."""
        self._advance(now)
        self._shape = shape
        if self._backlog:
            self._free_at = max(self._free_at, now)
        self._advance(now)

    def offer(self, packet: bytes, now: float) -> None:
        """Take a packet in."""
        counts, shape = self.counts, self._shape
        counts.offered += 1
        if shape.loss and self._random.random() < shape.loss:
            counts.lost += 1
            return
        if not shape.rate_bps and not self._backlog:
            self._delay(packet, now)
            return
        self._advance(now)
        size = len(packet)
        if self._backlog and self._backlog_bytes + size > shape.queue_bytes:
            counts.overflowed += 1
            return
        self._backlog.append((now, packet))
        self._backlog_bytes += size

    def take(self, now: float) -> list[bytes]:
        """Return the packets that leave by now, in order."""
        self._advance(now)
        leaving: list[bytes] = []
        counts = self.counts
        while self._delayed and self._delayed[0][0] <= now:
            _, number, packet = heappop(self._delayed)
            self._delayed_bytes -= len(packet)
            counts.forwarded += 1
            counts.forwarded_bytes += len(packet)
            if number < self._newest_out:
                counts.reordered += 1
            else:
                self._newest_out = number
            leaving.append(packet)
        return leaving

    def deadline(self) -> float:
        """Return when `take` has something to do next; infinity: not before the next `offer`."""
        due = self._delayed[0][0] if self._delayed else float("inf")
        return min(due, self._head_leaves()) if self._backlog else due

    def _head_leaves(self) -> float:
        """Return when the head of the backlog is through the bottleneck."""
        came, packet = self._backlog[0]
        start = max(self._free_at, came)
        rate = self._shape.rate_bps
        return start + len(packet) * 8 / rate if rate else start

    def _advance(self, now: float) -> None:
        while self._backlog and (leaves := self._head_leaves()) <= now:
            _, packet = self._backlog.popleft()
            self._backlog_bytes -= len(packet)
            self._free_at = leaves
            self._delay(packet, leaves)

    def _delay(self, packet: bytes, now: float) -> None:
        shape = self._shape
        if self._delayed_bytes + len(packet) > MEMORY_BYTES:
            self.counts.overflowed += 1
            return
        due = now + shape.delay_ms / 1000
        if shape.jitter_ms:
            due += self._random.random() * shape.jitter_ms / 1000
        due = self._last_due = max(due, self._last_due)
        if shape.reorder and self._random.random() < shape.reorder:
            due += shape.reorder_ms / 1000
        heappush(self._delayed, (due, self._number, packet))
        self._delayed_bytes += len(packet)
        self._number += 1
