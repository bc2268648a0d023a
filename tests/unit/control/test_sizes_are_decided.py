"""From what metrics ask for to a size: holds, windows, policies, bounds and modes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    pending_bridge,
    people_only,
    ready_bridge,
    region,
    snapshot,
)

from octofleet.api.effective import EffectiveRegion
from octofleet.core import history as histories
from octofleet.core import sizing
from octofleet.core.observation import (
    Cluster,
    History,
    Reading,
    Recommendation,
    ScaleEvent,
    Timestamp,
)
from octofleet.core.sizing import Decision, LimitedBy

Policies = list[dict[str, object]]


def decide(
    of: EffectiveRegion,
    people: int,
    desired: int | None = 2,
    *,
    count: int = 2,
    now: float = NOW,
    history: History | None = None,
    cluster: Cluster = CLUSTER,
) -> Decision:
    """Return the decision for a fleet that carries so many people."""
    there = [
        ready_bridge(f"eu-{n}", people // count + (n < people % count), now) for n in range(count)
    ]
    kept = replace(history or History(), desired=desired)
    seen = snapshot(*there, history=kept, cluster=cluster)
    return sizing.decide(of, seen, Timestamp(now))


def behavior(direction: str, **rules: object) -> dict[str, object]:
    """Return behaviour with no window but the given rules."""
    quick: dict[str, dict[str, object]] = {"scaleDown": {"stabilizationWindow": "0s"}}
    quick[direction] = {**quick.get(direction, {}), **rules}
    return {"behavior": quick}


def policies(*of: tuple[str, int, str]) -> Policies:
    return [{"type": kind, "value": value, "period": period} for kind, value, period in of]


def test_largest_proposal_wins_and_every_term_is_told() -> None:
    both = region(minBridges=1, maxBridges=20)
    found = decide(both, 300)
    assert (found.wanted, found.winner) == (6, "Participants")
    assert [(term.type, term.proposal) for term in found.terms] == [("CPU", 5), ("Participants", 6)]
    assert "CPU: 150% for a target of 70% on average asks for 5" in found.message
    assert found.message.startswith("6 wanted by Participants")


def test_one_blind_metric_stops_shrinking_but_not_growing() -> None:
    both = region(
        minBridges=1, maxBridges=20, behavior={"scaleDown": {"stabilizationWindow": "0s"}}
    )
    there = [replace(ready_bridge(f"eu-{n}", 0), cpu_utilization=None) for n in range(3)]
    seen = snapshot(*there, history=History(desired=3))
    held = sizing.decide(both, seen, NOW)
    assert (held.wanted, held.limited_by) == (3, LimitedBy.MISSING_METRICS)
    assert held.held_because is not None
    assert "CPU" in held.held_because
    busy = [replace(each, participants=Reading(100, NOW)) for each in there]
    assert sizing.decide(both, replace(seen, bridges=tuple(busy)), NOW).wanted == 6


def test_no_metric_at_all_holds_the_size() -> None:
    there = [pending_bridge("eu-0"), pending_bridge("eu-1")]
    found = sizing.decide(people_only(), snapshot(*there, history=History(desired=4)), NOW)
    assert (found.wanted, found.limited_by) == (4, LimitedBy.MISSING_METRICS)


def test_nothing_shrinks_while_jicofo_cannot_be_asked() -> None:
    dark = replace(CLUSTER, jicofo_reachable=False)
    assert decide(people_only(), 0, 5, cluster=dark).wanted == 5
    assert decide(people_only(), 300, 5, cluster=dark).wanted == 6


def test_fleet_without_a_memory_starts_from_the_bridges_that_are_there() -> None:
    found = decide(people_only(), 150, None, count=3)
    assert (found.current, found.wanted) == (3, 3)


def test_bounds_come_first_and_last() -> None:
    sized = people_only(minBridges=3, maxBridges=4)
    assert decide(sized, 0, 0, count=0).wanted == 3
    assert decide(sized, 0, 9).wanted == 4
    most = decide(sized, 999, 3)
    assert (most.wanted, most.limited_by) == (4, LimitedBy.MAX_BRIDGES)
    least = decide(sized, 0, 4, count=4)
    assert (least.wanted, least.limited_by) == (3, LimitedBy.MIN_BRIDGES)


# Windows ------------------------------------------------------------------------------------


def test_shrinking_waits_for_its_window() -> None:
    slow = people_only(behavior={"scaleDown": {"stabilizationWindow": "300s"}})
    kept = decide(slow, 250, 5, count=5).history
    for after, wanted in ((5, 5), (200, 5), (304, 5), (306, 2)):
        found = decide(slow, 0, 5, count=5, now=NOW + after, history=kept)
        assert found.wanted == wanted, f"after {after} s"
        if wanted == 5:
            assert found.limited_by is LimitedBy.SCALE_DOWN_WINDOW
        kept = found.history


def test_one_high_recommendation_within_the_window_holds_the_size() -> None:
    slow = people_only(behavior={"scaleDown": {"stabilizationWindow": "300s"}})
    kept = History(
        (
            Recommendation(Timestamp(NOW - 500), 2),
            Recommendation(Timestamp(NOW - 100), 4),
            Recommendation(Timestamp(NOW - 90), 2),
        )
    )
    assert decide(slow, 0, 5, count=5, history=kept).wanted == 4


def test_growing_waits_for_its_window_too() -> None:
    slow = people_only(behavior={"scaleUp": {"stabilizationWindow": "60s"}})
    kept = decide(slow, 100).history
    for after, wanted in ((5, 2), (64, 2), (66, 6)):
        found = decide(slow, 300, now=NOW + after, history=kept)
        assert found.wanted == wanted, f"after {after} s"
        kept = found.history
    assert decide(slow, 300, now=NOW + 5, history=decide(slow, 100).history).limited_by is (
        LimitedBy.SCALE_UP_WINDOW
    )


def test_growing_at_once_is_the_default() -> None:
    assert decide(people_only(), 300, history=decide(people_only(), 100).history).wanted == 6


# Policies -----------------------------------------------------------------------------------


def test_default_growth_is_the_larger_of_double_and_four_more() -> None:
    sized = people_only(5, maxBridges=100)
    assert decide(sized, 500).wanted == 6
    assert decide(sized, 500, 10).wanted == 20
    assert decide(sized, 500, 10).limited_by is LimitedBy.SCALE_UP_POLICY


def test_growth_counts_what_was_added_within_the_period() -> None:
    rules = behavior("scaleUp", policies=policies(("Bridges", 3, "60s")))
    sized = people_only(5, maxBridges=100, **rules)
    two_more = ScaleEvent(Timestamp(NOW - 30), 2)
    assert decide(sized, 500, 10).wanted == 13
    assert decide(sized, 500, 10, history=History(scale_events=(two_more,))).wanted == 11
    old = replace(two_more, at=Timestamp(NOW - 60))
    assert decide(sized, 500, 10, history=History(scale_events=(old,))).wanted == 13
    spent = History(scale_events=(two_more, replace(two_more, change=5)))
    assert decide(sized, 500, 10, history=spent).wanted == 10


def test_percentages_are_of_the_size_at_the_start_of_the_period() -> None:
    rules = behavior("scaleUp", policies=policies(("Percent", 50, "60s")))
    sized = people_only(5, maxBridges=100, **rules)
    assert decide(sized, 500, 5).wanted == 8  # 7.5 rounded up
    added = History(scale_events=(ScaleEvent(Timestamp(NOW - 30), 2),))
    assert decide(sized, 500, 5, history=added).wanted == 5  # 3 grew to 4.5 at most


def test_shrinking_is_limited_by_bridges_and_percent() -> None:
    one = behavior("scaleDown", policies=policies(("Bridges", 1, "60s")))
    found = decide(people_only(50, **one), 0, 10, count=10)
    assert (found.wanted, found.limited_by) == (9, LimitedBy.SCALE_DOWN_POLICY)
    gone = History(scale_events=(ScaleEvent(Timestamp(NOW - 30), -1),))
    assert decide(people_only(50, **one), 0, 9, count=9, history=gone).wanted == 9
    tenth = behavior("scaleDown", policies=policies(("Percent", 10, "60s")))
    assert decide(people_only(50, **tenth), 0, 10, count=10).wanted == 9


@pytest.mark.parametrize(("select", "wanted"), [("Max", 5), ("Min", 8), ("Disabled", 10)])
def test_shrinking_follows_the_selected_policy(select: str, wanted: int) -> None:
    both = policies(("Bridges", 2, "60s"), ("Percent", 50, "60s"))
    rules = behavior("scaleDown", policies=both, selectPolicy=select)
    assert decide(people_only(50, **rules), 0, 10, count=10).wanted == wanted


@pytest.mark.parametrize(("select", "wanted"), [("Max", 15), ("Min", 12), ("Disabled", 10)])
def test_growing_follows_the_selected_policy(select: str, wanted: int) -> None:
    both = policies(("Bridges", 2, "60s"), ("Percent", 50, "60s"))
    rules = behavior("scaleUp", policies=both, selectPolicy=select)
    assert decide(people_only(5, maxBridges=99, **rules), 500, 10).wanted == wanted


# Modes --------------------------------------------------------------------------------------


def test_external_obeys_replicas_beyond_the_bounds() -> None:
    for replicas in (0, 1, 50):
        external = region({"replicas": replicas}, mode="External", minBridges=2, maxBridges=5)
        found = decide(external, 300)
        assert (found.wanted, found.winner) == (replicas, "spec.replicas")


def test_recommend_obeys_replicas_and_says_what_auto_would_do() -> None:
    sized = people_only(mode="Recommend")
    found = decide(replace(sized, replicas=3), 250, 3, count=3)
    assert (found.wanted, found.recommended) == (3, 5)
    assert "5 recommended" in found.message


def test_paused_keeps_the_size_and_says_what_auto_would_do() -> None:
    found = decide(people_only(mode="Paused"), 300)
    assert (found.wanted, found.recommended) == (2, 6)


def test_region_without_its_cluster_is_held_and_told_why() -> None:
    found = decide(people_only(), 0, 4, cluster=replace(CLUSTER, exists=False))
    assert found.wanted == 4
    assert found.held_because == "JitsiCluster meet doesn't exist"


def test_removal_wants_nothing() -> None:
    found = sizing.decide_removal(
        snapshot(history=History(desired=3)), people_only().autoscaling.mode, NOW
    )
    assert (found.current, found.wanted, found.removing) == (3, 0, True)
    assert found.history.desired == 0


# Properties ---------------------------------------------------------------------------------


@given(st.integers(0, 600), st.integers(0, 100), st.integers(2, 20))
def test_more_people_never_mean_fewer_bridges(people: int, more: int, desired: int) -> None:
    sized = people_only(20)
    fewer, many = (decide(sized, each, desired, count=3) for each in (people, people + more))
    assert many.wanted >= fewer.wanted


@given(
    st.lists(st.booleans(), min_size=1, max_size=6),
    st.integers(0, 300),
    st.integers(2, 20),
    st.sampled_from(["participants", "cpu_utilization"]),
)
def test_missing_readings_never_make_a_fleet_smaller_than_all_of_them(
    told: list[bool], people: int, desired: int, kind: str
) -> None:
    """All readings gone: held. Some gone: no less than if those bridges were as busy as wanted."""
    sized = region(
        minBridges=1, maxBridges=50, behavior={"scaleDown": {"stabilizationWindow": "0s"}}
    )
    share = people // len(told)
    full = 50 if kind == "participants" else 100

    def seen(value: Reading | None) -> Decision:
        there = [ready_bridge(f"eu-{n}", share) for n in range(len(told))]
        changed = [
            each if ok else replace(each, **{kind: value})  # pyright: ignore[reportArgumentType]
            for each, ok in zip(there, told, strict=True)
        ]
        return sizing.decide(sized, snapshot(*changed, history=History(desired=desired)), NOW)

    found, assumed = seen(None), seen(Reading(full, NOW))
    assert found.wanted >= min(desired, assumed.wanted)
    if not any(told):
        assert found.wanted >= desired


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400)), max_size=150))
def test_history_stays_bounded_and_in_order(moves: list[tuple[int, int]]) -> None:
    sized = people_only(7, maxBridges=100)
    now, kept, desired = float(NOW), History(), 2
    for seconds, people in moves:
        now += seconds
        found = decide(sized, people, desired, now=now, history=kept)
        kept, desired = found.history, found.wanted
    assert len(kept.recommendations) <= histories.KEPT
    assert len(kept.scale_events) <= histories.KEPT
    times = [each.at for each in kept.recommendations]
    assert times == sorted(times)
    assert kept.desired == desired or not moves


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(1, 3600))
def test_forgetting_never_lowers_the_highest_recommendation_of_a_window(
    wanted: list[int], window: int
) -> None:
    kept = History()
    for n, each in enumerate(wanted):
        kept = histories.with_recommendation(kept, each, window, Timestamp(NOW + 10 * n))
    now = Timestamp(NOW + 10 * len(wanted))
    # What was recommended at each look, and held until the next.
    inside = [w for n, w in enumerate(wanted) if NOW + 10 * (n + 1) > now - window]
    assert max(histories.recommended_within(kept, window, now)) >= max(inside)


@given(st.lists(st.integers(-5, 5).filter(bool), max_size=200))
def test_forgetting_never_allows_more_change_than_was_made(changes: list[int]) -> None:
    pace = people_only().autoscaling.scale_up
    lasting = replace(pace, policies=(replace(pace.policies[0], period=1800.0),))
    kept, size = History(desired=1000), 1000
    for n, change in enumerate(changes):
        size += change
        kept = histories.with_size(kept, size, (lasting,), Timestamp(NOW + n))
    now = Timestamp(NOW + len(changes))
    grown, shrunk = histories.change_within(kept, 1800, now)
    assert grown >= sum(c for c in changes if c > 0)
    assert shrunk >= sum(-c for c in changes if c < 0)
    assert len(kept.scale_events) <= histories.KEPT


def test_too_long_a_memory_forgets_on_the_safe_side() -> None:
    slow = people_only().autoscaling.scale_up
    pace = replace(slow, policies=(replace(slow.policies[0], period=1800.0),))
    kept, size = History(desired=0), 0
    for n in range(200):
        at = Timestamp(NOW + n)
        kept = histories.with_recommendation(kept, 90 if n == 3 else n % 5, 3600, at)
        size += 2 if n % 3 else -1
        kept = histories.with_size(kept, size, (pace,), at)
    now = Timestamp(NOW + 200)
    assert len(kept.recommendations) == len(kept.scale_events) == histories.KEPT
    assert max(histories.recommended_within(kept, 3600, now)) == 90
    assert histories.change_within(kept, 1800, now) == (2 * 133, 67)


def test_recommendations_older_than_every_window_are_forgotten() -> None:
    kept = History()
    for n, size in enumerate((9, 3, 4)):
        kept = histories.with_recommendation(kept, size, 60, Timestamp(NOW + 100 * n))
    # The 3 held until 200, so it still counts there; the 9 ended at 100.
    assert [each.wanted for each in kept.recommendations] == [3, 4]
