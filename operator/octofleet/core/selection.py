"""Which bridge goes when the fleet shrinks, and where its people would land.

Pure. People of a drained bridge come back on the others, so before one is chosen its conferences
are placed on the survivors as Jicofo would: whole, each on the least stressed bridge. The choice
is a bridge from which everybody lands without overload, with the fewest people to move and the
shortest drain. A bridge about which something isn't known is never chosen.

Source: Jicofo's selection, reference "jicofo-selection", sections 2 and 3.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, BridgeState, Conference, Timestamp

__all__ = [
    "Capacity",
    "Choice",
    "NoChoice",
    "choose",
    "landing",
    "stress_of_one",
    "survivors",
]

S = BridgeState
Load = tuple[float, float, str]
"""Stress, people and name of a survivor."""

TRIED: Final = 25
"""Bridges that are tried as victims in one step."""
NOT_SERVING_YET: Final = (S.PENDING, S.STARTING)

# Of a conference whose start isn't known, the worst is thought: it lasts longest.
_FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a bridge may carry after people were moved to it."""

    participants: float
    """People, at most; infinite where people aren't a metric."""
    stress: float
    """Stress must stay below this."""


@dataclass(slots=True)
class Survivor:
    """A bridge that stays, with the load it has or would have."""

    name: str
    participants: float
    stress: float

    def takes(self, people: int, stress_each: float, capacity: Capacity) -> bool:
        """Add people if the bridge can carry them; tell whether it could."""
        total, stress = self.participants + people, self.stress + people * stress_each
        if total > capacity.participants or stress >= capacity.stress:
            return False
        self.participants, self.stress = total, stress
        return True


@dataclass(frozen=True, slots=True)
class Choice:
    """The bridge to drain."""

    bridge: Bridge
    people: int
    """How many will have to come back elsewhere."""
    reason: str


@dataclass(frozen=True, slots=True)
class NoChoice:
    """Why no bridge can be drained."""

    because: str
    unknown: bool = False
    """Something isn't known, rather than that the others are too full."""


def choose(
    candidates: Iterable[JudgedBridge],
    leaving: Iterable[JudgedBridge],
    capacity: Capacity,
    now: Timestamp,
    limits: Limits,
    spared: Iterable[JudgedBridge] = (),
) -> Choice | NoChoice:
    """Return the bridge to drain next, of those that serve or are on their way.

    Args:
        candidates: Bridges that could go; those that aren't chosen stay.
        leaving: Bridges that drain already: their people land on the survivors first.
        capacity: What each survivor may carry.
        now: Seconds since the epoch.
        limits: How old a reading may be.
        spared: Bridges that stay whatever happens; people may land on them.
    """
    bridges, kept = list(candidates), list(spared)
    unserving = [each for each in bridges if _never_served(each)]
    if unserving:
        newest = max(unserving, key=lambda each: (each.state is S.PENDING, each.bridge.created_at))
        return Choice(newest.bridge, 0, "it doesn't serve yet")
    known = [each for each in bridges if _is_known(each.bridge, now, limits)]
    others = _loads(survivors([*kept, *bridges], now, limits))
    going = list(leaving)
    for victim in sorted(_fewest(known), key=lambda each: _cost(each.bridge, now)):
        name = victim.bridge.name
        staying = [each for each in others if each[2] != name]
        if _all_land([*going, victim], staying, capacity, limits):
            people = _people(victim.bridge)
            return Choice(victim.bridge, people, f"its {people} people find room on the others")
    return _no_choice(bridges, known)


def survivors(
    bridges: Iterable[JudgedBridge], now: Timestamp, limits: Limits
) -> tuple[Survivor, ...]:
    """Return the bridges on which people can land: ready, with a known load."""
    found: list[Survivor] = []
    for each in bridges:
        people = limits.fresh(each.bridge.participants, now)
        stress = limits.fresh(each.bridge.stress, now)
        if each.state is S.READY and people is not None and stress is not None:
            found.append(Survivor(each.bridge.name, people.value, stress.value))
    return tuple(found)


