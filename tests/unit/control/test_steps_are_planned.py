"""The step that is planned, situation by situation."""

from dataclasses import replace

import pytest
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    decision,
    draining_bridge,
    nodes,
    pending_bridge,
    people_only,
    ready_bridge,
    region,
    snapshot,
)

from octofleet.core import planning, sizing
from octofleet.core.actions import (
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ShutDownBridge,
    UndrainBridge,
)
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, Conference, Reading, Timestamp
from octofleet.core.planning import RefusalReason


def actions(*bridges: Bridge, wanted: int, **fields: object) -> tuple[object, ...]:
    seen = replace(snapshot(*bridges), **fields)  # pyright: ignore[reportArgumentType]
    return planning.plan(people_only(50), seen, decision(wanted), NOW).actions


def refusals(*bridges: Bridge, wanted: int, **fields: object) -> list[RefusalReason]:
    seen = replace(snapshot(*bridges), **fields)  # pyright: ignore[reportArgumentType]
    planned = planning.plan(people_only(50), seen, decision(wanted), NOW)
    return [refusal.reason for refusal in planned.refusals]


def test_settled_fleet_is_left_alone() -> None:
    assert actions(ready_bridge("eu-0", 9), ready_bridge("eu-1", 9), wanted=2) == ()


def test_names_come_free_and_the_lowest_are_used_first() -> None:
    there = (ready_bridge("eu-0"), ready_bridge("eu-2"))
    assert actions(*there, wanted=4) == (CreateBridge("eu-1"), CreateBridge("eu-3"))


def test_name_of_a_pod_that_still_goes_is_not_used() -> None:
    going = ready_bridge("eu-0", deleting_since=NOW)
    assert actions(going, ready_bridge("eu-1"), wanted=2) == (CreateBridge("eu-2"),)


def test_nodes_of_others_and_unusable_nodes_are_not_free() -> None:
    fields = {"nodes": nodes(3), "taken_nodes": frozenset({"node-1"})}
    assert len(actions(wanted=3, **fields)) == 2
    assert refusals(wanted=3, **fields) == [RefusalReason.NO_NODE]
    dead = (replace(nodes(1)[0], ready=False), replace(nodes(2)[1], schedulable=False))
    assert actions(wanted=3, nodes=dead) == ()


def test_pods_that_wait_for_a_node_hold_one_each() -> None:
    waiting = pending_bridge("eu-0")
    assert actions(waiting, wanted=2, nodes=nodes(1)) == ()
    assert refusals(waiting, wanted=2, nodes=nodes(1)) == [RefusalReason.NO_NODE]


def test_bridge_on_its_way_goes_before_one_that_serves() -> None:
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"), pending_bridge("eu-2"))
    assert actions(*there, wanted=2) == (DeleteBridge("eu-2", "uid-eu-2", "it never ran"),)


def test_ended_pods_are_cleared_and_failed_ones_after_a_while() -> None:
    done = ready_bridge("eu-0", pod_phase="Succeeded")
    failed = ready_bridge("eu-1", pod_phase="Failed")
    fresh = ready_bridge("eu-2", pod_phase="Failed", created_at=NOW)
    deleted = [a for a in actions(done, failed, fresh, wanted=0) if isinstance(a, DeleteBridge)]
    assert [action.name for action in deleted] == ["eu-0", "eu-1"]


def test_bridge_that_never_ran_is_made_anew_when_its_settings_have_changed() -> None:
    """Else a wrong image or a request no node can meet would outlive its mending."""
    old = replace(pending_bridge("eu-1"), waiting_reason="Unschedulable", config_hash="old")
    failed = replace(old, name="eu-2", uid="uid-eu-2", waiting_reason="ImagePullBackOff")
    there = (ready_bridge("eu-0", config_hash="old"), old, failed)
    anew = tuple(
        DeleteBridge(name, f"uid-{name}", "it never ran and its settings have changed")
        for name in ("eu-1", "eu-2")
    )
    assert actions(*there, wanted=2, config_hash="new") == anew
    assert actions(*there, wanted=1, config_hash="new") == anew
    assert actions(*there, wanted=2, config_hash="old") == ()
    assert actions(*there, wanted=2) == ()


