"""Discrete events: people join and leave, bridges start, drain and die, a policy decides.

Participants come from a trace, in order; everything else waits in a heap. Nothing here decides
how many bridges there are: a policy does, a few times a minute, through the verbs below.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import numpy as np

from jitsiwire.selection import SelectionSettings, Strategy
from octofleet.simulate.bridges import Call, Fleet, Share, SimBridge
from octofleet.simulate.description import Workload
from octofleet.simulate.media import MEDIA, costs
from octofleet.simulate.moving import Mover
from octofleet.simulate.placement import Placement
from octofleet.simulate.traces import Trace

__all__ = ["Counters", "Policy", "Sample", "Simulation"]

STRATEGIES = {
    "RegionBased": Strategy.REGION_BASED,
    "Single": Strategy.SINGLE,
    "IntraRegion": Strategy.INTRA_REGION,
}
EXIT_SECONDS = 5.0
STOCK_PARTICIPANT_STRESS = 0.01


class Policy(Protocol):
    """Decides how many bridges there are."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def period(self) -> float:
        """Seconds between two decisions."""
        ...

    def start(self, simulation: "Simulation", region: int) -> int:
        """Return with how many bridges a region begins."""
        ...

    def step(self, simulation: "Simulation", region: int, now: float) -> None:
        """Look at a region and act."""
        ...


@dataclass(slots=True)
class Counters:
    """What is measured."""

    joins: int = 0
    refused: int = 0
    moved: int = 0
    """Placed anew while they were in a meeting, because the policy wanted it."""
    killed: int = 0
    """On a bridge that died."""
    dropped: int = 0
    """On a bridge that the policy ended under them."""
    bridge_seconds: float = 0.0
    participant_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The fleet at a moment."""

    at: float
    people: int
    bridges: int
    ready: int
    worst: float
    mean: float
    overloaded: int
    """People on overloaded bridges."""


@dataclass(slots=True)
class Outage:
    """What isn't heard of a region for a while."""

    readings: dict[str, tuple[float, float, int]] = field(
        default_factory=dict[str, tuple[float, float, int]]
    )
    metrics: bool = False
    jicofo: bool = False


