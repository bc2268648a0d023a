"""What each metric asks for: the algorithm of autoscaling/v2, in terms of bridges.

Pure. A metric's value over its target says by what ratio the fleet is too small or too large;
within the tolerance nothing changes. What isn't known is assumed so that it never speeds a
change up: on the way down a bridge without a reading is as busy as wanted, on the way up it is
idle, and so is one that is still starting. If such an assumption turns the direction around,
nothing changes either.

Three things differ from pods behind a load balancer. A draining bridge adds load (its people
come back on the others) but no capacity. A bridge that isn't registered with Jicofo is no
capacity at all. People are counted as a sum, since one meeting can't be spread at will.

Source: Kubernetes, pkg/controller/podautoscaler/replica_calculator.go.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from octofleet.api.autoscaling import MetricType
from octofleet.api.effective import Autoscaling, Target
from octofleet.api.quantities import number_text
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.observation import ENDED, Bridge, BridgeState, Reading, Timestamp, Traffic
from octofleet.core.pressures import pressure_size, worst_size

__all__ = [
    "Band",
    "Invalid",
    "Rule",
    "Samples",
    "Term",
    "per_bridge_size",
    "term",
    "terms",
    "total_size",
]

S = BridgeState
DEMAND_ONLY: Final = frozenset({S.DRAINING, S.EVACUATING})
"""Their people come back on other bridges."""
ON_THEIR_WAY: Final = frozenset({S.PENDING, S.STARTING})
MAY_CARRY_PEOPLE: Final = frozenset({S.READY, S.DRAINING, S.EVACUATING, S.LOST})
"""Without a count, people must be assumed on them."""

SUMS: Final = frozenset({MetricType.PARTICIPANTS, MetricType.CONFERENCES})

STARTUP: Final = 300.0
"""Seconds; as in Kubernetes, later a bridge that wasn't ready for a while is no new one."""

# A ceiling must not jump a whole bridge over the dust of floating point.
_DUST: Final = 1e-9


class Invalid(StrEnum):
    """Why a metric can't say anything."""

    NO_BRIDGE_READY = "NoBridgeReady"
    NO_READING = "NoFreshReading"
    NOT_UNDERSTOOD = "NotUnderstood"


class Rule(StrEnum):
    """What asks for a size besides the metrics."""

    HEADROOM = "Headroom"
    SCHEDULE = "Schedule"
    FAIL_OVER = "FailOver"


@dataclass(frozen=True, slots=True)
class Term:
    """What one metric or rule asks for."""

    type: MetricType | Rule
    target: float
    current: float | None = None
    """CPU and stress: mean over ready bridges, with the draining ones' load. Participants: sum."""
    proposal: int | None = None
    """The size it asks for; None = it can't tell, and then nothing shrinks."""
    invalid: Invalid | None = None
    missing: tuple[str, ...] = ()
    """Bridges without a fresh reading."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """How far the ratio may be from one before the size changes, as fractions."""

    down: float
    up: float

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio is close enough to one."""
        return 1 - self.down - _DUST <= ratio <= 1 + self.up + _DUST


@dataclass(frozen=True, slots=True)
class Samples:
    """A metric's readings, sorted by what they count for."""

    ready: tuple[float, ...] = ()
    demand: tuple[float, ...] = ()
    """Of bridges whose load comes back on others."""
    starting: int = 0
    missing: int = 0
    """Ready bridges without a reading."""
    demand_missing: int = 0


def terms(
    autoscaling: Autoscaling,
    bridges: tuple[JudgedBridge, ...],
    current: int,
    now: Timestamp,
    limits: Limits,
) -> tuple[Term, ...]:
    """Return what every metric of the region asks for.

    Args:
        autoscaling: What holds for the region.
        bridges: Its bridges with their states.
        current: The size as last decided, in bridges, at least 0.
        now: Seconds since the epoch.
        limits: How old a reading may be.
    """
    band = Band(autoscaling.scale_down.tolerance, autoscaling.scale_up.tolerance)
    return tuple(term(each, band, bridges, current, now, limits) for each in autoscaling.metrics)


