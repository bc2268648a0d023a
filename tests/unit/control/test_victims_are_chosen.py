"""Which bridge goes: from which everybody lands elsewhere, with the least to move."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import NOW, draining_bridge, pending_bridge, ready_bridge, snapshot

from octofleet.core import lifecycle, selection
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, Conference, Reading, Timestamp
from octofleet.core.selection import Capacity, Choice, NoChoice

CAPACITY = Capacity(55, 0.8)
LIMITS = Limits()


def meeting(people: int, age: float = 0, name: str = "room") -> Conference:
    return Conference(f"{name}-{people}-{age}", people, Timestamp(NOW - age))


def bridge(name: str, *meetings: Conference, **fields: object) -> Bridge:
    people = sum(each.participants for each in meetings)
    found = replace(ready_bridge(name, people), conferences=meetings)
    return replace(found, **fields)  # pyright: ignore[reportArgumentType] - any field


def choose(
    *bridges: Bridge, leaving: tuple[Bridge, ...] = (), capacity: Capacity = CAPACITY
) -> Choice | NoChoice:
    staying = lifecycle.judged(snapshot(*bridges), NOW, LIMITS)
    going = lifecycle.judged(snapshot(*leaving), NOW, LIMITS)
    return selection.choose(staying, going, capacity, NOW, LIMITS)


def chosen(*bridges: Bridge, **rest: tuple[Bridge, ...]) -> str:
    found = choose(*bridges, leaving=rest.get("leaving", ()))
    assert isinstance(found, Choice), found
    return found.bridge.name


def test_bridge_with_fewest_people_goes() -> None:
    there = (bridge("a", meeting(9)), bridge("b", meeting(3), meeting(4)), bridge("c", meeting(8)))
    assert chosen(*there) == "b"


def test_of_equals_the_one_that_drains_soonest_goes() -> None:
    """What has lasted long will last long."""
    there = (bridge("a", meeting(5, 3600)), bridge("b", meeting(5, 60)), bridge("c", meeting(9)))
    assert chosen(*there) == "b"
    unknown = Conference("?", 5, None)
    assert chosen(bridge("a", unknown), bridge("b", meeting(5, 9999)), there[2]) == "b"


def test_of_equals_otherwise_the_newest_goes() -> None:
    assert chosen(bridge("a"), bridge("b", created_at=NOW)) == "b"


def test_bridge_that_does_not_serve_yet_goes_first() -> None:
    starting = ready_bridge("c", registered=False, registered_at=None, ready_since=NOW)
    assert chosen(bridge("a"), starting, pending_bridge("b")) == "b"
    assert chosen(bridge("a"), starting) == "c"


def test_bridge_that_jicofo_lost_sight_of_is_not_taken_for_a_new_one() -> None:
    dropped = bridge("c", meeting(9), registered=False, registered_at=Timestamp(NOW - 10))
    assert chosen(bridge("a", meeting(3)), bridge("b", meeting(20)), dropped) == "a"


def test_meeting_that_overflows_every_other_keeps_its_bridge() -> None:
    there = (bridge("a", meeting(20)), bridge("b", meeting(40)), bridge("c", meeting(41)))
    found = choose(*there)
    assert isinstance(found, NoChoice)
    assert not found.unknown
    assert isinstance(choose(*there, capacity=Capacity(60, 0.8)), Choice)


def test_meetings_land_one_by_one_on_the_least_stressed() -> None:
    """15 and 15 fit on two others of 32 and 34, which 30 at once would not."""
    there = (
        bridge("a", meeting(15), meeting(15, 1)),
        bridge("b", meeting(16), meeting(16, 1)),
        bridge("c", meeting(17), meeting(17, 1)),
    )
    assert chosen(*there) == "a"
    whole = (bridge("a", meeting(30)), bridge("b", meeting(32)), bridge("c", meeting(34)))
    assert isinstance(choose(*whole), NoChoice)


def test_stress_must_stay_below_the_threshold() -> None:
    hot = [bridge(name, meeting(10), stress=Reading(0.75, NOW)) for name in "abc"]
    assert isinstance(choose(*hot), NoChoice)
    cool = [replace(each, stress=Reading(0.3, NOW)) for each in hot]
    assert isinstance(choose(*cool), Choice)


def test_people_of_bridges_that_drain_already_land_first() -> None:
    there = (bridge("a", meeting(10)), bridge("b", meeting(20)), bridge("c", meeting(20)))
    assert chosen(*there) == "a"
    assert isinstance(choose(*there, leaving=(draining_bridge("d", 60),)), NoChoice)


@pytest.mark.parametrize(
    "unknown",
    [
        {"participants": None},
        {"participants": Reading(2, Timestamp(NOW - 31))},
        {"registered": None},
        {"conferences": None},
    ],
)
def test_bridge_about_which_something_is_unknown_is_never_chosen(
    unknown: dict[str, object],
) -> None:
    doubtful = bridge("a", meeting(1), **unknown)
    assert chosen(doubtful, bridge("b", meeting(9)), bridge("c", meeting(20))) == "b"
    found = choose(doubtful)
    assert isinstance(found, NoChoice)
    assert found.unknown
    assert "a" in found.because


def test_empty_bridge_goes_even_if_its_meetings_are_unknown() -> None:
    assert chosen(bridge("a", conferences=None), bridge("b", meeting(1))) == "a"


def test_bridge_with_unknown_load_takes_nobody() -> None:
    blind = bridge("b", meeting(60), stress=None)
    found = choose(bridge("a", meeting(5)), blind)
    assert isinstance(found, NoChoice)


def test_people_without_a_known_meeting_must_land_together() -> None:
    counted = bridge("a", meeting(3), participants=Reading(30, NOW))
    assert isinstance(choose(counted, bridge("b", meeting(31))), NoChoice)


@given(
    st.lists(st.lists(st.integers(1, 30), max_size=4), min_size=2, max_size=5),
    st.floats(10, 60),
)
def test_whoever_is_chosen_everybody_fits_on_the_others(
    loads: list[list[int]], room: float
) -> None:
    there = [
        bridge(f"b{n}", *(meeting(people, 0, f"b{n}-{i}") for i, people in enumerate(load)))
        for n, load in enumerate(loads)
    ]
    found = choose(*there, capacity=Capacity(room, 1e9))
    if isinstance(found, Choice) and found.people:
        others = [sum(load) for n, load in enumerate(loads) if f"b{n}" != found.bridge.name]
        # Whoever was below the bound before stays below it; nobody else was given people.
        assert found.people + sum(others) <= sum(max(room, each) for each in others)


@given(st.lists(st.lists(st.integers(1, 9), max_size=3), min_size=2, max_size=5))
def test_a_bridge_with_nobody_is_always_a_choice(loads: list[list[int]]) -> None:
    there = [bridge(f"b{n}", *map(meeting, load)) for n, load in enumerate(loads)]
    found = choose(*there, bridge("idle"))
    assert isinstance(found, Choice)
    assert found.people == 0
