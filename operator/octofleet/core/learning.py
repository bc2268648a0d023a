"""How a region learns: pure steps from one memory to the next, by what a snapshot shows.

Only fresh readings teach. A reading that is missing teaches nothing, rather than zero.

* The stress of one person, by kind of node: a regression through the origin that forgets within
  about an hour, with a prior worth a hundred people at Jicofo's default.
* The time from the decision for a bridge to its registration: the last twenty.
* Rises: by how much the number of people grew within that time, for every ten minutes of the week.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.memory import SLOT_SECONDS, SLOTS, UNKNOWN, Cost, Memory, Rush
from octofleet.core.observation import Bridge, BridgeState, Snapshot, Timestamp

__all__ = [
    "DEFAULT_LEAD",
    "Estimate",
    "kind_of",
    "lead",
    "learned",
    "stress_of_one",
    "stress_to_publish",
]

S = BridgeState
ON_THEIR_WAY: Final = frozenset({S.PENDING, S.STARTING})
CARRYING: Final = frozenset({S.READY, S.DRAINING, S.EVACUATING, S.LOST})

DEFAULT_LEAD: Final = 240.0
"""Seconds a bridge takes where none was measured: a machine and a pod, as others measured them."""
LONGEST_LEAD: Final = 1800.0
LEADS_KEPT: Final = 20
HALF_LIFE: Final = 3600.0
"""Seconds after which a reading of stress counts half."""
MINUTE: Final = 60.0
FADING: Final = 0.75
"""What is left of a rise a week later if it isn't seen again."""
PRIOR_PEOPLE: Final = 100.0
PRIOR_SPREAD: Final = 0.5
"""How far the prior may be off, as a fraction."""
SURE: Final = 0.8
"""Confidence from which an estimate is passed on to Jicofo."""
DEFAULT_KIND: Final = ""
MONDAY: Final = 4 * 86_400
"""The first Monday since the epoch, seconds."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The stress of one person on a kind of node."""

    mean: float
    error: float
    """Standard error of the mean."""

    @property
    def cautious(self) -> float:
        """Return what to reckon with: the less is known, the more one may cost."""
        return self.mean + self.error

    @property
    def confidence(self) -> float:
        """Return how sure it is, 0 to 1: one minus the relative error."""
        return max(0.0, 1.0 - self.error / self.mean)


def learned(
    memory: Memory,
    snapshot: Snapshot,
    bridges: tuple[JudgedBridge, ...],
    now: Timestamp,
    limits: Limits,
) -> Memory:
    """Return the memory after what a snapshot shows."""
    memory = _leads(memory, bridges, now)
    if now - memory.learned_at < MINUTE:
        return memory
    kinds = {node.name: node.kind or DEFAULT_KIND for node in snapshot.nodes}
    span = lead(memory)
    return replace(
        memory,
        costs=_costs(memory, bridges, kinds, now, limits),
        rush=_rush(memory.rush, _people(bridges, now, limits), span, now),
        learned_at=now,
    )


def lead(memory: Memory) -> float:
    """Return how long a bridge takes to start, seconds: nine of ten were no slower."""
    if not memory.leads:
        return DEFAULT_LEAD
    ordered = sorted(memory.leads)
    return min(LONGEST_LEAD, ordered[math.ceil(0.9 * len(ordered)) - 1])


def stress_of_one(memory: Memory, kind: str, limits: Limits) -> Estimate:
    """Return the stress of one person on a kind of node: the prior, corrected by what was seen."""
    prior, weight = limits.participant_stress, PRIOR_PEOPLE**2
    cost = next((each for each in memory.costs if each.kind == kind), Cost(kind))
    total = weight + cost.people_squared
    mean = (weight * prior + cost.people_stress) / total
    seen = cost.residual_squared / cost.weight if cost.weight > 1 else 0.0
    error = math.hypot(
        PRIOR_SPREAD * prior * weight / total, math.sqrt(seen * cost.people_squared) / total
    )
    return Estimate(max(mean, prior / 20), error)


def stress_to_publish(memory: Memory, limits: Limits) -> float | None:
    """Return what a new bridge tells Jicofo that one more person adds; None = nothing is known.

    On which kind of node it will run isn't known when its pod is made, so of those that are known
    well enough the dearest counts.
    """
    estimates = [stress_of_one(memory, each.kind, limits) for each in memory.costs]
    means = [each.mean for each in estimates if each.confidence >= SURE]
    return min(1.0, float(f"{max(means):.3g}")) if means else None


