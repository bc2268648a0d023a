"""A new release comes beside the old, is proven, and takes its place; nobody is dropped."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control.worlds import World, people_only

from octofleet.api.effective import Upgrades
from octofleet.core.actions import CreateBridge, DrainBridge, ProveBridge
from octofleet.core.limits import UPGRADE
from octofleet.core.planning import RefusalReason
from octofleet.core.stages import Phase

PATIENCE = {"patience": "20s", "deadline": "1h", "atDeadline": "Move"}


def world(number_of_nodes: int = 6, size: int = 2, **autoscaling: object) -> World:
    """Return a settled fleet of release "old"."""
    region = people_only(50, drain=PATIENCE, minBridges=size, **autoscaling)
    there = World(region, [f"node-{n}" for n in range(number_of_nodes)])
    there.release = "old"
    there.run(8)
    assert there.ready() == size
    there.log.clear()
    return there


def releases(there: World) -> list[str]:
    return sorted(str(each.release) for each in there.bridges.values())


def test_a_fleet_without_an_upgrade_is_left_alone() -> None:
    there = world()
    _, planned = there.run(20)
    assert there.log == []
    assert planned.stage.phase is Phase.CURRENT


def test_one_bridge_is_proven_before_anything_leaves() -> None:
    there = world()
    there.release = "new"
    there.step()
    assert there.log == [CreateBridge("eu-2", "new", prove=True)]
    while not any(isinstance(action, ProveBridge) for action in there.log):
        there.step()
        assert not any(isinstance(action, DrainBridge) for action in there.log)
    there.run(60)
    assert releases(there) == ["new", "new"]
    assert there.ready() == 2
    drained = [action for action in there.log if isinstance(action, DrainBridge)]
    assert {action.reason for action in drained} == {UPGRADE}


def test_bridges_that_never_ran_are_made_anew_with_no_proof_and_none_besides() -> None:
    there = World(people_only(50, drain=PATIENCE), [f"node-{n}" for n in range(6)])
    there.release, there.start_seconds = "old", 1e6
    there.run(3)
    assert releases(there) == ["old", "old"]
    there.release, there.start_seconds = "new", 4
    there.log.clear()
    for _ in range(10):
        there.step()
        assert len(there.bridges) <= 2
    assert releases(there) == ["new", "new"]
    assert there.ready() == 2
    made = [action for action in there.log if isinstance(action, CreateBridge)]
    assert [action.prove for action in made] == [False, False]


def test_people_keep_their_calls_and_the_fleet_its_size() -> None:
    there = world(size=3)
    for n in range(9):
        there.call(f"room-{n}", 4)
    there.release = "new"
    for _ in range(80):
        there.step()
        assert there.ready() >= 3
    assert releases(there) == ["new"] * 3
    assert there.moved == 36
    assert there.run(5)[1].stage.phase is Phase.CURRENT


def test_where_nodes_are_free_nobody_is_moved_twice() -> None:
    there = world(number_of_nodes=6, size=3)
    for n in range(9):
        there.call(f"room-{n}", 4)
    there.release = "new"
    while not any(isinstance(action, DrainBridge) for action in there.log):
        there.step()
    serving = [each for each in there.bridges.values() if not each.draining]
    assert [each.release for each in serving] == ["new"] * 3
    there.run(80)
    assert there.moved == 36


@pytest.mark.parametrize("fault", ["failed", "shy", "mute"])
def test_a_release_that_is_not_fit_is_rolled_back_and_not_tried_again(fault: str) -> None:
    there = world()
    there.call("room", 5)
    there.faults["new"] = fault
    there.release = "new"
    _, planned = there.run(120)
    assert releases(there) == ["old", "old"]
    assert planned.stage.phase is Phase.ROLLED_BACK
    assert planned.stage.failed is not None
    assert there.moved == 0
    assert sum(isinstance(action, CreateBridge) for action in there.log) == 1


def test_after_a_rollback_the_fleet_grows_by_what_is_known_to_work() -> None:
    there = world()
    there.faults["new"] = "failed"
    there.release = "new"
    there.run(60)
    there.region = people_only(50, drain=PATIENCE, minBridges=4)
    there.run(10)
    assert releases(there) == ["old"] * 4


def test_something_else_asked_for_is_tried() -> None:
    there = world()
    there.faults["new"] = "failed"
    there.release = "new"
    there.run(60)
    there.release = "newer"
    there.run(60)
    assert releases(there) == ["newer", "newer"]


def test_while_the_first_is_proven_the_fleet_grows_by_the_old_release() -> None:
    there = world()
    there.release = "new"
    there.step()
    there.region = people_only(50, drain=PATIENCE, minBridges=3)
    there.step()
    assert there.log[-1] == CreateBridge("eu-3", "old")


def test_without_a_free_node_one_leaves_first() -> None:
    there = world(number_of_nodes=3, size=3)
    for n in range(3):
        there.call(f"room-{n}", 4)
    there.release = "new"
    _, planned = there.step()
    assert [type(action) for action in there.log] == [DrainBridge]
    for _ in range(200):
        _, planned = there.step()
        assert there.ready() >= 2
        assert not [each for each in planned.refusals if each.reason is RefusalReason.NO_NODE]
    assert releases(there) == ["new"] * 3


def test_without_a_free_node_and_room_on_the_others_it_waits_and_says_so() -> None:
    there = world(number_of_nodes=2, size=2, maxBridges=2)
    there.call("one", 45)
    there.call("two", 45)
    there.release = "new"
    _, planned = there.run(20)
    assert there.log == []
    assert [each.reason for each in planned.refusals] == [RefusalReason.UPGRADE_BLOCKED]
    there.node_names.append("node-2")
    there.call("two", 3)
    there.run(80)
    assert releases(there) == ["new", "new"]


def test_a_bridge_alone_on_its_node_is_not_taken_away() -> None:
    there = world(number_of_nodes=1, size=1)
    there.release = "new"
    _, planned = there.run(20)
    assert there.log == []
    assert [each.reason for each in planned.refusals] == [RefusalReason.UPGRADE_BLOCKED]


def test_a_failed_upgrade_in_place_ends_with_the_old_size() -> None:
    there = world(number_of_nodes=3, size=3)
    there.faults["new"] = "mute"
    there.release = "new"
    there.run(150)
    assert releases(there) == ["old"] * 3
    assert there.ready() == 3


def test_pause_starts_nothing_and_resume_goes_on() -> None:
    there = world()
    there.release = "new"
    there.region = replace(there.region, upgrades=Upgrades(paused=True))
    _, planned = there.run(20)
    assert there.log == []
    assert planned.stage.phase is Phase.PAUSED
    there.region = replace(there.region, upgrades=Upgrades())
    there.run(60)
    assert releases(there) == ["new", "new"]


def test_taken_back_half_way_the_old_ones_serve_again() -> None:
    there = world(size=3)
    for n in range(3):
        there.call(f"room-{n}", 4)
    there.release = "new"
    while not any(each.drain_reason == UPGRADE for each in there.bridges.values()):
        there.step()
    there.release = "old"
    there.run(80)
    assert releases(there) == ["old"] * 3
    assert there.ready() == 3


def test_a_release_that_breaks_after_its_proof_is_replaced_by_the_old() -> None:
    there = world(size=3)
    there.call("room", 4)
    there.release = "new"
    while not any(each.release == "new" and not each.draining and there.now - each.created > 20
                  for each in there.bridges.values()):  # fmt: skip
        there.step(1)
    for each in there.bridges.values():
        each.shy = each.release == "new" or each.shy
    there.faults["new"] = "shy"
    there.meetings = {
        name: (people, uid)
        for name, (people, uid) in there.meetings.items()
        if not any(b.uid == uid and b.release == "new" for b in there.bridges.values())
    }
    _, planned = there.run(200)
    assert planned.stage.phase is Phase.ROLLED_BACK
    assert set(releases(there)) == {"old"}
    assert there.ready() == 3


def test_nothing_is_blamed_on_a_release_while_jicofo_is_away() -> None:
    there = world()
    there.release = "new"
    there.step()
    there.jicofo_up = False
    there.run(150)
    there.jicofo_up = True
    _, planned = there.run(60)
    assert planned.stage.failed is None
    assert releases(there) == ["new", "new"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("release"), st.sampled_from(["old", "new", "bad"])),
        st.tuples(st.just("call"), st.integers(0, 5)),
        st.tuples(st.just("size"), st.integers(1, 4)),
        st.tuples(st.just("node"), st.integers(0, 5)),
        st.tuples(st.just("jicofo"), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, 12)),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(
    script=steps,
    fault=st.sampled_from(["failed", "shy", "mute"]),
    number_of_nodes=st.integers(2, 6),
    presence=st.sampled_from([0.0, 5.0]),
)
def test_whatever_is_asked_for_nobody_is_dropped_and_it_ends_well(
    script: list[tuple[str, object]], fault: str, number_of_nodes: int, presence: float
) -> None:
    there = world(number_of_nodes, size=2)
    there.faults["bad"] = fault
    there.presence_seconds = presence
    for what, value in script:
        match what, value:
            case "release", str():
                there.release = value
            case "call", int():
                there.call(f"room-{value}", 0 if f"room-{value}" in there.meetings else 7)
            case "size", int():
                there.region = people_only(50, drain=PATIENCE, minBridges=value)
            case "node", int():
                there.broken_nodes ^= {f"node-{value}"}
            case "jicofo", _:
                there.jicofo_up = not there.jicofo_up
            case _, int():
                there.run(value)
            case _:
                raise AssertionError(what)
    there.jicofo_up = True
    there.broken_nodes.clear()
    there.meetings.clear()
    there.release = "new"
    there.region = people_only(50, drain=PATIENCE, minBridges=2)
    there.run(250)
    assert releases(there) == ["new", "new"]
    assert there.ready() == 2
    log = len(there.log)
    there.run(20)
    assert len(there.log) == log, "the upgraded fleet is left alone"
