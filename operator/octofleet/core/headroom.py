"""Room for those who will join before another bridge could help: the size that keeps it.

Pure. The usable join capacity of a region is, over the bridges that take people, the stress that
is left below Jicofo's threshold over the stress of one more person. It must hold everybody
expected within the time from a decision to a registered bridge, and a spare bridge or two. A hot
bridge has no room, however idle the mean is; a bridge that tells nothing has none either, and
counts as full where bridges could be given up. A meeting never mixes versions, so where bridges
of two versions run the room of each is told apart; the size goes by all of it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final

from octofleet.api.effective import Headroom
from octofleet.core import learning
from octofleet.core.learning import Estimate
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.memory import SLOT_SECONDS, SLOTS, UNKNOWN, Memory, Rush
from octofleet.core.observation import Bridge, BridgeState, Snapshot, Timestamp

__all__ = ["Expected", "Room", "expected_joins", "headroom", "usable_room"]

S = BridgeState
USABLE: Final = frozenset({S.READY})
COMING: Final = frozenset({S.PENDING, S.STARTING})
LEAVING: Final = frozenset({S.DRAINING, S.EVACUATING})
FIRST_GUESS: Final = 0.25
"""Of the people there are: what may join before anything was learned."""
REACTION: Final = 30.0
"""Seconds between a rise and a decision that knows of it: presence, look, and its own pace."""
SPREAD: Final = 0.125
"""Of a bridge's capacity: bridges are never equally full, so on average this much stays free."""
GROWTH: Final = 1.2
"""Of the people there ever were at this time: so many are believed."""
UNUSUAL: Final = 0.9
"""The quantile of the last hour's rises, on a day that is busier than ever."""
ALIKE: Final = 2.0
"""Days whose people differ by no more than this factor tell of each other."""
TWICE: Final = 2
"""So much the same time of the week counts against that of another day."""
_DUST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Expected:
    """How many are expected to join before a bridge that is asked for now is there."""

    joins: float
    within: float
    """Seconds."""
    basis: str
    """What says so, for people."""


@dataclass(frozen=True, slots=True)
class Room:
    """The joins a region has room for."""

    usable: float
    """On the bridges that take people, in joins."""
    load: float
    """What they and the leaving carry, in joins."""
    fresh: float
    """Of a new bridge, in joins."""
    stress_each: float
    confidence: float
    missing: tuple[str, ...]
    by_version: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What headroom asks for."""

    proposal: int | None
    expected: Expected
    room: Room
    message: str


def headroom(
    wanted: Headroom,
    snapshot: Snapshot,
    bridges: tuple[JudgedBridge, ...],
    now: Timestamp,
    limits: Limits,
) -> Asked:
    """Return the size that keeps the wanted headroom.

    Args:
        wanted: What is to be held free.
        snapshot: The region; its history holds what was learned.
        bridges: Its bridges with their states.
        now: Seconds since the epoch.
        limits: How old a reading may be, and where overload begins.
    """
    memory = snapshot.history.memory
    expected = expected_joins(wanted, memory, bridges, now, limits)
    room = usable_room(memory, snapshot, bridges, now, limits)
    usable = sum(each.state in USABLE for each in bridges)
    known = usable - sum(
        each.bridge.name in room.missing for each in bridges if each.state in USABLE
    )
    if not known:
        why = "no bridge tells its stress" if usable else "no bridge is ready yet"
        return Asked(None, expected, room, why)
    serving = usable + sum(each.state in COMING for each in bridges)
    # Those that tell nothing take their part of who comes: neither idle nor full.
    needed = expected.joins + wanted.spare_bridges * room.fresh
    uneven = SPREAD * room.fresh
    gain = room.fresh - uneven
    coming = (serving - usable) * gain
    lacking = needed * known / usable + known * uneven - room.usable - coming
    proposal = serving + math.ceil(lacking / gain - _DUST) if lacking > _DUST else 1
    if room.missing:
        # Enough to grow on, nothing to shrink on.
        proposal = max(proposal, serving)
    else:
        proposal = max(proposal, math.ceil((room.load + needed) / gain - _DUST))
    return Asked(proposal, expected, room, _message(wanted, expected, room))


def usable_room(
    memory: Memory,
    snapshot: Snapshot,
    bridges: Sequence[JudgedBridge],
    now: Timestamp,
    limits: Limits,
) -> Room:
    """Return the joins there is room for on the bridges that take people."""
    kinds = {node.name: node.kind for node in snapshot.nodes if node.kind}
    costs: dict[str, Estimate] = {}
    usable = load = 0.0
    missing: list[str] = []
    versions: dict[str, float] = {}
    fresh: list[float] = []
    for each in bridges:
        if each.state not in USABLE and each.state not in LEAVING:
            continue
        bridge = each.bridge
        kind = learning.kind_of(bridge, kinds)
        if kind not in costs:
            costs[kind] = learning.stress_of_one(memory, kind, limits)
        one = costs[kind].cautious
        stress = _stress(bridge, one, now, limits)
        if stress is None:
            missing.append(bridge.name)
            continue
        load += min(stress, limits.stress_threshold) / one
        if each.state in LEAVING:
            continue
        fresh.append(limits.stress_threshold / one)
        room = max(0.0, limits.stress_threshold - stress) / one
        usable += room
        version = bridge.version or ""
        versions[version] = versions.get(version, 0.0) + room
    estimate = next(iter(costs.values()), learning.stress_of_one(memory, "", limits))
    each_new = sum(fresh) / len(fresh) if fresh else limits.stress_threshold / estimate.cautious
    return Room(
        usable,
        load,
        each_new,
        limits.stress_threshold / each_new,
        estimate.confidence,
        tuple(missing),
        tuple(sorted(versions.items())),
    )


def expected_joins(
    wanted: Headroom,
    memory: Memory,
    bridges: Sequence[JudgedBridge],
    now: Timestamp,
    limits: Limits,
) -> Expected:
    """Return how many people are expected to join before a bridge asked for now is there."""
    within = learning.lead(memory) + REACTION
    if wanted.joins is not None:
        return Expected(wanted.joins, within, "set")
    people = _people(bridges, now, limits)
    usual = _usual(memory.rush, now, wanted.quantile)
    if usual is not None:
        rise = _capped(usual.rise, GROWTH * usual.peak - people, memory.rush.hour)
        return Expected(_with_chance(rise), within, usual.basis)
    if not memory.rush.hour:
        return Expected(_with_chance(FIRST_GUESS * people), within, "a guess: nothing learned yet")
    rise = _quantile(memory.rush.hour, wanted.quantile)
    return Expected(_with_chance(rise), within, "the last hour")


def _capped(rise: float, missing: float, hour: Sequence[float]) -> float:
    """Return a rise as far as it leads to what was ever seen at this time.

    When a crowd has come it doesn't come again. Where there are more people already than there
    ever were, today differs, and the last hour tells better.
    """
    if missing > 0:
        return min(rise, missing)
    return min(rise, _quantile(hour, UNUSUAL)) if hour else rise


def _people(bridges: Sequence[JudgedBridge], now: Timestamp, limits: Limits) -> float:
    return sum(
        reading.value
        for each in bridges
        if (reading := limits.fresh(each.bridge.participants, now)) is not None
    )


def _stress(bridge: Bridge, one: float, now: Timestamp, limits: Limits) -> float | None:
    """Return a bridge's stress, corrected by who was placed on it since it told its own.

    Jicofo's own correction counts everybody of the last 20 s again, told or not; that is right for
    its next choice, and too much for a size.
    """
    told = limits.fresh(bridge.stress, now)
    if told is None:
        return None
    people = limits.fresh(bridge.participants, now)
    placed = limits.fresh(bridge.placed, now)
    if people is None or placed is None or placed.at < people.at:
        return told.value
    return told.value + max(0.0, placed.value - people.value) * one


def _slot(now: float) -> int:
    return int((now - learning.MONDAY) // SLOT_SECONDS)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is usual at a time: by how much people rise, and to how many."""

    rise: float
    peak: float
    basis: str