def kind_of(bridge: Bridge, kinds: Mapping[str, str]) -> str:
    """Return the kind of node a bridge runs on."""
    return kinds.get(bridge.node or "", DEFAULT_KIND)


def _leads(memory: Memory, bridges: tuple[JudgedBridge, ...], now: Timestamp) -> Memory:
    """Note how long those took that have registered since the last look."""
    coming = tuple(
        (each.bridge.uid, each.bridge.created_at) for each in bridges if each.state in ON_THEIR_WAY
    )
    if not memory.awaited:
        return memory if not coming else replace(memory, awaited=coming)
    ready = {each.bridge.uid for each in bridges if each.state is S.READY}
    arrived = [now - created for uid, created in memory.awaited if uid in ready]
    if not arrived and coming == memory.awaited:
        return memory
    return replace(memory, awaited=coming, leads=(*memory.leads, *arrived)[-LEADS_KEPT:])


def _costs(
    memory: Memory,
    bridges: tuple[JudgedBridge, ...],
    kinds: Mapping[str, str],
    now: Timestamp,
    limits: Limits,
) -> tuple[Cost, ...]:
    kept = 0.5 ** (min(now - memory.learned_at, 20 * HALF_LIFE) / HALF_LIFE)
    costs = {each.kind: _faded(each, kept) for each in memory.costs}
    for each in bridges:
        bridge = each.bridge
        people = limits.fresh(bridge.participants, now)
        stress = limits.fresh(bridge.stress, now)
        if each.state not in CARRYING or people is None or stress is None or people.value < 1:
            continue
        kind = kind_of(bridge, kinds)
        costs[kind] = _seen(costs.get(kind, Cost(kind)), people.value, stress.value)
    return tuple(costs.values())


def _faded(cost: Cost, kept: float) -> Cost:
    return Cost(
        cost.kind,
        cost.people_squared * kept,
        cost.people_stress * kept,
        cost.residual_squared * kept,
        cost.weight * kept,
    )


def _seen(cost: Cost, people: float, stress: float) -> Cost:
    slope = cost.people_stress / cost.people_squared if cost.people_squared else stress / people
    return Cost(
        cost.kind,
        cost.people_squared + people * people,
        cost.people_stress + people * stress,
        cost.residual_squared + (stress - slope * people) ** 2,
        cost.weight + 1,
    )


def _people(bridges: Iterable[JudgedBridge], now: Timestamp, limits: Limits) -> float | None:
    """Return how many people there are, None if any bridge that may carry some doesn't say."""
    total = 0.0
    for each in bridges:
        if each.state not in CARRYING:
            continue
        reading = limits.fresh(each.bridge.participants, now)
        if reading is None:
            return None
        total += reading.value
    return total


def _rush(rush: Rush, people: float | None, span: float, now: Timestamp) -> Rush:
    if people is None:
        # A gap must not look like a rise: what led up to it is forgotten.
        return replace(rush, recent=())
    recent = (*rush.recent, (float(now), people))
    rises: list[float] = []
    peaks: list[float] = []
    while recent and recent[0][0] <= now - span:
        peaks.append(max(count for _, count in recent))
        rises.append(peaks[-1] - recent[0][1])
        recent = recent[1:]
    hour = (*rush.hour, *rises)[-60:]
    slot = int((now - span) // SLOT_SECONDS - MONDAY // SLOT_SECONDS) % SLOTS
    if slot != rush.slot:
        rush = replace(
            rush,
            week=_filed(rush.week, rush.slot, rush.greatest),
            peaks=_filed(rush.peaks, rush.slot, rush.peak),
            greatest=UNKNOWN,
            peak=UNKNOWN,
        )
    return replace(
        rush,
        recent=recent,
        hour=hour,
        slot=slot,
        greatest=max((rush.greatest, *rises)),
        peak=max((rush.peak, *peaks)),
    )


def _filed(week: tuple[float, ...], slot: int, value: float) -> tuple[float, ...]:
    """Return the week with the slot that was being filled."""
    if slot < 0 or value == UNKNOWN:
        return week
    kept = round(max(value, FADING * week[slot]), 1)
    return (*week[:slot], kept, *week[slot + 1 :])