def term(
    target: Target,
    band: Band,
    bridges: tuple[JudgedBridge, ...],
    current: int,
    now: Timestamp,
    limits: Limits,
) -> Term:
    """Return what one metric asks for."""
    match target.type:
        case MetricType.CPU:
            # As in Kubernetes: a pod that doesn't tell uses all it asked for.
            assumed = max(100.0, target.value)
            return _mean_term(
                target,
                band,
                bridges,
                current,
                lambda b: limits.fresh_cpu(b.cpu_utilization, now),
                assumed,
            )
        case MetricType.STRESS:
            found = _mean_term(
                target, band, bridges, current, lambda b: limits.fresh(b.stress, now), target.value
            )
            return _with_worst(found, target, bridges, current, now, limits)
        case MetricType.PARTICIPANTS:
            return _total_term(
                target, band, bridges, current, lambda b: limits.fresh(b.participants, now)
            )
        case MetricType.PACKET_RATE | MetricType.BIT_RATE:
            read = _traffic(target.type, now, limits)
            return _mean_term(target, band, bridges, current, read, target.value)
        case MetricType.CONFERENCES:
            return _total_term(target, band, bridges, current, _traffic(target.type, now, limits))
        case MetricType.PACKET_LOSS | MetricType.RTT:
            return _pressure_term(target, band, bridges, _traffic(target.type, now, limits))
        case _:
            assert_never(target.type)


Read = Callable[[Bridge], Reading | None]

_TRAFFIC: Final[dict[MetricType, Callable[[Traffic], float | None]]] = {
    MetricType.PACKET_RATE: lambda traffic: traffic.packet_rate,
    MetricType.BIT_RATE: lambda traffic: traffic.bit_rate,
    MetricType.CONFERENCES: lambda traffic: traffic.conferences,
    MetricType.PACKET_LOSS: lambda traffic: traffic.packet_loss,
    MetricType.RTT: lambda traffic: traffic.rtt,
}


def _traffic(kind: MetricType, now: Timestamp, limits: Limits) -> Read:
    def read(bridge: Bridge) -> Reading | None:
        if bridge.traffic is None:
            return None
        value = _TRAFFIC[kind](bridge.traffic)
        return None if value is None else limits.fresh(Reading(value, bridge.traffic.at), now)

    return read


def _with_worst(
    found: Term,
    target: Target,
    bridges: tuple[JudgedBridge, ...],
    current: int,
    now: Timestamp,
    limits: Limits,
) -> Term:
    """Return the term of a mean, raised where one bridge alone is too hot."""
    if target.worst is None or found.proposal is None:
        return found
    ready = [each.bridge for each in bridges if each.state is S.READY]
    known = [r.value for bridge in ready if (r := limits.fresh(bridge.stress, now)) is not None]
    proposal = worst_size(max(known, default=0.0), target.worst, len(ready), current)
    if proposal is None or proposal <= found.proposal:
        return found
    text = f"{found.message}; the busiest has {number_text(max(known))}"
    return replace(found, proposal=proposal, message=text)


def _pressure_term(
    target: Target, band: Band, bridges: tuple[JudgedBridge, ...], read: Read
) -> Term:
    """Return what a metric asks for that more bridges help, but not in proportion."""
    missing = _without_reading(bridges, read, frozenset({S.READY}))
    known = [r.value for each in bridges if each.state is S.READY and (r := read(each.bridge))]
    if not known:
        return _invalid(target, missing)
    mean = sum(known) / len(known)
    serving = sum(each.state is S.READY or each.state in ON_THEIR_WAY for each in bridges)
    coming = sum(each.state in ON_THEIR_WAY for each in bridges)
    proposal = pressure_size(mean / target.value, band.up, serving, coming)
    return _valid(target, mean, proposal, missing)


def _mean_term(
    target: Target,
    band: Band,
    bridges: tuple[JudgedBridge, ...],
    current: int,
    read: Read,
    assumed: float,
) -> Term:
    samples = _samples(bridges, read)
    missing = _without_reading(bridges, read, frozenset({S.READY, *DEMAND_ONLY}))
    if not samples.ready:
        return _invalid(target, missing)
    mean = (sum(samples.ready) + sum(samples.demand)) / len(samples.ready)
    proposal = per_bridge_size(samples, target.value, band, current, assumed)
    return _valid(target, mean, proposal, missing)


def _samples(bridges: tuple[JudgedBridge, ...], read: Read) -> Samples:
    ready: list[float] = []
    demand: list[float] = []
    starting = missing = demand_missing = 0
    for each in bridges:
        reading = read(each.bridge)
        if each.state in ON_THEIR_WAY:
            starting += 1
        elif each.state is S.READY and reading is None:
            missing += 1
        elif each.state is S.READY and reading and _of_its_start(each.bridge, reading):
            starting += 1
        elif each.state is S.READY and reading:
            ready.append(reading.value)
        elif each.state in DEMAND_ONLY and reading is None:
            demand_missing += 1
        elif each.state in DEMAND_ONLY and reading:
            demand.append(reading.value)
    return Samples(tuple(ready), tuple(demand), starting, missing, demand_missing)


