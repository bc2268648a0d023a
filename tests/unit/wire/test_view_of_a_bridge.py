"""Jicofo's judgement of one bridge: latches, failures, corrected stress."""

from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_view import BridgeConfig, BridgeView, RateTracker
from jitsiwire.stats import BridgeStats

JID = "jvbbrewery@internal-muc.meet.jitsi/eu-0-abc"


def view() -> BridgeView:
    return BridgeView.create(JID, BridgeConfig())


def test_a_bridge_that_never_speaks_of_draining_counts_as_draining() -> None:
    assert view().seen(BridgeStats(stress_level=0.1), 1).drain
    assert not view().seen(BridgeStats(drain=False), 1).drain


def test_draining_is_reversible() -> None:
    drained = view().seen(BridgeStats(drain=True), 1)
    assert drained.seen(BridgeStats(), 2).drain
    assert not drained.seen(BridgeStats(drain=False), 3).drain


@pytest.mark.parametrize("name", ["graceful_shutdown", "shutting_down"])
def test_there_is_no_way_back_from_a_shutdown(name: str) -> None:
    ending = view().seen(replace(BridgeStats(), **{name: True}), 1)
    assert getattr(ending.seen(replace(BridgeStats(), **{name: False}), 2), name)


def test_what_a_presence_leaves_out_stays_as_it_was() -> None:
    full = BridgeStats(
        stress_level=0.4,
        average_participant_stress=0.02,
        version="2.3",
        release="7",
        region="eu",
        relay_id="r1",
        healthy=False,
    )
    once = view().seen(full, 1)
    again = once.seen(BridgeStats(), 2)
    assert again.last_presence == 2
    assert (again.stress, again.participant_stress, again.full_version) == (0.4, 0.02, "2.3-7")
    assert (again.region, again.relay_id, again.healthy) == ("eu", "r1", False)


def test_the_full_version_needs_no_release() -> None:
    assert view().full_version is None
    assert view().seen(BridgeStats(version="2.3"), 1).full_version == "2.3"
    assert view().seen(BridgeStats(release="7"), 1).full_version is None


def test_a_failed_bridge_is_out_for_a_minute_whatever_happens_since() -> None:
    failed = view().failed(100)
    assert not failed.operational(100)
    back = failed.passed()
    assert not back.operational(159.9)
    assert back.operational(160)


def test_a_failed_bridge_recovers_only_by_a_passed_health_check() -> None:
    failed = view().failed(100).seen(BridgeStats(healthy=True), 101)
    assert not failed.operational(10_000)


def test_stress_is_corrected_by_recent_participants_only() -> None:
    busy = view().seen(BridgeStats(stress_level=0.5, average_participant_stress=0.03), 0)
    for second in (10.0, 11.0, 12.0):
        busy = busy.endpoint_added(second)
    assert busy.corrected_stress(12) == pytest.approx(0.59)
    assert busy.corrected_stress(29.95) == pytest.approx(0.59)
    assert busy.corrected_stress(30.0) == pytest.approx(0.56)
    assert busy.corrected_stress(32.0) == 0.5


def test_taking_participants_away_corrects_nothing() -> None:
    """Recorded: three endpoints, one of them re-invited, counted four times."""
    busy = view().seen(BridgeStats(stress_level=0.1), 0)
    for second in (1.0, 2.0, 3.0):
        busy = busy.endpoint_added(second)
    busy = busy.endpoints_removed(1).endpoint_added(4.0)
    assert busy.endpoints == 3
    assert busy.corrected_stress(5) == pytest.approx(0.14)


def test_overload_begins_at_the_threshold() -> None:
    assert not view().seen(BridgeStats(stress_level=0.79), 0).overloaded(0)
    assert view().seen(BridgeStats(stress_level=0.8), 0).overloaded(0)
    assert view().seen(BridgeStats(stress_level=0.79), 0).endpoint_added(0).overloaded(0)


def test_more_can_leave_than_came_without_a_debt() -> None:
    assert view().endpoints_removed(3).endpoints == 0


def crowded(detect: bool) -> BridgeView:
    config = BridgeConfig(ice_failure_detection=detect, ice_failure_min_endpoints=10)
    busy = BridgeView.create(JID, config).seen(BridgeStats(stress_level=0.1), 0)
    for _ in range(10):
        busy = busy.endpoint_added(0)
    return busy.restart_requested(30).restart_requested(31)


def test_many_restarts_mean_failing_ice_and_overload() -> None:
    failing = crowded(detect=True)
    assert failing.failing_ice(32)
    assert failing.corrected_stress(60) == pytest.approx(0.81)
    assert failing.overloaded(60)
    assert not failing.failing_ice(631)


def test_restarts_are_only_counted_while_detection_is_off() -> None:
    calm = crowded(detect=False)
    assert calm.restart_requests == 2
    assert not calm.failing_ice(32)


def test_a_few_restarts_are_no_failure() -> None:
    config = BridgeConfig(ice_failure_detection=True, ice_failure_min_endpoints=30)
    quiet = BridgeView.create(JID, config).restart_requested(1).restart_requested(2)
    assert not quiet.failing_ice(2)


@given(st.lists(st.floats(0, 100), max_size=40), st.floats(0, 30), st.sampled_from((1, 10)))
def test_a_rate_tracker_counts_what_its_window_holds(
    times: list[float], later: float, per_second: int
) -> None:
    times.sort()
    end = (times[-1] if times else 0.0) + later
    empty = RateTracker(20.0, per_second=per_second)
    tracker = reduce(lambda seen, time: seen.add(time), times, empty)
    bucket = 1 / per_second
    sure = sum(1 for time in times if time > end - (20.0 - bucket))
    possible = sum(1 for time in times if time > end - (20.0 + bucket))
    assert sure <= tracker.count(end) <= possible
    assert len(tracker.buckets) <= 20 * per_second


def test_restarts_are_counted_by_the_second_and_placements_more_finely() -> None:
    bridge = BridgeView.create(JID, BridgeConfig(ice_failure_interval=2.0))
    for at in (0.1, 0.9):
        bridge = bridge.restart_requested(at).endpoint_added(at)
    assert (len(bridge.restarts.buckets), len(bridge.added.buckets)) == (1, 2)
    assert [bridge.restarts.count(now) for now in (1.95, 2.05)] == [2, 0]


def test_a_candidate_is_the_view_at_a_moment() -> None:
    candidate = (
        view()
        .seen(BridgeStats(version="1", region="eu", drain=False, stress_level=0.9), 5)
        .candidate(6)
    )
    assert candidate.jid == JID
    assert candidate.overloaded
    assert (candidate.version, candidate.region, candidate.drain) == ("1", "eu", False)
