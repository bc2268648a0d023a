"""Stress: the fullest part counts, moments don't."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octobridge.core.stress import Sample, Stress


def settle(
    *, cpu: float = 0.0, cores: float = 4.0, thread: float = 0.0, lag: float = 0.0, queue: float = 0
) -> Stress:
    stress = Stress()
    for second in range(60):
        stress.observe(Sample(second, cpu * second, cores, thread * second, lag, queue))
    return stress


def test_idle_bridge_has_no_stress() -> None:
    assert Stress().load.stress == 0
    assert settle().load.stress == 0


def test_cpu_counts_against_what_may_be_used() -> None:
    assert settle(cpu=1.0, cores=2.0).load.cpu == pytest.approx(0.5, abs=0.01)
    assert settle(cpu=0.5, cores=0.5).load.stress == pytest.approx(1.0, abs=0.01)


def test_one_saturated_thread_on_idle_cores_is_a_full_bridge() -> None:
    load = settle(cpu=1.0, cores=4.0, thread=1.0).load
    assert load.cpu == pytest.approx(0.25, abs=0.01)
    assert load.stress == pytest.approx(1.0, abs=0.01)


def test_a_late_loop_or_a_full_queue_is_a_full_bridge_too() -> None:
    assert settle(lag=0.25).load.stress == pytest.approx(1.0, abs=0.01)
    assert settle(queue=1.0).load.stress == pytest.approx(1.0, abs=0.01)


def test_one_bad_second_is_not_overload() -> None:
    stress = settle(cpu=0.2, cores=1.0)
    stress.observe(Sample(60, 0.2 * 59 + 1, 1.0, 0.0, 1.0, 1.0))
    assert stress.load.stress < 0.65
    assert settle(cpu=0.2, cores=1.0).load.stress == pytest.approx(0.2, abs=0.01)


def test_clock_that_stands_still_changes_nothing() -> None:
    stress = settle(cpu=0.5, cores=1.0)
    before = stress.load
    stress.observe(Sample(59, 1e9, 1.0, 1e9, 9.0, 1.0))
    assert stress.load == before


numbers = st.floats(0, 1e6)
SMALLEST = 5e-324


@example(
    [Sample(0, 0, 0, 0, 0, 0), Sample(SMALLEST, 1e6, 0, 1e6, 1e6, 1), Sample(9, 0, 0, 0, 0, 0)]
)
@given(st.lists(st.builds(Sample, numbers, numbers, numbers, numbers, numbers, numbers)))
def test_stress_is_never_negative_whatever_is_measured(samples: list[Sample]) -> None:
    stress = Stress()
    for sample in samples:
        stress.observe(sample)
        load = stress.load
        assert min(load.cpu, load.thread, load.lag, load.queue) >= 0
        assert math.isfinite(load.stress)
        assert load.stress == max(load.cpu, load.thread, load.lag, load.queue)
        assert load.queue <= 1