def test_bridge_whose_container_is_not_created_is_replaced_and_then_deleted() -> None:
    long_ago = Timestamp(NOW - 400)
    stuck = pending_bridge("eu-1", node="node-9", placed_at=long_ago, created_at=long_ago)
    one, two = ready_bridge("eu-0", 9), ready_bridge("eu-2", 9)
    assert actions(one, stuck, wanted=2) == (CreateBridge("eu-2"),)
    deleted = (DeleteBridge("eu-1", "uid-eu-1", "it never ran"),)
    assert actions(one, stuck, two, wanted=2) == deleted


def test_bridge_that_may_have_run_keeps_its_settings() -> None:
    there = (ready_bridge("eu-0", config_hash="old"), shy_bridge("eu-1", config_hash="old"))
    young = replace(there[1], created_at=Timestamp(NOW - 100), ready_since=Timestamp(NOW - 90))
    unsure = replace(young, waiting_reason="CrashLoopBackOff", in_brewery=None)
    for each in (young, unsure):
        assert actions(there[0], each, wanted=2, nodes=(), config_hash="new") == ()


def test_drain_is_asked_for_until_the_bridge_says_so() -> None:
    silent = draining_bridge("eu-2", 5, draining=False)
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"), silent)
    assert actions(*there, wanted=2) == (DrainBridge("eu-2", "ScaleIn"),)


def test_empty_bridge_is_shut_down_only_by_a_count_from_after_the_drain() -> None:
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    empty = draining_bridge("eu-2", since=NOW - 10)
    assert actions(*there, empty, wanted=2) == (ShutDownBridge("eu-2"),)
    before = Reading(0, Timestamp(NOW - 11))
    assert actions(*there, replace(empty, participants=before), wanted=2) == ()
    assert actions(*there, replace(empty, participants=None), wanted=2) == ()


def test_drain_that_others_asked_for_is_never_ended() -> None:
    other = draining_bridge("eu-2", drain_reason=None, draining_since=None)
    assert actions(ready_bridge("eu-0"), ready_bridge("eu-1"), other, wanted=2) == ()


def test_drain_just_taken_back_is_not_made_up_for() -> None:
    """Its presence says it drains until the next one comes."""
    returned = draining_bridge("eu-2", 5, drain_reason=None, draining_since=None)
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"), returned)
    assert actions(*there, wanted=3) == ()
    assert actions(*there, wanted=4) == (CreateBridge("eu-3"),)


def test_drain_of_a_bridge_that_is_not_heard_is_not_taken_back() -> None:
    """It couldn't be told so, and a bridge would be missing all the while."""
    there = (ready_bridge("eu-0"), draining_bridge("eu-1", 5))
    assert actions(*there, wanted=2) == (UndrainBridge("eu-1"),)
    old = Reading(5, Timestamp(NOW - 60))
    silent = replace(there[1], participants=old, stress=old)
    assert actions(there[0], silent, wanted=2) == (CreateBridge("eu-2"),)
    filtered = replace(there[1], participants=None)
    assert actions(there[0], filtered, wanted=2) == (UndrainBridge("eu-1"),)


def test_shutdown_without_effect_is_asked_for_again() -> None:
    asked = draining_bridge("eu-2", shutdown_sent_at=Timestamp(NOW - 121))
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    assert actions(*there, asked, wanted=2) == (ShutDownBridge("eu-2"),)
    busy = replace(asked, participants=Reading(1, NOW))
    assert actions(*there, busy, wanted=2) == ()


def test_bridge_that_restarted_instead_of_ending_is_drained_again() -> None:
    """It forgot that it was to go, and Jicofo puts people on it."""
    again = draining_bridge("eu-2", 3, draining=False, shutdown_sent_at=Timestamp(NOW - 121))
    there = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    drained = (DrainBridge("eu-2", "ScaleIn"),)
    assert actions(*there, again, wanted=2) == drained
    assert actions(*there, replace(again, participants=Reading(0, NOW)), wanted=2) == drained
    assert actions(*there, replace(again, pod_phase="Pending"), wanted=2) == ()


