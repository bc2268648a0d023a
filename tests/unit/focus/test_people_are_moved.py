"""Moves, redistribution, and what the focus reports of it."""

import pytest
from tests.unit.focus.focus_world import World, jid

from octoload.focus.moves import MoveError, Redistributor, move
from octoload.focus.reports import debug, stats


def do_move(world: World, what: str, **query: str) -> tuple[int, int]:
    reply, effects = move(world.focus, what, query, world.now)
    world.do(effects)
    world.settle()
    return reply.moved_endpoints, reply.conferences


def test_a_whole_conference_moves_and_a_part_lands_where_it_was(world: World) -> None:
    world.add("a", stress_level=0.0)
    people = [world.join("call") for _ in range(4)]
    world.add("b")
    world.present("a", drain=True)
    assert do_move(world, "move-endpoints", bridge="a", numEndpoints="3") == (3, 1)
    assert {world.bridge_of(one) for one in people} == {"a"}
    assert do_move(
        world,
        "move-endpoints",
        bridge=jid("a"),
        conference="call@muc.meet.jitsi",
        numEndpoints="99",
    ) == (4, 1)
    assert {world.bridge_of(one) for one in people} == {"b"}
    assert (world.on("a"), world.on("b")) == (0, 4)
    assert world.focus.counters.endpoints_moved == {"a": 7}
    assert world.focus.counters.participants_moved == 0


def test_a_fraction_comes_from_the_largest_conference(world: World) -> None:
    world.add("a")
    for _ in range(2):
        world.join("small")
    for _ in range(6):
        world.join("large")
    assert do_move(world, "move-fraction", bridge="a", fraction="0.5") == (4, 1)
    assert do_move(world, "move-fraction", bridge="a") == (1, 1)
    assert do_move(world, "move-fraction", bridge="a", fraction="1") == (8, 2)


def test_one_endpoint_moves_and_a_wrong_guard_holds_it(world: World) -> None:
    world.add("a")
    one = world.join("call")
    world.add("b", stress_level=0.9)
    room, endpoint = "call@muc.meet.jitsi", world.people[one][1]
    assert do_move(world, "move-endpoint", conference=room, endpoint=endpoint) == (1, 1)
    query = {"conference": room, "endpoint": endpoint, "bridge": "b"}
    assert do_move(world, "move-endpoint", **query) == (0, 0)
    assert do_move(world, "move-endpoint", conference=room, endpoint="nobody") == (0, 0)


@pytest.mark.parametrize(
    ("what", "query", "status"),
    [
        ("move-endpoints", {}, 400),
        ("move-endpoints", {"bridge": "nowhere"}, 404),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "some"}, 400),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "nan"}, 400),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "0"}, 400),
        ("move-endpoints", {"bridge": "a", "conference": "x@y"}, 404),
        ("move-fraction", {"bridge": "a", "fraction": "2"}, 400),
        ("move-fraction", {"bridge": "a", "fraction": "nan"}, 400),
        ("move-endpoint", {"endpoint": "x"}, 400),
        ("move-endpoint", {"conference": "x@y", "endpoint": "x"}, 404),
        ("move-everything", {}, 404),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(
    world: World, what: str, query: dict[str, str], status: int
) -> None:
    world.add("a")
    with pytest.raises(MoveError) as caught:
        move(world.focus, what, query, world.now)
    assert caught.value.status == status


def test_hot_bridges_are_relieved_a_few_people_at_a_time(world: World) -> None:
    world.add("a", stress_level=0.0)
    calls = [[world.join(f"call{number}") for _ in range(7)] for number in range(2)]
    redistributor = Redistributor()
    world.do(redistributor.tick(world.focus, world.now))
    world.add("b", stress_level=0.95)
    world.present("a", stress_level=0.95)

    def a_minute_later() -> int:
        world.pass_time(60)
        before = redistributor.moved
        world.do(redistributor.tick(world.focus, world.now))
        world.settle()
        return redistributor.moved - before

    assert a_minute_later() == 0, "nowhere is it better"
    world.present("b", stress_level=0.1)
    assert a_minute_later() == 10
    assert [world.bridge_of(one) for one in calls[0]] == ["b"] * 7, "a whole call is placed afresh"
    assert [world.bridge_of(one) for one in calls[1]] == ["a"] * 7, "a part of one comes back"
    assert a_minute_later() == 0, "and then it is left alone for a while"
    assert a_minute_later() == 0
    assert a_minute_later() == 7


def test_debug_and_stats_agree_with_who_is_where(world: World) -> None:
    from jitsiwire.jicofo import parse_debug, parse_stats

    world.add("a", region="eu")
    people = [world.join("call") for _ in range(2)]
    brief = parse_debug(debug(world.focus, world.now, full=False))
    full = parse_debug(debug(world.focus, world.now, full=True))
    assert brief.conferences["call@muc.meet.jitsi"].size == 2
    said = full.conferences["call@muc.meet.jitsi"]
    assert said.placements == {world.people[one][1]: "a" for one in people}
    assert full.bridges[jid("a")].endpoints == 2
    assert full.bridges[jid("a")].corrected_stress == pytest.approx(0.12)
    counted = parse_stats(stats(world.focus, world.now, "1"))
    assert (counted.participants, counted.conferences, counted.bridge_count) == (2, 1, 1)
