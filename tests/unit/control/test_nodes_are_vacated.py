"""A node that is about to go takes nobody with it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import (
    NOW,
    World,
    decision,
    pending_bridge,
    people_only,
    ready_bridge,
    snapshot,
)

from octofleet.core import planning
from octofleet.core.actions import (
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    UndrainBridge,
)
from octofleet.core.limits import NODE_LEAVING, REQUESTED, REQUESTED_NOW
from octofleet.core.observation import Bridge, Node, Snapshot, Timestamp
from octofleet.core.vacating import CORDONED, PATIENTLY, TERMINATING, departure
from octofleet.core.vacating import NOW as NOW_PLEASE

REGION = people_only()


def _with_nodes(seen: Snapshot, *leaving: str) -> Snapshot:
    """Return the snapshot with a node below each bridge; some are about to go."""
    own = tuple(
        Node(each.node, True, each.node not in leaving, True, leaving=_why(each.node in leaving))
        for each in seen.bridges
        if each.node is not None
    )
    return replace(seen, nodes=own + seen.nodes)


def _why(leaving: bool) -> str | None:
    return CORDONED if leaving else None


def _drained(name: str, people: int, since: float = NOW) -> Bridge:
    return replace(
        ready_bridge(name, people),
        draining=True,
        drain_reason=NODE_LEAVING,
        draining_since=Timestamp(since),
    )


def test_the_bridge_of_a_cordoned_node_is_replaced_and_drained_in_one_step() -> None:
    seen = _with_nodes(snapshot(ready_bridge("eu-0", 9), ready_bridge("eu-1", 9)), "node-eu-0")
    actions = planning.plan(REGION, seen, decision(2), NOW).actions
    assert actions == (DrainBridge("eu-0", NODE_LEAVING), CreateBridge("eu-2"))


def test_surplus_is_not_taken_from_the_others_meanwhile() -> None:
    seen = _with_nodes(snapshot(ready_bridge("eu-0", 1), ready_bridge("eu-1", 0)), "node-eu-0")
    actions = planning.plan(REGION, seen, decision(1), NOW).actions
    assert actions == (DrainBridge("eu-0", NODE_LEAVING),)


def test_its_people_are_moved_without_patience_where_others_have_room() -> None:
    seen = _with_nodes(snapshot(_drained("eu-0", 9), ready_bridge("eu-1", 9)), "node-eu-0")
    actions = planning.plan(REGION, seen, decision(1), NOW).actions
    assert actions == (MoveConference("eu-0", "eu-0-meeting", 9),)


def test_nobody_is_moved_where_nobody_has_room() -> None:
    full = replace(ready_bridge("eu-1", 79))
    seen = _with_nodes(snapshot(_drained("eu-0", 30), full, free_nodes=0), "node-eu-0")
    plan = planning.plan(REGION, seen, decision(1), NOW)
    assert not any(isinstance(action, MoveConference) for action in plan.actions)
    assert plan.refusals


def test_nobody_is_moved_at_all_where_the_region_says_wait() -> None:
    waits = people_only(drain={"atDeadline": "Wait"})
    seen = _with_nodes(snapshot(_drained("eu-0", 9), ready_bridge("eu-1", 9)), "node-eu-0")
    assert planning.plan(waits, seen, decision(1), NOW).actions == ()


def test_a_node_that_stays_after_all_gives_its_bridge_back() -> None:
    seen = _with_nodes(snapshot(_drained("eu-0", 9), ready_bridge("eu-1", 9)))
    actions = planning.plan(REGION, seen, decision(2), NOW).actions
    assert actions == (UndrainBridge("eu-0"),)


def test_a_bridge_whose_node_is_gone_from_sight_is_not_given_back() -> None:
    seen = snapshot(_drained("eu-0", 9), ready_bridge("eu-1", 9))
    actions = planning.plan(REGION, seen, decision(2), NOW).actions
    assert UndrainBridge("eu-0") not in actions


def test_what_cannot_run_there_is_deleted() -> None:
    waiting = pending_bridge("eu-0", node="node-eu-0", waiting_reason="ImagePullBackOff")
    seen = _with_nodes(snapshot(waiting, ready_bridge("eu-1")), "node-eu-0")
    actions = planning.plan(REGION, seen, decision(2), NOW).actions
    assert isinstance(actions[0], DeleteBridge)


def test_what_starts_there_this_moment_is_left_to_start() -> None:
    starting = pending_bridge("eu-0", node="node-eu-0")
    seen = _with_nodes(snapshot(starting, ready_bridge("eu-1")), "node-eu-0")
    assert planning.plan(REGION, seen, decision(2), NOW).actions == ()


def test_nothing_is_drained_while_jicofo_cannot_be_asked() -> None:
    seen = _with_nodes(snapshot(ready_bridge("eu-0", 9), ready_bridge("eu-1", 9)), "node-eu-0")
    blind = replace(seen, cluster=replace(seen.cluster, jicofo_reachable=False))
    actions = planning.plan(REGION, blind, decision(2), NOW).actions
    assert not any(isinstance(action, DrainBridge) for action in actions)


@pytest.mark.parametrize(("wish", "reason"), [(PATIENTLY, REQUESTED), (NOW_PLEASE, REQUESTED_NOW)])
def test_a_bridge_that_somebody_wants_gone_is_replaced_and_drained(wish: str, reason: str) -> None:
    wanted = replace(ready_bridge("eu-0", 9), drain_request=wish)
    actions = planning.plan(
        REGION, snapshot(wanted, ready_bridge("eu-1", 9)), decision(2), NOW
    ).actions
    assert actions == (DrainBridge("eu-0", reason), CreateBridge("eu-2"))


@pytest.mark.parametrize(("reason", "moved"), [(REQUESTED, False), (REQUESTED_NOW, True)])
def test_only_a_hasty_wish_moves_people_at_once(reason: str, *, moved: bool) -> None:
    wish = NOW_PLEASE if moved else PATIENTLY
    going = replace(_drained("eu-0", 9), drain_reason=reason, drain_request=wish)
    actions = planning.plan(
        REGION, snapshot(going, ready_bridge("eu-1", 9)), decision(1), NOW
    ).actions
    assert any(isinstance(action, MoveConference) for action in actions) is moved


def test_a_wish_taken_back_gives_the_bridge_back() -> None:
    going = replace(_drained("eu-0", 9), drain_reason=REQUESTED)
    actions = planning.plan(
        REGION, snapshot(going, ready_bridge("eu-1", 9)), decision(2), NOW
    ).actions
    assert actions == (UndrainBridge("eu-0"),)


@pytest.mark.parametrize(
    ("key", "effect", "expected"),
    [
        ("aws-node-termination-handler/spot-itn", "NoSchedule", TERMINATING),
        ("cloud.google.com/impending-node-termination", "NoSchedule", TERMINATING),
        ("ToBeDeletedByClusterAutoscaler", "NoSchedule", TERMINATING),
        ("karpenter.sh/disrupted", "NoSchedule", TERMINATING),
        ("karpenter.sh/disrupted", "PreferNoSchedule", None),
        ("example.org/dedicated", "NoSchedule", None),
        ("aws-node-termination-handler", "NoSchedule", None),
    ],
)
def test_a_taint_that_announces_an_end_is_known(key: str, effect: str, expected: str) -> None:
    assert departure(unschedulable=False, taints=[{"key": key, "effect": effect}]) == expected
    assert departure(unschedulable=True, taints=[]) == CORDONED


@given(
    people=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    leaving=st.lists(st.integers(0, 5), max_size=2, unique=True),
    back=st.booleans(),
)
def test_nobody_is_dropped_whichever_nodes_leave_and_return(
    people: list[int], leaving: list[int], *, back: bool
) -> None:
    world = World(REGION, [f"node-{n}" for n in range(6)])
    world.run(8)
    for number, size in enumerate(people):
        world.call(f"call-{number}", size)
    world.leaving_nodes = {f"node-{n}" for n in leaving}
    world.run(6)
    if back:
        world.leaving_nodes = set()
    world.run(60)
    if not back:
        on_leaving = [b for b in world.bridges.values() if b.node in world.leaving_nodes]
        assert not any(world.people_on(b) for b in on_leaving)
        assert not [b for b in on_leaving if not b.ended]
    assert world.ready() == 2
    assert sum(size for size, uid in world.meetings.values() if uid) == sum(people)


def test_a_pod_that_hangs_on_a_leaving_node_is_deleted_and_one_that_starts_is_waited_for() -> None:
    coming = pending_bridge("eu-1", node="node-eu-1", placed_at=Timestamp(NOW - 60))
    stuck = replace(coming, placed_at=Timestamp(NOW - 400))
    for each, deleted in ((coming, []), (stuck, ["eu-1"])):
        seen = _with_nodes(snapshot(ready_bridge("eu-0", 9), each), "node-eu-1")
        actions = planning.plan(REGION, seen, decision(2), NOW).actions
        assert [a.name for a in actions if isinstance(a, DeleteBridge)] == deleted