def test_nothing_is_drained_while_jicofo_cannot_be_asked() -> None:
    there = tuple(ready_bridge(f"eu-{n}") for n in range(3))
    dark = replace(CLUSTER, jicofo_reachable=False)
    assert actions(*there, wanted=2, cluster=dark) == ()
    assert refusals(*there, wanted=2, cluster=dark) == [RefusalReason.JICOFO_UNREACHABLE]


def test_scale_in_is_refused_when_the_others_have_no_room() -> None:
    there = tuple(ready_bridge(f"eu-{n}", 40) for n in range(3))
    assert actions(*there, wanted=2) == ()
    assert refusals(*there, wanted=2) == [RefusalReason.NO_ROOM]


def out_of_sight(name: str, **fields: object) -> Bridge:
    """Return a bridge that Jicofo took for operational a moment ago, and doesn't now."""
    ago = Timestamp(NOW - 10)
    return replace(ready_bridge(name), registered=False, registered_at=ago, **fields)  # pyright: ignore[reportArgumentType] - any field


def test_bridge_that_serves_is_never_drained_for_one_that_jicofo_lost_sight_of() -> None:
    """The others count towards the size, but Jicofo puts nobody on them."""
    serving = ready_bridge("eu-0")
    there = (serving, out_of_sight("eu-1"), out_of_sight("eu-2"))
    assert actions(*there, wanted=2) == (DrainBridge("eu-1", "ScaleIn"),)
    untold = (serving, *(out_of_sight(f"eu-{n}", participants=None) for n in (1, 2)))
    assert actions(*untold, wanted=2) == ()
    assert refusals(*untold, wanted=2) == [RefusalReason.UNKNOWN_PEOPLE]
    more = (serving, ready_bridge("eu-1"), ready_bridge("eu-2", 3), out_of_sight("eu-3"))
    assert len(actions(*more, wanted=2)) == 2


def test_scale_in_is_refused_when_people_are_unknown() -> None:
    there = tuple(ready_bridge(f"eu-{n}", 4, participants=None) for n in range(3))
    assert refusals(*there, wanted=2) == [RefusalReason.UNKNOWN_PEOPLE]


@pytest.mark.parametrize("mode", ["Paused", "Auto"])
def test_paused_or_orphaned_region_is_not_touched(mode: str) -> None:
    gone = CLUSTER if mode == "Paused" else replace(CLUSTER, exists=False)
    seen = snapshot(ready_bridge("eu-0", pod_phase="Succeeded"), cluster=gone)
    planned = planning.plan(region(mode=mode), seen, decision(5), NOW)
    assert planned.actions == ()
    assert len(planned.refusals) == 1


def test_region_being_deleted_drains_all_even_without_its_cluster() -> None:
    there = (ready_bridge("eu-0", 9), ready_bridge("eu-1"), pending_bridge("eu-2"))
    seen = snapshot(*there, cluster=replace(CLUSTER, exists=False, jicofo_reachable=False))
    size = sizing.decide_removal(seen, region().autoscaling.mode, NOW)
    assert set(planning.plan(region(mode="Paused"), seen, size, NOW).actions) == {
        DrainBridge("eu-0", "ScaleIn"),
        DrainBridge("eu-1", "ScaleIn"),
        DeleteBridge("eu-2", "uid-eu-2", "it never ran"),
    }


def evacuating(people: tuple[int, ...], **fields: object) -> Bridge:
    meetings = tuple(Conference(f"room-{n}", each) for n, each in enumerate(people))
    bridge = draining_bridge("eu-2", sum(people), NOW - 3601, conferences=meetings)
    return replace(bridge, **fields)  # pyright: ignore[reportArgumentType] - any field


def test_smallest_conference_is_moved_first_and_alone() -> None:
    there = (ready_bridge("eu-0", 10), ready_bridge("eu-1", 10))
    moved = actions(*there, evacuating((7, 3, 5)), wanted=2)
    assert moved == (MoveConference("eu-2", "room-1", 3),)


def with_relays(*bridges: Bridge) -> tuple[Bridge, ...]:
    return tuple(replace(bridge, has_relays=True) for bridge in bridges)


def test_with_relays_people_are_moved_in_steps() -> None:
    there = (ready_bridge("eu-0", 10), ready_bridge("eu-1", 10))
    moved = actions(*with_relays(*there, evacuating((40,))), wanted=2)
    assert moved == (MoveConference("eu-2", "room-0", 10, whole=False),)
    rest = actions(*with_relays(*there, evacuating((7,))), wanted=2)
    assert rest == (MoveConference("eu-2", "room-0", 7),)