class Simulation:
    """A deployment under a load and a policy."""

    def __init__(self, workload: Workload, trace: Trace, policy: Policy, measured: float) -> None:
        self.workload, self.trace, self.policy = workload, trace, policy
        self.now = float(trace.joined[0]) - 3600.0 if trace.joins else measured
        self.fleet = Fleet(workload.presence_seconds)
        self.regions = trace.regions
        self.counters = Counters()
        self.samples: list[Sample] = []
        self.measured = measured
        self.present = [0] * len(trace.regions)
        self.joined_ever = [0] * len(trace.regions)
        self.outages = [Outage() for _ in trace.regions]
        self.participant_stress: float | None = None
        """What new bridges publish as the stress of one; None is the stock figure."""
        self._rng = np.random.default_rng(workload.seed + 1)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._names = [count() for _ in trace.regions]
        self._calls: dict[int, Call] = {}
        self._costs = [costs(MEDIA[name]) for name in trace.medias]
        setup = workload.placement
        self.placement = Placement(
            self.fleet,
            trace.regions,
            STRATEGIES[setup.strategy],
            SelectionSettings(
                multi_bridge=setup.relays,
                max_bridge_participants=setup.max_bridge_participants,
                region_groups=setup.region_groups,
            ),
        )
        self.mover = Mover(self.fleet, self.placement, self._count_refused)

    # -- running ---------------------------------------------------------------------------------

    def run(self, end: float) -> None:
        """Run from the first join to `end`."""
        begun = self.now
        for region in range(len(self.regions)):
            for _ in range(self.policy.start(self, region)):
                self.create(region, at_once=True)
            self.at(begun + 1.0 + region * 0.1, self._decider(region))
        self.at(self.measured, self._measure)
        self.at(max(begun, self.measured), self._sampler)
        self._people(end)
        self._advance(end)
        self.fleet.settle(end)
        for bridge in list(self.fleet.bridges.values()):
            self.counters.bridge_seconds += end - max(bridge.created, self.measured)

    def at(self, when: float, event: Callable[[float], None]) -> None:
        """Have something happen later."""
        heapq.heappush(self._events, (when, next(self._order), event))

    def _people(self, end: float) -> None:
        """Go through joins and leaves in order; a leave is a join's index plus their number."""
        trace, number = self.trace, self.trace.joins
        times = np.concatenate([trace.joined, trace.left])
        order = np.argsort(times, kind="stable")
        order = order[times[order] < end]
        conference: list[int] = trace.conference.tolist()
        region: list[int] = trace.region.tolist()
        seats: list[Share | None] = [None] * number
        events = self._events
        moments: list[float] = times[order].tolist()
        whose: list[int] = order.tolist()
        for moment, each in zip(moments, whose, strict=True):
            if events[0][0] <= moment:
                self._advance(moment)
            if each < number:
                seats[each] = self._join(conference[each], region[each], moment)
            else:
                seat = seats[each - number]
                if seat is not None:
                    self.present[region[each - number]] -= 1
                    self._leave(seat, moment)
                    seats[each - number] = None

    def _advance(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            when, _, event = heapq.heappop(events)
            self.now = when
            event(when)
        self.now = until

    def _decider(self, region: int) -> Callable[[float], None]:
        def decide(now: float) -> None:
            self.policy.step(self, region, now)
            self.at(now + self.policy.period, decide)

        return decide

    def _measure(self, now: float) -> None:
        """Begin to measure: what came before was warm-up."""
        self.counters = Counters()
        fleet = self.fleet
        fleet.settle(now)
        fleet.overloaded_seconds = fleet.longest_overload = fleet.peak_stress = 0.0
        fleet.overloaded_since = max(now, fleet.overloaded_since)

    def _sampler(self, now: float) -> None:
        bridges = [each for each in self.fleet.bridges.values() if each.registered]
        serving = [each.stress for each in bridges if not each.draining and not each.graceful]
        self.samples.append(
            Sample(
                now,
                sum(each.people for each in bridges),
                len(self.fleet.bridges),
                len(bridges),
                max((each.stress for each in bridges), default=0.0),
                sum(serving) / len(serving) if serving else 0.0,
                sum(each.people for each in bridges if each.stress > 0.8),
            )
        )
        self.at(now + 300.0, self._sampler)

    # -- people ----------------------------------------------------------------------------------

    def _join(self, index: int, region: int, now: float) -> Share | None:
        self.counters.joins += 1
        self.joined_ever[region] += 1
        call = self._calls.get(index)
        if call is None:
            call = Call(index, self._costs[int(self.trace.media[index])], since=now)
            self._calls[index] = call
        bridge = self.placement.choose(call, region, now)
        if bridge is None:
            self.counters.refused += 1
            return None
        self.present[region] += 1
        return self.mover.seat(call, bridge, now)

    def _leave(self, seat: Share, now: float) -> None:
        call = seat.call
        self.mover.unseat(seat, now)
        if call.people == 0 and call.limbo is None:
            self._calls.pop(call.index, None)

    def _count_refused(self, number: int) -> None:
        self.counters.refused += number

    # -- verbs of policies -----------------------------------------------------------------------

    def create(self, region: int, name: str | None = None, *, at_once: bool = False) -> SimBridge:
        """Ask for a bridge; it registers once it has started."""
        number = next(self._names[region])
        name = name or f"{self.regions[region]}-{number}"
        kind = self.workload.bridge
        takes = float(self._rng.normal(kind.start_seconds, kind.start_spread * kind.start_seconds))
        takes = 0.0 if at_once else max(0.3 * kind.start_seconds, takes)
        zones = self.workload.regions[region].zones if self.workload.regions else 1
        bridge = SimBridge(
            name,
            f"{name}-{number}",
            region,
            number % zones,
            f"node-{number}",
            -1,
            self.now,
            self.now + takes,
            kind.packet_rate,
            kind.idle_stress,
            float(self._rng.random() * self.workload.presence_seconds),
            kind.person_stress,
        )
        average = self.participant_stress
        self.fleet.add(bridge, STOCK_PARTICIPANT_STRESS if average is None else average)
        if at_once:
            self._register(bridge)
        else:
            self.at(bridge.registers, lambda _: self._register(bridge))
        return bridge

    def drain(self, bridge: SimBridge, *, enable: bool = True) -> None:
        """Have a bridge drain, or take it back; Jicofo hears of it with the next presence."""
        bridge.draining = enable
        tick = self.now + (bridge.phase - self.now) % self.workload.presence_seconds
        self.at(tick, lambda _: self._tell_drain(bridge))

    def shut_down(self, bridge: SimBridge) -> None:
        """Have a bridge end as soon as nobody is on it; meetings on it may still be joined."""
        bridge.graceful = True
        bridge.shutdown_at = self.now
        self.fleet.changes_of_membership += 1
        self._end_when_empty(bridge)

    def expire(self, bridge: SimBridge, seconds: float, *, drop: bool) -> None:
        """End a bridge that shuts down after so long, whoever is on it: moved, or dropped."""
        self.at(self.now + seconds, lambda now: self._expired(bridge, drop, now))

    def move_call(self, bridge: SimBridge, index: int, most: int | None = None) -> int:
        """Have Jicofo place a meeting's people on a bridge, or so many, anew; return how many."""
        share = bridge.calls.get(index)
        if share is None:
            return 0
        bridge.moved_at = self.now
        moved = self.mover.replace_share(share, self.now, most)
        self.counters.moved += moved
        self._end_when_empty(bridge)
        return moved

    def delete(self, bridge: SimBridge) -> None:
        """Delete a bridge's pod; whoever is on it is dropped."""
        self.counters.dropped += bridge.people
        self._die(bridge)

    def kill(self, bridge: SimBridge) -> None:
        """A bridge dies of itself."""
        self.counters.killed += bridge.people
        self._die(bridge)

    # -- what follows ----------------------------------------------------------------------------

    def _register(self, bridge: SimBridge) -> None:
        if not bridge.gone:
            bridge.registered = True
            self.fleet.changes_of_membership += 1

    def _tell_drain(self, bridge: SimBridge) -> None:
        if not bridge.gone and bridge.told_draining != bridge.draining:
            bridge.told_draining = bridge.draining
            self.fleet.changes_of_membership += 1

    def _end_when_empty(self, bridge: SimBridge) -> None:
        def look(now: float) -> None:
            if bridge.gone:
                return
            if bridge.people == 0 and bridge.graceful:
                self._remove(bridge)
            elif bridge.graceful:
                self.at(now + 15.0, look)

        if bridge.graceful:
            self.at(self.now + EXIT_SECONDS, look)

    def _expired(self, bridge: SimBridge, drop: bool, now: float) -> None:
        if bridge.gone:
            return
        if drop:
            self.delete(bridge)
            return
        bridge.registered = False
        self.fleet.changes_of_membership += 1
        for index in list(bridge.calls):
            self.move_call(bridge, index)
        self._remove(bridge)

    def _die(self, bridge: SimBridge) -> None:
        """Take a bridge away; Jicofo notices within seconds and places its people anew."""
        bridge.registered = False
        limbo = self.mover.strand(bridge, self.now)
        self._remove(bridge)
        delay = 5.0 + 7.0 * float(self._rng.random())
        self.at(self.now + delay, lambda now: self.mover.rescue(limbo, now))

    def _remove(self, bridge: SimBridge) -> None:
        self.counters.bridge_seconds += self.now - max(bridge.created, min(self.measured, self.now))
        self.fleet.remove(bridge)

    def heard(self, bridge: SimBridge, now: float) -> tuple[float, float, int]:
        """Return when a policy last heard a bridge's load, and its stress and people then."""
        outage = self.outages[bridge.region]
        if not outage.metrics:
            return self.fleet.told_by(bridge, now)
        return outage.readings.get(bridge.uid, (0.0, 0.0, 0))
