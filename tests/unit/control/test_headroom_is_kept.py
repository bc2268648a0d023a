"""Headroom: what it asks for, what it learns, and what must never happen."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control import worlds

from octofleet.api.effective import EffectiveRegion, Headroom
from octofleet.core import headroom, learning, lifecycle, remembering, sizing
from octofleet.core.limits import Limits
from octofleet.core.memory import SLOT_SECONDS, SLOTS, UNKNOWN, Cost, Memory, Rush
from octofleet.core.observation import Bridge, History, Reading, Snapshot, Timestamp

NOW = worlds.NOW
LIMITS = Limits()


def region(**autoscaling: object) -> EffectiveRegion:
    """Return a region sized by headroom and stress."""
    defaults: dict[str, object] = {
        "minBridges": 2,
        "maxBridges": 30,
        "metrics": [{"type": "Stress", "target": {"averageValue": "0.7"}}],
        "headroom": {"joins": "P99"},
    }
    return worlds.region(None, **{**defaults, **autoscaling})


def loaded(stress: float, number: int, at: float = NOW) -> Bridge:
    """Return a serving bridge with so much stress and people to match."""
    bridge = worlds.ready_bridge(f"eu-{number}", round(stress * 100), at)
    return replace(bridge, stress=Reading(stress, Timestamp(at)))


def seen(levels: list[float], history: History | None = None, at: float = NOW) -> Snapshot:
    found = worlds.snapshot(*(loaded(each, n, at) for n, each in enumerate(levels)))
    return replace(found, taken_at=Timestamp(at), history=history or History(desired=len(levels)))


def asked(snapshot: Snapshot, wanted: Headroom) -> headroom.Asked:
    bridges = lifecycle.judged(snapshot, snapshot.taken_at, LIMITS)
    return headroom.headroom(wanted, snapshot, bridges, snapshot.taken_at, LIMITS)


SET = Headroom(40, 1.0, 0)
levels = st.lists(st.floats(0.0, 1.3), min_size=1, max_size=12)


@given(levels, st.integers(0, 11), st.floats(0.0, 1.0), st.integers(0, 200))
def test_more_load_or_more_joins_never_ask_for_fewer(
    found: list[float], which: int, more: float, joins: int
) -> None:
    wanted = Headroom(joins, 1.0, 0)
    busier = list(found)
    busier[which % len(found)] += more
    before, after = asked(seen(found), wanted), asked(seen(busier), wanted)
    assert before.proposal is not None
    assert after.proposal is not None
    assert after.proposal >= before.proposal
    larger = asked(seen(found), Headroom(joins + 10, 1.0, 0)).proposal
    assert larger is not None
    assert larger >= before.proposal


@given(levels, st.integers(1, 40), st.integers(0, 500), st.integers(0, 3))
def test_the_size_stays_within_its_bounds(
    found: list[float], desired: int, joins: int, spare: int
) -> None:
    wanted = region(headroom={"joins": joins, "spareBridges": spare}, maxBridges=15)
    decided = sizing.decide(wanted, seen(found, History(desired=desired)), NOW)
    assert 2 <= decided.wanted <= 15


@given(levels, st.sets(st.integers(0, 11), min_size=1), st.booleans())
def test_what_is_stale_or_missing_never_shrinks(
    found: list[float], which: set[int], missing: bool
) -> None:
    snapshot = seen(found, History(desired=len(found)))
    old = Timestamp(NOW - 3600)
    bridges = [
        replace(each, stress=None if missing else Reading(each.stress.value, old))
        if n in which and each.stress
        else each
        for n, each in enumerate(snapshot.bridges)
    ]
    if all(n not in which for n in range(len(found))):
        return
    decided = sizing.decide(region(minBridges=1), replace(snapshot, bridges=tuple(bridges)), NOW)
    assert decided.wanted >= min(len(found), 30)


@settings(max_examples=25)
@given(st.floats(0.0, 8.0), st.integers(1, 12), st.integers(0, 3))
def test_constant_load_makes_the_size_settle(load: float, size: int, spare: int) -> None:
    wanted = region(headroom={"joins": 20, "spareBridges": spare})
    history, sizes = History(desired=size), [size]
    # An hour: what was wanted at the start keeps the size up for ten minutes.
    for step in range(120):
        at = NOW + 30.0 * step
        # Spread evenly, as it is once people have come and gone.
        snapshot = seen([load / sizes[-1]] * sizes[-1], history, at)
        decided = sizing.decide(wanted, snapshot, Timestamp(at))
        history = decided.history
        sizes.append(decided.wanted)
    assert len(set(sizes[-20:])) == 1


@settings(max_examples=20)
@given(st.integers(3, 10), st.integers(1, 50))
def test_a_lone_dip_never_moves_scale_in(size: int, step: int) -> None:
    wanted = region(headroom={"joins": 20})
    history = History(desired=size)
    for number in range(52):
        at = NOW + 15.0 * number
        level = 0.0 if number == step else 0.68
        decided = sizing.decide(wanted, seen([level] * size, history, at), Timestamp(at))
        history = decided.history
        assert decided.wanted >= size


def test_a_hot_bridge_has_no_room_however_idle_the_others_are() -> None:
    cool = asked(seen([0.5, 0.5]), SET).room.usable
    mixed = asked(seen([1.0, 0.5]), SET).room.usable
    assert mixed == pytest.approx(cool / 2)


def test_a_meeting_mixes_no_versions_so_each_has_room_of_its_own() -> None:
    snapshot = seen([0.2, 0.6])
    first, second = snapshot.bridges
    found = asked(replace(snapshot, bridges=(replace(first, version="2"), second)), SET)
    room = dict(found.room.by_version)
    assert room["2"] == pytest.approx(3 * room[""])
    assert "by version" in found.message


def test_who_joined_since_a_bridge_told_counts() -> None:
    snapshot = seen([0.1])
    busy = replace(snapshot.bridges[0], placed=Reading(70, NOW))
    room = asked(replace(snapshot, bridges=(busy,)), SET).room
    assert room.usable < asked(snapshot, SET).room.usable / 3


# What is learned ---------------------------------------------------------------------------


def learn(memory: Memory, people: int, stress: float, at: float, name: str = "eu-0") -> Memory:
    bridge = replace(worlds.ready_bridge(name, people, at), stress=Reading(stress, Timestamp(at)))
    snapshot = replace(worlds.snapshot(bridge), taken_at=Timestamp(at))
    judged = lifecycle.judged(snapshot, Timestamp(at), LIMITS)
    return learning.learned(memory, snapshot, judged, Timestamp(at), LIMITS)


def test_the_cost_of_a_person_is_learned_and_grows_sure() -> None:
    memory, before = Memory(), learning.stress_of_one(Memory(), "", LIMITS)
    for minute in range(120):
        people = 40 + minute % 20
        memory = learn(memory, people, people * 0.02, NOW + 60 * minute)
    after = learning.stress_of_one(memory, "", LIMITS)
    assert before.mean == pytest.approx(0.01)
    assert after.mean == pytest.approx(0.02, rel=0.1)
    assert after.confidence > 0.9 > before.confidence
    assert after.cautious >= after.mean


def test_what_is_surely_known_of_a_person_is_passed_on_and_the_dearest_node_counts() -> None:
    assert learning.stress_to_publish(Memory(), LIMITS) is None
    unsure = Cost("small", people_squared=400.0, people_stress=8.0, weight=1.0)
    assert learning.stress_to_publish(Memory(costs=(unsure,)), LIMITS) is None
    cheap = Cost("large", people_squared=1e6, people_stress=5e3, weight=200.0)
    dear = Cost("small", people_squared=1e6, people_stress=2e4, weight=200.0)
    known = Memory(costs=(cheap, dear, unsure))
    assert learning.stress_to_publish(known, LIMITS) == pytest.approx(0.02, rel=0.02)
    full = Cost("tiny", people_squared=1e6, people_stress=5e6, weight=200.0)
    assert learning.stress_to_publish(Memory(costs=(full,)), LIMITS) == 1.0


def test_the_time_a_bridge_takes_is_measured() -> None:
    starting = worlds.pending_bridge("eu-1", uid="u1")
    snapshot = worlds.snapshot(starting)
    judged = lifecycle.judged(snapshot, NOW, LIMITS)
    memory = learning.learned(Memory(), snapshot, judged, NOW, LIMITS)
    later = Timestamp(NOW + 95)
    ready = replace(worlds.ready_bridge("eu-1", 0, later), uid="u1", created_at=NOW)
    after = replace(worlds.snapshot(ready), taken_at=later)
    memory = learning.learned(memory, after, lifecycle.judged(after, later, LIMITS), later, LIMITS)
    assert memory.leads == (95.0,)
    assert learning.lead(memory) == 95.0
    assert learning.lead(Memory()) == learning.DEFAULT_LEAD


def test_a_rise_is_remembered_for_its_time_of_the_week() -> None:
    memory = replace(Memory(), leads=(240.0,))
    for minute in range(60):
        people = 20 if minute < 30 else 80
        memory = learn(memory, people, people * 0.01, NOW + 60 * minute)
    week_later = Timestamp(NOW + 7 * 86_400 + 27 * 60)
    wanted = Headroom(None, 0.99, 0)
    then = headroom.expected_joins(wanted, replace_hour(memory), (), week_later, LIMITS)
    quiet = headroom.expected_joins(
        wanted, replace_hour(memory), (), Timestamp(week_later + 6 * 3600), LIMITS
    )
    assert then.joins >= 60
    assert quiet.joins < 30


DAY = SLOTS // 7
SLOT = int((NOW - learning.MONDAY) // SLOT_SECONDS) % SLOTS


def weeks(rises: dict[int, tuple[float, float]]) -> Memory:
    """Return the memory of (rise, peak) at this time of day, by how many days ahead it was."""
    week, peaks = [UNKNOWN] * SLOTS, [UNKNOWN] * SLOTS
    for days, (rise, peak) in rises.items():
        week[(SLOT + days * DAY) % SLOTS], peaks[(SLOT + days * DAY) % SLOTS] = rise, peak
    return Memory(rush=Rush(week=tuple(week), peaks=tuple(peaks)))


def expected(memory: Memory, quantile: float = 0.99, at: float = NOW) -> headroom.Expected:
    wanted = Headroom(None, quantile, 0)
    return headroom.expected_joins(wanted, memory, (), Timestamp(at), LIMITS)


def test_days_that_were_as_busy_tell_of_each_other() -> None:
    alone = expected(weeks({0: (100, 300)})).joins
    pooled = expected(weeks({0: (100, 300), **dict.fromkeys(range(1, 5), (200.0, 320.0))})).joins
    assert pooled > alone
    with_weekend = expected(weeks({0: (100, 300), 1: (2, 20), 2: (3, 30)})).joins
    assert with_weekend == alone


def test_where_days_differ_a_higher_percentile_keeps_more() -> None:
    memory = weeks({0: (100, 300), 1: (200, 320), 2: (60, 280)})
    found = [expected(memory, quantile).joins for quantile in (0.5, 0.75, 0.99)]
    assert found[0] < found[1] < found[2]
    same = weeks(dict.fromkeys(range(5), (100, 300)))
    assert expected(same, 0.5).joins == pytest.approx(expected(same).joins)


def test_a_crowd_of_the_next_ten_minutes_is_not_kept_room_for_yet() -> None:
    memory = weeks({0: (2, 50)})
    ahead = list(memory.rush.week)
    ahead[(SLOT + 1) % SLOTS] = 500.0
    peaks = list(memory.rush.peaks)
    peaks[(SLOT + 1) % SLOTS] = 550.0
    later = replace(memory, rush=Rush(week=tuple(ahead), peaks=tuple(peaks)))
    assert expected(later).joins < 10
    assert expected(later, at=NOW + SLOT_SECONDS).joins > 450


def replace_hour(memory: Memory) -> Memory:
    """Return the memory without the last hour's rises."""
    return replace(memory, rush=replace(memory.rush, hour=()))