def _usual(rush: Rush, now: float, quantile: float) -> _Usual | None:
    """Return what is usual at this time, None where it was never seen.

    A rise is filed where it begins, so the moment's own slot tells of those who come until a
    bridge asked for now is there. One day is chance: days that were about as busy count too.
    """
    slot, day = _slot(now), SLOTS // 7
    own = _known(rush, [slot])
    if not own:
        others = _known(rush, [slot + n * day + near for n in range(1, 7) for near in range(2)])
        if not others:
            return None
        rises, peaks = [rise for rise, _ in others], [peak for _, peak in others]
        return _Usual(_quantile(rises, quantile), max(peaks), "this time on other days")
    level = own[0][1]
    days = _known(rush, [slot + n * day for n in range(1, 7)])
    alike = [each for each in days if level / ALIKE <= each[1] <= level * ALIKE]
    seen = [*own * TWICE, *alike]
    rise = _believed([rise for rise, _ in seen], quantile)
    return _Usual(rise, _believed([peak for _, peak in seen], quantile), "this time of the week")


def _known(rush: Rush, slots: Iterable[int]) -> list[tuple[float, float]]:
    """Return the rises and peaks of the slots about which something is known."""
    found = [(rush.week[slot % SLOTS], rush.peaks[slot % SLOTS]) for slot in slots]
    return [(rise, peak) for rise, peak in found if rise != UNKNOWN]


def _believed(samples: Sequence[float], quantile: float) -> float:
    """Return the mean of some days and, above the middle, a part of what they differ by.

    Each is the greatest of its ten minutes already, and `_with_chance` adds two spreads of chance:
    of what days differ by, half is left to cover at P99.
    """
    return fmean(samples) + (quantile - 0.5) * pstdev(samples)


def _quantile(samples: Sequence[float], quantile: float) -> float:
    """Return the smallest sample that so many of all aren't above."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


def _with_chance(rise: float) -> float:
    """Return a rise with what chance may add: twice the spread of so many arrivals."""
    return rise + 2.0 * math.sqrt(max(1.0, rise))


def _message(wanted: Headroom, expected: Expected, room: Room) -> str:
    text = (
        f"room for {room.usable:.0f} joins, {expected.joins:.0f} expected within"
        f" {expected.within:.0f}s ({expected.basis}); a person is {room.stress_each:.4f} stress"
        f" ({100 * room.confidence:.0f}% sure)"
    )
    if wanted.spare_bridges:
        text += f"; {wanted.spare_bridges} spare"
    if len(room.by_version) > 1:
        each = ", ".join(f"{version or '?'}: {joins:.0f}" for version, joins in room.by_version)
        text += f"; by version {each}"
    if room.missing:
        text += f"; no fresh stress of {', '.join(room.missing[:5])}"
    return text