def _of_its_start(bridge: Bridge, reading: Reading) -> bool:
    """Tell whether a reading was taken while the bridge started: it says nothing of its load."""
    new = reading.at - bridge.created_at < STARTUP
    return new and reading.at - reading.window < (bridge.ready_since or 0)


def per_bridge_size(
    samples: Samples, target: float, band: Band, current: int, assumed: float
) -> int:
    """Return the size that brings a per-bridge mean to its target.

    Args:
        samples: At least one reading of a ready bridge.
        target: The mean to hold, more than 0.
        band: The tolerance.
        current: The size as last decided.
        assumed: On the way down, what a bridge without a reading is taken to have.
    """
    load, count = sum(samples.ready) + sum(samples.demand), len(samples.ready)
    ratio = load / (count * target)
    first = ratio
    if ratio < 1:
        load += (samples.missing + samples.demand_missing) * assumed
        count += samples.missing
    elif ratio > 1:
        count += samples.missing + samples.starting
    ratio = load / (count * target)
    return _settled(first, ratio, _ceiling(load / target), band, current)


def _total_term(
    target: Target, band: Band, bridges: tuple[JudgedBridge, ...], current: int, read: Read
) -> Term:
    missing = _without_reading(bridges, read, MAY_CARRY_PEOPLE)
    counts = [r.value for each in bridges if (r := _people(each, read)) is not None]
    if not any(each.state is S.READY for each in bridges) or not counts:
        return _invalid(target, missing)
    total = sum(counts)
    proposal = total_size(total, len(missing), target.value, band, current)
    return _valid(target, total, proposal, missing)


def _people(each: JudgedBridge, read: Read) -> Reading | None:
    # A pod that has ended has nobody left, whatever was last heard.
    return None if each.bridge.pod_phase in ENDED else read(each.bridge)


def total_size(total: float, missing: int, target: float, band: Band, current: int) -> int:
    """Return the size at which a sum comes to its target on average.

    Args:
        total: The sum over all bridges that tell it, at least 0.
        missing: Bridges that must be expected to carry some, but don't tell.
        target: How much a bridge should carry, more than 0.
        band: The tolerance.
        current: The size as last decided.
    """
    if current == 0:
        return _ceiling(total / target)
    first = ratio = total / (current * target)
    if ratio < 1:
        total += missing * target
        ratio = total / (current * target)
    return _settled(first, ratio, _ceiling(total / target), band, current)


def _settled(first: float, ratio: float, proposal: int, band: Band, current: int) -> int:
    """Return the proposal, or the current size where it wouldn't follow the first direction."""
    turned = (first < 1 < ratio) or (ratio < 1 < first)
    if band.holds(ratio) or turned:
        return current
    against = (ratio < 1 and proposal > current) or (ratio > 1 and proposal < current)
    return current if against else proposal


def _ceiling(value: float) -> int:
    return math.ceil(value - _DUST)


def _without_reading(
    bridges: Iterable[JudgedBridge], read: Read, states: frozenset[BridgeState]
) -> tuple[str, ...]:
    return tuple(
        each.bridge.name for each in bridges if each.state in states and read(each.bridge) is None
    )


def _invalid(target: Target, missing: tuple[str, ...]) -> Term:
    if missing:
        why, text = Invalid.NO_READING, f"no fresh reading of {', '.join(missing[:5])}"
    else:
        why, text = Invalid.NO_BRIDGE_READY, "no bridge is ready yet"
    return Term(target.type, target.value, invalid=why, missing=missing, message=text)


def _valid(target: Target, current: float, proposal: int, missing: tuple[str, ...]) -> Term:
    text = f"{_shown(target.type, current)} for a target of {_shown(target.type, target.value)}"
    text += " a bridge" if target.type in SUMS else " on average"
    if missing:
        text += f"; no fresh reading of {', '.join(missing[:5])}"
    return Term(target.type, target.value, current, proposal, None, missing, text)


def _shown(kind: MetricType, value: float) -> str:
    return f"{number_text(round(value, 1))}%" if kind is MetricType.CPU else number_text(value)
