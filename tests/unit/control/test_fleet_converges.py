"""In a simulated world the fleet reaches the wanted size, stays there, and drops nobody."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control.worlds import World, people_only, region

from octofleet.core.actions import CreateBridge, DrainBridge, MoveConference, UndrainBridge

PATIENT = {"patience": "1h", "deadline": "4h", "atDeadline": "Move"}
IMPATIENT = {"patience": "0s", "deadline": "4h", "atDeadline": "Move"}


def world(number_of_nodes: int = 10, target: int = 10, **autoscaling: object) -> World:
    sized = people_only(target, drain=IMPATIENT, **autoscaling)
    return World(sized, [f"node-{n}" for n in range(number_of_nodes)])


def test_new_region_gets_its_fewest_bridges_at_once() -> None:
    there = world()
    there.step()
    assert there.log == [CreateBridge("eu-0"), CreateBridge("eu-1")]
    there.run(5)
    assert there.ready() == 2


def test_people_bring_bridges_and_their_leaving_takes_them_away() -> None:
    there = world()
    there.run(5)
    for n in range(8):
        there.call(f"room-{n}", 5)
    there.run(10)
    assert there.ready() == 4
    for n in range(6):
        there.call(f"room-{n}", 0)
    there.run(20)
    assert there.ready() == len(there.bridges) == 2


def test_people_are_moved_off_a_bridge_whose_patience_is_over() -> None:
    there = world(target=20, minBridges=3)
    there.run(5)
    for n in range(12):
        there.call(f"room-{n}", 3)
    there.run(5)
    there.region = world(target=20).region
    there.run(40)
    assert there.ready() == len(there.bridges) == 2
    moves = [action for action in there.log if isinstance(action, MoveConference)]
    assert len(moves) == 4
    assert there.moved == 12


def test_returning_load_takes_the_drain_back_instead_of_starting_a_bridge() -> None:
    there = World(people_only(10, drain=PATIENT), [f"node-{n}" for n in range(10)])
    there.run(5)
    there.call("one", 12)
    there.call("two", 12)
    there.run(8)
    there.call("three", 4)
    there.call("two", 5)
    there.call("one", 5)
    there.run(2)
    assert there.ready() == 2
    assert isinstance(there.log[-1], DrainBridge)
    there.call("one", 20)
    there.run(1)
    assert isinstance(there.log[-1], UndrainBridge)
    there.run(5)
    assert there.ready() == 3


def test_drain_taken_back_starts_nothing_while_presence_still_says_drain() -> None:
    there = World(people_only(10, drain=PATIENT), [f"node-{n}" for n in range(10)])
    there.presence_seconds = 12
    there.run(12, seconds=2)
    there.call("one", 12)
    there.call("two", 12)
    there.run(20, seconds=2)
    there.call("three", 4)
    there.call("two", 5)
    there.call("one", 5)
    there.run(20, seconds=2)
    assert there.ready() == 2
    before = len(there.log)
    there.call("one", 20)
    there.run(20, seconds=2)
    assert there.ready() == 3
    assert not any(isinstance(action, CreateBridge) for action in there.log[before:])


def test_bridge_that_never_registers_is_no_capacity_and_others_replace_it() -> None:
    there = world()
    there.shy_names = frozenset({"eu-1"})
    there.run(40)
    assert there.ready() == 2
    assert "eu-1" not in there.bridges, "the one that never served was retired"


def test_wrong_password_everywhere_starts_no_bridge_after_another() -> None:
    there = world()
    there.shy_names = frozenset(f"eu-{n}" for n in range(50))
    there.run(40)
    assert len(there.bridges) == 2
    assert sum(isinstance(a, CreateBridge) for a in there.log) == 2


def test_bridges_that_cannot_run_do_not_spin() -> None:
    there = world()
    there.failing_names = frozenset(f"eu-{n}" for n in range(50))
    there.run(100)
    assert sum(isinstance(a, CreateBridge) for a in there.log) == 2


def test_too_few_nodes_limit_the_fleet_without_thrash() -> None:
    there = world(number_of_nodes=3)
    there.run(5)
    there.call("crowd", 90)
    there.run(20)
    log = len(there.log)
    _, planned = there.run(20)
    assert there.ready() == 3
    assert len(there.log) == log
    assert [refusal.reason for refusal in planned.refusals] == ["NoNode"]


def test_lost_node_is_made_up_for_and_its_return_undoes_it() -> None:
    there = world(number_of_nodes=4)
    there.run(100)
    lost = there.bridges["eu-0"].node or ""
    there.broken_nodes.add(lost)
    there.run(60)
    assert there.ready() == 2
    assert len(there.bridges) == 3
    there.broken_nodes.clear()
    there.run(60)
    assert there.ready() == len(there.bridges) == 2


def test_without_jicofo_nothing_leaves() -> None:
    there = world()
    there.run(5)
    for n in range(8):
        there.call(f"room-{n}", 5)
    there.run(10)
    there.jicofo_up = False
    there.meetings.clear()
    log = len(there.log)
    there.run(100)
    assert len(there.log) == log
    there.jicofo_up = True
    there.run(30)
    assert there.ready() == len(there.bridges) == 2


def test_external_size_is_obeyed_down_to_nothing() -> None:
    there = World(region({"replicas": 3}, mode="External"), [f"node-{n}" for n in range(5)])
    there.run(6)
    assert there.ready() == 3
    there.region = region({"replicas": 0}, mode="External")
    there.run(20)
    assert there.bridges == {}


Step = tuple[str, int, int]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 9), st.integers(0, 30)),
        st.tuples(st.just("time"), st.integers(1, 8), st.just(0)),
        st.tuples(st.just("jicofo"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("node"), st.integers(0, 5), st.integers(0, 1)),
    ),
    max_size=30,
)


def play(there: World, script: list[Step]) -> None:
    for what, one, two in script:
        match what:
            case "call":
                there.call(f"room-{one}", two)
            case "time":
                there.run(one)
            case "jicofo":
                there.jicofo_up = bool(one)
            case _:
                name = there.node_names[one % len(there.node_names)]
                (there.broken_nodes.add if two else there.broken_nodes.discard)(name)


@settings(max_examples=40, deadline=None)
@given(
    script=steps,
    shy=st.frozensets(st.integers(0, 4), max_size=2),
    target=st.integers(3, 30),
    patience=st.sampled_from(["0s", "30s", "1h"]),
    presence=st.sampled_from([0.0, 5.0, 12.0]),
)
def test_whatever_happens_nobody_is_dropped_and_calm_brings_convergence(
    script: list[Step], shy: frozenset[int], target: int, patience: str, presence: float
) -> None:
    drain = {"patience": patience, "deadline": "4h", "atDeadline": "Move"}
    there = World(people_only(target, drain=drain), [f"node-{n}" for n in range(6)])
    there.shy_names = frozenset(f"eu-{n}" for n in shy)
    there.presence_seconds = presence
    play(there, script)  # raises if anybody is dropped

    there.jicofo_up, there.shy_names = True, frozenset()
    there.broken_nodes.clear()
    there.meetings.clear()
    decided, planned = there.run(250)
    assert decided.wanted == there.ready() == len(there.bridges) == 2
    assert planned.actions == ()
    log = len(there.log)
    there.run(20)
    assert len(there.log) == log, "the converged fleet is left alone"