def landing(
    conference: Conference,
    others: tuple[Survivor, ...],
    capacity: Capacity,
    stress_each: float,
) -> Survivor | None:
    """Return the survivor that takes the conference, its load added; None if it overflows.

    Jicofo picks the least stressed bridge whether it has room or not, so no other is tried.
    """
    if not others:
        return None
    likely = min(others, key=lambda each: (each.stress, each.participants, each.name))
    return likely if likely.takes(conference.participants, stress_each, capacity) else None


def stress_of_one(bridge: Bridge, limits: Limits) -> float:
    """Return how much stress one person of the bridge is, at least Jicofo's default."""
    people, stress = bridge.participants, bridge.stress
    if people is None or stress is None or people.value < 1:
        return limits.participant_stress
    return max(limits.participant_stress, stress.value / people.value)


def _fewest(known: list[JudgedBridge]) -> list[JudgedBridge]:
    """Return the bridges worth trying: where these don't land, those with more people won't."""
    if len(known) <= TRIED:
        return known
    return heapq.nsmallest(
        TRIED,
        known,
        key=lambda each: each.bridge.participants.value if each.bridge.participants else 0,
    )


def _loads(others: tuple[Survivor, ...]) -> list[Load]:
    """Return survivors as a heap, the least stressed first: the order in which Jicofo picks."""
    return sorted((each.stress, each.participants, each.name) for each in others)


def _never_served(each: JudgedBridge) -> bool:
    """Tell whether Jicofo never put anybody on it; one it lost sight of may carry people."""
    return each.state in NOT_SERVING_YET and each.bridge.registered_at is None


def _is_known(bridge: Bridge, now: Timestamp, limits: Limits) -> bool:
    people = limits.fresh(bridge.participants, now)
    if people is None or bridge.registered is None:
        return False
    return people.value == 0 or bridge.conferences is not None


def _cost(bridge: Bridge, now: Timestamp) -> tuple[int, float, float, str]:
    """Return what draining the bridge costs: people, then time, then the newest first.

    What has lasted long will last long: the age of its oldest conference is the best guess.
    """
    ages = [
        _FOREVER if each.since is None else now - each.since
        for each in bridge.conferences or ()
        if each.participants
    ]
    return _people(bridge), max(ages, default=0.0), -bridge.created_at, bridge.name


def _people(bridge: Bridge) -> int:
    """Return the people on a bridge; where two counts differ, the larger."""
    counted = 0 if bridge.participants is None else int(bridge.participants.value)
    return max(counted, sum(each.participants for each in bridge.conferences or ()))


def _all_land(
    leaving: list[JudgedBridge], loads: list[Load], capacity: Capacity, limits: Limits
) -> bool:
    """Tell whether everybody lands; as in `landing`, only the least stressed bridge is tried."""
    if not loads:
        return not any(_people(each.bridge) for each in leaving)
    for each in leaving:
        one = stress_of_one(each.bridge, limits)
        for group in _groups(each.bridge):
            stress, people, name = loads[0]
            stress, people = stress + group.participants * one, people + group.participants
            if people > capacity.participants or stress >= capacity.stress:
                return False
            heapq.heapreplace(loads, (stress, people, name))
    return True


def _groups(bridge: Bridge) -> list[Conference]:
    """Return who must land together, the largest first; people of no known meeting are one."""
    groups = [each for each in bridge.conferences or () if each.participants]
    rest = _people(bridge) - sum(each.participants for each in groups)
    if rest > 0:
        groups.append(Conference("?", rest))
    return sorted(groups, key=lambda each: (-each.participants, each.id))


def _no_choice(bridges: list[JudgedBridge], known: list[JudgedBridge]) -> NoChoice:
    found = {id(each) for each in known}
    unknown = [each.bridge.name for each in bridges if id(each) not in found]
    if unknown:
        names = ", ".join(unknown[:5])
        return NoChoice(f"who is on {names} isn't known", unknown=True)
    return NoChoice("the conferences of no bridge find room on the others")