def test_with_relays_a_smaller_step_is_taken_where_a_larger_one_finds_no_room() -> None:
    there = with_relays(ready_bridge("eu-0", 51), ready_bridge("eu-1", 54), evacuating((40,)))
    assert actions(*there, wanted=2) == (MoveConference("eu-2", "room-0", 3, whole=False),)


@pytest.mark.parametrize("without", [0, 1, 2])
def test_one_bridge_without_relays_and_conferences_move_whole(without: int) -> None:
    there = [ready_bridge("eu-0", 10), ready_bridge("eu-1", 10), evacuating((30,))]
    linked = [replace(b, has_relays=n != without) for n, b in enumerate(there)]
    assert actions(*linked, wanted=2) == (MoveConference("eu-2", "room-0", 30),)


def test_next_move_waits_until_the_last_is_seen() -> None:
    there = (ready_bridge("eu-0", 10), ready_bridge("eu-1", 10))
    just = evacuating((7, 3), moved_at=Timestamp(NOW - 3))
    assert actions(*there, just, wanted=2) == ()


def test_nobody_is_moved_onto_bridges_without_room_until_the_deadline() -> None:
    full = (ready_bridge("eu-0", 53), ready_bridge("eu-1", 53))
    staying = evacuating((7, 4))
    assert refusals(*full, staying, wanted=2) == [RefusalReason.NO_ROOM]
    late = replace(staying, draining_since=Timestamp(NOW - 4 * 3600 - 1))
    assert actions(*full, late, wanted=2) == (MoveConference("eu-2", "room-1", 4),)
    overloaded = [replace(b, stress=Reading(0.79, NOW)) for b in full]
    assert refusals(*overloaded, late, wanted=2) == [RefusalReason.NO_ROOM]


def test_nobody_is_moved_onto_a_bridge_that_is_drained_in_the_same_step() -> None:
    assert actions(ready_bridge("eu-0"), evacuating((2,)), wanted=0) == (
        DrainBridge("eu-0", "ScaleIn"),
    )


def test_nobody_is_ever_moved_when_the_region_says_wait() -> None:
    waiting = people_only(50, drain={"patience": "0s", "deadline": "0s", "atDeadline": "Wait"})
    seen = snapshot(ready_bridge("eu-0"), ready_bridge("eu-1"), evacuating((2,)))
    assert planning.plan(waiting, seen, decision(2), NOW).actions == ()


def test_bridge_that_never_registered_is_renewed_once_the_controller_is_well() -> None:
    shy = ready_bridge("eu-1", registered=False, registered_at=None, in_brewery=False)
    there = (ready_bridge("eu-0"), shy)
    assert actions(*there, wanted=2, nodes=()) == (DrainBridge("eu-1", "ScaleIn"),)
    for worse in (
        replace(CLUSTER, controller_ready=False),
        replace(CLUSTER, jicofo_reachable=False),
    ):
        assert actions(*there, wanted=2, nodes=(), cluster=worse) == ()
    busy = replace(shy, participants=Reading(1, NOW))
    assert actions(there[0], busy, wanted=2, nodes=()) == ()


def shy_bridge(name: str, **fields: object) -> Bridge:
    """Return a bridge that runs and never registered."""
    never = replace(ready_bridge(name), registered=False, registered_at=None, in_brewery=False)
    return replace(never, **fields)  # pyright: ignore[reportArgumentType] - any field


def test_nodes_that_just_suffice_are_no_refusal() -> None:
    assert refusals(wanted=2, nodes=nodes(2)) == []
    assert len(actions(wanted=2, nodes=nodes(2))) == 2


def test_bridges_start_a_bounded_number_at_a_time() -> None:
    coming = tuple(pending_bridge(f"eu-{n}", node=f"n-{n}") for n in range(4))
    assert len(actions(*coming, wanted=30, nodes=nodes(50))) == Limits().max_starting - 4


