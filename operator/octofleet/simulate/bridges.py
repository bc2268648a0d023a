"""The bridges of a simulated fleet, with what they carry and what they last told of it.

Stress between two changes is constant, so nothing happens at the moments at which bridges tell
their load: what a bridge told last follows from when its load last changed. `told` are the
figures as of the last presence, `now` those of the moment. Numbers that placement compares over
the whole fleet are kept in arrays.
"""

from dataclasses import dataclass, field
from math import floor
from typing import Final

import numpy as np
import numpy.typing as npt

from octofleet.simulate.media import Costs

__all__ = ["OVERLOAD", "Call", "Fleet", "Share", "SimBridge"]

OVERLOAD: Final = 0.8
RAMPUP_BUCKETS: Final = 200
"""Jicofo counts joins of 20 s, in buckets of 100 ms."""


@dataclass(slots=True)
class Share:
    """The part of a meeting on one bridge."""

    call: "Call"
    bridge: "SimBridge | None"
    """None: its bridge has died and Jicofo hasn't placed its people anew yet."""
    people: int = 0
    stress: float = 0.0
    forwarded: list[list["Share | int"]] = field(default_factory=list[list["Share | int"]])
    """Where its people went when they were moved: shares and how many."""


@dataclass(slots=True)
class Call:
    """A meeting."""

    index: int
    costs: Costs
    people: int = 0
    since: float = 0.0
    shares: list[Share] = field(default_factory=list[Share])
    """In the order in which its bridges joined."""
    limbo: Share | None = None


@dataclass(slots=True, eq=False)
class SimBridge:
    """A bridge pod and the bridge in it."""

    name: str
    uid: str
    region: int
    zone: int
    node: str
    slot: int
    created: float
    registers: float
    """When Jicofo lists it, if nothing goes wrong."""
    capacity: float
    """Packets a second at stress 1."""
    idle: float
    phase: float
    upkeep: float = 0.0
    """Stress of a person besides their packets."""
    version: str = "1"
    registered: bool = False
    draining: bool = False
    told_draining: bool = False
    graceful: bool = False
    gone: bool = False
    drain_reason: str | None = None
    draining_since: float | None = None
    shutdown_at: float | None = None
    moved_at: float | None = None
    deadline: float | None = None
    stress: float = 0.0
    people: int = 0
    changed: float = 0.0
    told_stress: float = 0.0
    told_people: int = 0
    calls: dict[int, Share] = field(default_factory=dict[int, Share])


class Fleet:
    """All bridges, and the figures of those that are registered as arrays."""

    def __init__(self, period: float) -> None:
        self.period = period
        self.bridges: dict[str, SimBridge] = {}
        self.slots: list[SimBridge | None] = []
        self.free: list[int] = []
        self.changes_of_membership = 0
        self.overloaded_now = 0
        self.overloaded_seconds = 0.0
        """Of participants, on bridges above the threshold."""
        self.overloaded_since = 0.0
        self.longest_overload = 0.0
        self.peak_stress = 0.0
        self.stress = self.told = self.changed = np.zeros(0)
        self.phase = self.recent = self.average = np.zeros(0)
        self._sized(64)

    def _sized(self, size: int) -> None:
        self.stress = _grown(self.stress, size)
        self.told = _grown(self.told, size)
        self.changed = _grown(self.changed, size)
        self.phase = _grown(self.phase, size)
        self.recent = _grown(self.recent, size)
        self.average = _grown(self.average, size)

    def add(self, bridge: SimBridge, average: float) -> None:
        """Take a bridge in; `average` is the stress of a participant that it will publish."""
        if self.free:
            bridge.slot = self.free.pop()
            self.slots[bridge.slot] = bridge
        else:
            bridge.slot = len(self.slots)
            self.slots.append(bridge)
            if bridge.slot >= len(self.stress):
                self._sized(2 * len(self.stress))
        slot = bridge.slot
        bridge.stress = bridge.told_stress = bridge.idle
        self.stress[slot] = self.told[slot] = bridge.idle
        self.changed[slot] = bridge.changed = bridge.created
        self.phase[slot] = bridge.phase
        self.recent[slot] = 0
        self.average[slot] = average
        self.bridges[bridge.name] = bridge

    def remove(self, bridge: SimBridge) -> None:
        """Let a bridge go; nobody may be on it."""
        bridge.gone = True
        del self.bridges[bridge.name]
        self.slots[bridge.slot] = None
        self.free.append(bridge.slot)
        self.changes_of_membership += 1

    def change(self, bridge: SimBridge, stress: float, people: int, now: float) -> None:
        """Change a bridge's load by so much."""
        slot, before = bridge.slot, bridge.stress
        changed = bridge.changed
        if self._ticks(bridge, now) > self._ticks(bridge, changed):
            bridge.told_stress = before
            bridge.told_people = bridge.people
            self.told[slot] = before
        after = before + stress
        if before > OVERLOAD:
            self.overloaded_seconds += bridge.people * (now - changed)
            if after <= OVERLOAD:
                self._relieved(now)
        elif after > OVERLOAD:
            if self.overloaded_now == 0:
                self.overloaded_since = now
            self.overloaded_now += 1
        bridge.people += people
        if bridge.people == 0:
            after = bridge.idle  # leaves no dust of floating point
        if after > self.peak_stress:
            self.peak_stress = after
        bridge.stress = after
        bridge.changed = now
        self.stress[slot] = after
        self.changed[slot] = now

    def _relieved(self, now: float) -> None:
        self.overloaded_now -= 1
        if self.overloaded_now == 0:
            self.longest_overload = max(self.longest_overload, now - self.overloaded_since)

    def settle(self, now: float) -> None:
        """Count what is overloaded up to now."""
        for bridge in self.bridges.values():
            if bridge.stress > OVERLOAD:
                self.overloaded_seconds += bridge.people * (now - bridge.changed)
                if self._ticks(bridge, now) > self._ticks(bridge, bridge.changed):
                    bridge.told_stress, bridge.told_people = bridge.stress, bridge.people
                    self.told[bridge.slot] = bridge.stress
                bridge.changed = now
                self.changed[bridge.slot] = now

    def told_by(self, bridge: SimBridge, now: float) -> tuple[float, float, int]:
        """Return when a bridge last told its load, and its stress and people then."""
        ticks = self._ticks(bridge, now)
        tick = bridge.phase + ticks * self.period
        if ticks > self._ticks(bridge, bridge.changed):
            return tick, bridge.stress, bridge.people
        return tick, bridge.told_stress, bridge.told_people

    def _ticks(self, bridge: SimBridge, at: float) -> int:
        """Return how often a bridge has told its load by then; `Placement` reckons alike."""
        return floor((at - bridge.phase) / self.period)


def _grown(old: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    new = np.zeros(size)
    new[: len(old)] = old
    return new
