"""How a simulated and a real course of the same workload are laid side by side."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octodemo.courses import (
    EACH,
    Course,
    Order,
    matching,
    orders,
    packets_due,
    root_mean_square,
    turns,
)
from octodemo.machines import GAUGES, Machine, costs, fitted

sizes = st.lists(st.integers(1, 6), max_size=12)


def test_people_who_come_together_are_asked_for_together() -> None:
    joins = [(1.0, 60.0, "a"), (1.2, 50.0, "a"), (2.0, 99.0, "b"), (3.0, 40.0, "a")]
    assert orders(joins, 55.0) == [
        Order(1.0, "a", 2),
        Order(2.0, "b", 1),
        Order(3.0, "a", 3),
        Order(40.0, "a", 2),
        Order(50.0, "a", 1),
    ]


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(1, 100), st.sampled_from("abc"))))
def test_every_call_ends_as_the_workload_leaves_it(found: list[tuple[float, float, str]]) -> None:
    joins = [(at, at + stays, call) for at, stays, call in found]
    last = {each.call: each.people for each in orders(joins, 300.0)}
    for call in "abc":
        inside = sum(each == call and at < 300.0 <= left for at, left, each in joins)
        assert last.get(call, 0) == inside


def test_decisions_are_matched_in_their_order() -> None:
    assert turns([2, 3, 4, 3, 2]) == [1, 1, -1, -1]
    assert matching([1, 1, -1, -1], [1, 1, -1, -1]) == 4
    assert matching([1, 1, -1, -1], [2, -1, -1]) == 2
    assert matching([1, -1], [-1, 1]) == 1
    assert matching([], [1]) == 0


@given(sizes, sizes)
def test_no_more_match_than_there_are(one: list[int], other: list[int]) -> None:
    assert matching(one, one) == len(one)
    assert matching(one, other) == matching(other, one) <= min(len(one), len(other))


def test_stress_is_compared_by_rank_and_a_missing_bridge_is_idle() -> None:
    said = [(0.0, (0.4, 0.1)), (5.0, (0.4, 0.1))]
    assert root_mean_square(said, [(0.2, (0.4, 0.1)), (5.1, (0.4, 0.1))]) == 0.0
    assert root_mean_square(said, [(0.0, (0.4, 0.1, 0.0))]) == 0.0
    apart = root_mean_square([(0.0, (0.5, 0.5))], [(0.0, (0.4, 0.4))])
    assert apart == pytest.approx(0.1)
    assert root_mean_square([(0.0, (0.6,))], [(0.0, ())]) == pytest.approx(0.6)


def gauged(machine: Machine) -> list[float]:
    return [machine.call(n) - machine.idle for n in GAUGES]


def test_calls_tell_what_people_and_packets_cost() -> None:
    machine = Machine(0.05, 0.012, 85_000.0, 12.0)
    assert costs(gauged(machine)) == (pytest.approx(0.012), pytest.approx(85_000.0))
    with pytest.raises(AssertionError, match="no load"):
        costs([0.05, 0.05, 0.05])


@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=3))
def test_a_call_is_told_nearly_right_by_calls_that_are_measured_a_little_wrong(
    noise: list[float],
) -> None:
    machine = Machine(0.05, 0.012, 85_000.0, 12.0)
    noisy = [max(0.0, a + b) for a, b in zip(gauged(machine), noise, strict=True)]
    person, rate = costs(noisy)
    assert person >= 0
    assert rate > 0
    for people in (7, 9, 13, 14):
        told = Machine(0.05, person, rate, 12.0).call(people)
        assert told == pytest.approx(machine.call(people), abs=0.08)


def test_the_stress_that_is_wanted_goes_with_the_machine() -> None:
    described: dict[str, Any] = {
        "name": "x",
        "bridge": Machine(0.05, 0.012, 85_000.0, 12.0).description(),
        "autoscaling": {
            "metrics": [
                {"type": "Stress", "target": {"averageValue": "0.3"}},
                {"type": "Participants", "target": {"averageValue": "50"}},
            ],
            "rebalancing": "Off",
        },
    }
    slower = fitted(described, Machine(0.1, 0.024, 42_500.0, 9.0))
    wanted = [each["target"]["averageValue"] for each in slower["autoscaling"]["metrics"]]
    assert wanted == ["0.6", "50"]
    assert slower["autoscaling"]["rebalancing"] == "Off"
    assert slower["bridge"]["startSeconds"] == 9.0
    assert described["autoscaling"]["metrics"][0]["target"]["averageValue"] == "0.3"


def test_what_people_should_get_follows_from_who_is_in_their_calls() -> None:
    joins = [(0.0, 10.0, "a"), (2.0, 99.0, "a"), (4.0, 8.0, "b")]
    assert packets_due(joins, 50.0) == pytest.approx(2 * EACH * 8.0)
    assert packets_due(joins, 5.0) == pytest.approx(2 * EACH * 3.0)
    assert packets_due([], 5.0) == 0.0


def test_the_simulators_course_is_read() -> None:
    told = {
        "seconds": 10.0,
        "autoscaling": {"minBridges": 2},
        "joins": [[1, 2, "0"]],
        "sizes": [[0, 2], [7, 3]],
        "stress": [[0, [0.2, 0.1]]],
    }
    found = Course.read(json.dumps(told))
    assert found.sizes == (2, 3)
    assert found.stress == ((0.0, (0.2, 0.1)),)
    assert found.joins == ((1.0, 2.0, "0"),)