def test_a_gap_in_readings_is_no_rise() -> None:
    memory = replace(Memory(), leads=(60.0,))
    memory = learn(memory, 10, 0.1, NOW)
    silent = replace(worlds.ready_bridge("eu-0"), participants=None)
    gap = Timestamp(NOW + 61)
    snapshot = replace(worlds.snapshot(silent), taken_at=gap)
    memory = learning.learned(
        memory, snapshot, lifecycle.judged(snapshot, gap, LIMITS), gap, LIMITS
    )
    for minute in range(2, 6):
        memory = learn(memory, 90, 0.9, NOW + 61 * minute)
    assert max(memory.rush.hour, default=0) == 0


# What is kept ------------------------------------------------------------------------------


def test_a_memory_survives_the_status() -> None:
    week = tuple(float(n % 7) if n % 3 else UNKNOWN for n in range(SLOTS))
    memory = Memory(
        costs=(Cost("c5.xlarge", 1e4, 150.0, 0.5, 30.0),),
        leads=(120.5, 240.0),
        learned_at=1_700_000_000.0,
        rush=Rush(week=week, peaks=week, slot=7),
    )
    text = remembering.written(memory, "")
    back = remembering.recalled(text)
    assert len(text) < remembering.LONGEST
    assert (back.costs, back.leads, back.rush.week) == (memory.costs, memory.leads, week)
    assert back.rush.peaks == week
    assert remembering.written(replace(memory, leads=(1.0,)), text) == text


@given(st.text(max_size=200) | st.sampled_from(['{"week":"1,2"}', "[]", "null", '{"week":5}']))
def test_a_text_that_is_no_memory_is_forgotten(text: str) -> None:
    assert remembering.recalled(text) == Memory()