def test_one_bridge_that_never_registered_is_replaced_at_a_time() -> None:
    serving = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    fresh: dict[str, object] = {"created_at": Timestamp(NOW - 100), "ready_since": NOW - 90}
    shy = tuple(shy_bridge(f"eu-{n}", **fresh) for n in (2, 3))
    assert actions(*serving, shy[0], wanted=3) == (CreateBridge("eu-3"),)
    assert actions(*serving, *shy, wanted=3) == ()
    dark = replace(CLUSTER, jicofo_reachable=False)
    assert actions(*serving, shy[0], wanted=3, cluster=dark) == ()


def test_replacement_never_goes_beyond_the_most_bridges() -> None:
    fresh: dict[str, object] = {"created_at": Timestamp(NOW - 100), "ready_since": NOW - 90}
    there = snapshot(ready_bridge("eu-0"), shy_bridge("eu-1", **fresh))
    bounded = people_only(50, maxBridges=2)
    assert planning.plan(bounded, there, decision(2), NOW).actions == ()
    free = region({"replicas": 2}, mode="External", maxBridges=2)
    assert planning.plan(free, there, decision(2), NOW).actions == (CreateBridge("eu-2"),)


def test_lost_bridges_are_all_replaced() -> None:
    lost = tuple(ready_bridge(f"eu-{n}", pod_phase="Unknown") for n in range(3))
    assert len(actions(*lost, wanted=3)) == 3


def test_broken_bridges_leave_once_enough_others_serve() -> None:
    there = (ready_bridge("eu-0"), shy_bridge("eu-1"), shy_bridge("eu-2", participants=None))
    assert actions(*there, wanted=1) == (DrainBridge("eu-1", "ScaleIn"),)
    crashed = shy_bridge("eu-1", waiting_reason="CrashLoopBackOff")
    assert actions(there[0], crashed, wanted=1) == (
        DeleteBridge("eu-1", "uid-eu-1", "it never ran"),
    )


def test_broken_bridges_beyond_the_wanted_size_leave_though_none_serves() -> None:
    there = tuple(shy_bridge(f"eu-{n}") for n in range(3))
    assert actions(*there, wanted=2) == (DrainBridge("eu-2", "ScaleIn"),)
    # One serves and one starts, as wanted: of two that don't register one may stay for now.
    starting = shy_bridge("eu-1", ready_since=NOW)
    mixed = (ready_bridge("eu-0"), starting, shy_bridge("eu-2"), shy_bridge("eu-3"))
    assert actions(*mixed, wanted=2) == (DrainBridge("eu-3", "ScaleIn"),)


def test_renewal_waits_for_its_age_and_for_what_is_under_way() -> None:
    young = shy_bridge("eu-1", created_at=Timestamp(NOW - 299))
    assert actions(ready_bridge("eu-0"), young, wanted=2, nodes=()) == ()
    old, older = shy_bridge("eu-1"), shy_bridge("eu-2", created_at=Timestamp(NOW - 2000))
    drained = (DrainBridge("eu-2", "ScaleIn"),)
    assert actions(ready_bridge("eu-0"), old, older, wanted=3, nodes=()) == drained
    going = ready_bridge("eu-3", shutting_down=True)
    assert actions(ready_bridge("eu-0"), old, going, wanted=2, nodes=()) == ()


def test_bridge_is_renewed_in_place_where_no_other_may_be_started() -> None:
    there = snapshot(ready_bridge("eu-0"), shy_bridge("eu-1"))
    bounded = people_only(50, maxBridges=2)
    planned = planning.plan(bounded, there, decision(2), NOW)
    assert planned.actions == (DrainBridge("eu-1", "ScaleIn"),)
    assert planned.refusals == ()


def test_refusal_says_how_many_bridges_lack_a_node() -> None:
    planned = planning.plan(people_only(50), replace(snapshot(), nodes=nodes(2)), decision(5), NOW)
    assert planned.refusals[0].message.startswith("3 more wanted")
    assert len(planned.actions) == 2


def test_quiet_region_is_looked_at_less_often() -> None:
    calm = planning.plan(people_only(50), snapshot(ready_bridge()), decision(1), NOW)
    busy = planning.plan(people_only(50), snapshot(pending_bridge("eu-0")), decision(1), NOW)
    assert (calm.requeue, busy.requeue) == (planning.QUIET, planning.BUSY)
