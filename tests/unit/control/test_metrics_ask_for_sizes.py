"""What each metric asks for: every rule of the autoscaling/v2 algorithm, and ours on top."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import NOW, draining_bridge, pending_bridge, ready_bridge, snapshot

from octofleet.api.autoscaling import MetricType
from octofleet.api.effective import Target
from octofleet.core import lifecycle, signals
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, Reading, Timestamp
from octofleet.core.signals import Band, Invalid, Samples, Term

BAND = Band(0.1, 0.1)
CPU = Target(MetricType.CPU, 70)
PEOPLE = Target(MetricType.PARTICIPANTS, 50)
STRESS = Target(MetricType.STRESS, 0.6)


def size(
    *ready: float,
    target: float = 50,
    current: int | None = None,
    assumed: float | None = None,
    band: Band = BAND,
    demand: tuple[float, ...] = (),
    starting: int = 0,
    missing: int = 0,
    demand_missing: int = 0,
) -> int:
    samples = Samples(ready, demand, starting, missing, demand_missing)
    now = len(ready) + missing if current is None else current
    return signals.per_bridge_size(samples, target, band, now, assumed or target)


def total(people: float, current: int, missing: int = 0, band: Band = BAND) -> int:
    return signals.total_size(people, missing, 50, band, current)


@pytest.mark.parametrize(
    ("ready", "wanted"),
    [
        ((100, 100), 4),
        ((60, 60), 3),
        ((55, 55), 2),  # ten percent above: within the tolerance
        ((50, 50), 2),
        ((45, 45), 2),  # ten percent below: within the tolerance
        ((44, 44), 2),  # below it, and still too much for one
        ((25, 25), 1),
        ((20, 20, 20), 2),
        ((0, 0, 0), 0),
    ],
)
def test_mean_over_target_scales_the_fleet(ready: tuple[float, ...], wanted: int) -> None:
    assert size(*ready) == wanted


def test_tolerance_differs_by_direction() -> None:
    wide_down = Band(down=0.5, up=0.0)
    assert size(26, 26, 26, 26, band=wide_down) == 4
    assert size(24, 24, 24, 24, band=wide_down) == 2
    assert size(51, 51, band=wide_down) == 3


def test_bridge_without_a_reading_is_as_busy_as_wanted_on_the_way_down() -> None:
    # 3 at 10 of 50 and one unknown at 50: 80 / 50 -> 2, where 30 / 50 would say 1.
    assert size(10, 10, 10, missing=1) == 2


def test_bridge_without_a_reading_uses_all_of_its_request_where_cpu_is_missing() -> None:
    assert size(10, 10, 10, missing=1, target=50, assumed=100) == 3


def test_bridge_without_a_reading_is_idle_on_the_way_up() -> None:
    # 2 at 100 of 50 and one unknown at 0: 200 / 150 -> 4.
    assert size(100, 100, missing=1) == 4
    # 1 at 70 of 50 and one unknown: 70 / 100 turns round, so nothing changes.
    assert size(70, missing=1) == 2


def test_assumption_that_turns_the_direction_changes_nothing() -> None:
    assert size(40, missing=3, assumed=100) == 4
    assert size(60, missing=3) == 4


def test_starting_bridges_are_idle_on_the_way_up_and_ignored_on_the_way_down() -> None:
    assert size(100, 100, starting=1, current=3) == 4
    assert size(70, 70, starting=2, current=4) == 4
    assert size(20, 20, starting=2, current=4) == 1


def test_draining_bridges_add_load_but_no_capacity() -> None:
    assert size(50, 50, demand=(50,), current=2) == 3
    assert size(20, 20, demand=(20,), current=2) == 2
    assert size(10, 10, demand_missing=1, current=2) == 2


def test_proposal_never_goes_against_its_own_direction() -> None:
    # Two of five report, 20 % too high: 2.4 would be a cut of a fleet that is too small.
    assert size(60, 60, current=5) == 5
    # Five report where two are wanted, 20 % too low: 4 would be growth.
    assert size(40, 40, 40, 40, 40, current=2) == 2


@pytest.mark.parametrize(
    ("people", "current", "wanted"),
    [
        (150, 2, 3),
        (109, 2, 2),  # within the tolerance
        (111, 2, 3),
        (100, 2, 2),
        (91, 2, 2),
        (49, 2, 1),
        (0, 2, 0),
        (101, 0, 3),
        (0, 0, 0),
    ],
)
def test_people_over_target_is_the_size(people: float, current: int, wanted: int) -> None:
    assert total(people, current) == wanted


def test_missing_people_are_as_many_as_wanted_on_the_way_down_and_none_on_the_way_up() -> None:
    assert total(40, 4, missing=2) == 3
    assert total(40, 2, missing=2) == 2  # turned round
    assert total(190, 2, missing=2) == 4


readings = st.lists(st.floats(0, 200), min_size=1, max_size=6)


@given(readings, st.integers(0, 5), st.integers(0, 3), st.integers(0, 3), st.data())
def test_more_load_never_asks_for_fewer_bridges(
    load: list[float], current: int, missing: int, starting: int, data: st.DataObject
) -> None:
    more = list(load)
    which = data.draw(st.integers(0, len(load) - 1))
    more[which] += data.draw(st.floats(0, 100))

    def asked(values: list[float]) -> int:
        return size(*values, current=current, missing=missing, starting=starting)

    assert asked(more) >= asked(load)
    assert total(sum(more), current, missing) >= total(sum(load), current, missing)


@given(readings, st.integers(0, 3), st.integers(1, 3))
def test_losing_readings_never_asks_for_fewer_bridges_than_assumed(
    load: list[float], current: int, lost: int
) -> None:
    """A reading lost on the way down counts as busy as wanted: that never asks for less."""
    idle = (*load, *[0.0] * lost)
    known, unknown = size(*idle, current=current), size(*load, missing=lost, current=current)
    if known < current:
        assert unknown >= known


# From observed bridges to a term ------------------------------------------------------------


def term(target: Target, *bridges: Bridge, current: int = 2) -> Term:
    judged = lifecycle.judged(snapshot(*bridges), NOW, Limits())
    return signals.term(target, BAND, judged, current, NOW, Limits())


def stale(seconds: float, value: float = 0) -> Reading:
    return Reading(value, Timestamp(NOW - seconds))


def test_cpu_term_says_mean_target_and_proposal() -> None:
    found = term(CPU, ready_bridge("eu-0", 100), ready_bridge("eu-1", 60))
    assert (found.current, found.proposal) == (80, 3)
    assert found.message == "80% for a target of 70% on average"


def test_people_term_counts_every_bridge_that_may_carry_some() -> None:
    lost = ready_bridge("eu-3", 7, pod_phase="Unknown")
    found = term(PEOPLE, ready_bridge("eu-0", 60), draining_bridge("eu-1", 50), lost)
    assert (found.current, found.proposal) == (117, 3)
    assert found.message == "117 for a target of 50 a bridge"


def test_people_of_a_pod_that_has_ended_do_not_count() -> None:
    ended = ready_bridge("eu-1", 60, pod_phase="Succeeded")
    assert term(PEOPLE, ready_bridge("eu-0", 40), ended).current == 40


def test_stress_is_a_mean_too() -> None:
    assert term(STRESS, ready_bridge("eu-0", 90), ready_bridge("eu-1", 60)).proposal == 3


@pytest.mark.parametrize(
    ("target", "fields", "wanted"),
    [
        (CPU, {"cpu_utilization": stale(91)}, 2),  # 100 % of its request, for a target of 70 %
        (CPU, {"cpu_utilization": None}, 2),
        (PEOPLE, {"participants": stale(31)}, 1),
        (STRESS, {"stress": stale(31)}, 1),
    ],
)
def test_stale_reading_is_a_missing_one(
    target: Target, fields: dict[str, object], wanted: int
) -> None:
    blind = replace(ready_bridge("eu-1"), **fields)  # pyright: ignore[reportArgumentType]
    found = term(target, ready_bridge("eu-0"), blind)
    assert found.missing == ("eu-1",)
    assert found.proposal == wanted, "the other one tells"
    alone = term(target, blind)
    assert (alone.proposal, alone.invalid) == (None, Invalid.NO_READING)
    assert "eu-1" in alone.message


@pytest.mark.parametrize("target", [CPU, PEOPLE, STRESS])
def test_nothing_can_be_told_before_a_bridge_is_ready(target: Target) -> None:
    found = term(target, pending_bridge("eu-0"))
    assert (found.proposal, found.invalid) == (None, Invalid.NO_BRIDGE_READY)


def young(cpu: Reading) -> Bridge:
    """Return a bridge that has been ready for 50 of its 60 seconds."""
    bridge = ready_bridge("eu-1", cpu_utilization=cpu)
    return replace(bridge, created_at=Timestamp(NOW - 60), ready_since=Timestamp(NOW - 50))


def test_cpu_measured_before_the_bridge_was_ready_is_not_its_load() -> None:
    for early in (stale(60, 300), Reading(300, Timestamp(NOW - 40), window=20)):
        found = term(CPU, ready_bridge("eu-0", 70), young(early))
        assert (found.current, found.proposal) == (70, 2)
    whole = Reading(300, Timestamp(NOW - 20), window=20)
    assert term(CPU, ready_bridge("eu-0", 70), young(whole)).current == 185


def test_old_bridge_that_became_ready_again_is_not_taken_for_a_new_one() -> None:
    """An overloaded one misses probes; its load must not vanish for that."""
    back = ready_bridge("eu-1", cpu_utilization=stale(60, 300), ready_since=Timestamp(NOW - 50))
    assert term(CPU, ready_bridge("eu-0", 70), back).current == 185


def test_bridge_that_is_not_registered_is_no_capacity() -> None:
    outside = ready_bridge("eu-1", 0, registered=False, registered_at=None, in_brewery=False)
    # Its idle CPU would halve the mean and hide the overload of the other.
    found = term(CPU, ready_bridge("eu-0", 140), outside)
    assert (found.current, found.proposal) == (140, 2)


def test_cpu_of_a_draining_bridge_comes_back_on_the_others() -> None:
    there = (ready_bridge("eu-0", 60), ready_bridge("eu-1", 60))
    assert term(CPU, *there).proposal == 2
    found = term(CPU, *there, draining_bridge("eu-2", 60))
    assert (found.current, found.proposal) == (90, 3)
    silent = draining_bridge("eu-2", 60, cpu_utilization=None)
    found = term(CPU, *(ready_bridge(f"eu-{n}", 20) for n in range(2)), silent)
    assert (found.proposal, found.missing) == (2, ("eu-2",))
