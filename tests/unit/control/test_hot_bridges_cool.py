"""Rebalancing, the metrics that only say that it hurts, and the pause of scale-in alone."""

from dataclasses import replace

import pytest
from tests.unit.control import worlds

from octofleet.api.effective import EffectiveRegion
from octofleet.core import planning, sizing
from octofleet.core.actions import MoveConference
from octofleet.core.observation import (
    Bridge,
    Conference,
    History,
    Reading,
    Snapshot,
    Timestamp,
    Traffic,
)

NOW = worlds.NOW


def bridge(name: str, stress: float, sizes: tuple[int, ...], **fields: object) -> Bridge:
    meetings = tuple(Conference(f"{name}-{n}", size, NOW) for n, size in enumerate(sizes))
    found = worlds.ready_bridge(name, sum(sizes), NOW, **fields)
    return replace(found, stress=Reading(stress, NOW), conferences=meetings)


def moves(snapshot: Snapshot, **autoscaling: object) -> list[MoveConference]:
    region = worlds.people_only(1000, **{"rebalancing": "Auto", **autoscaling})
    decided = worlds.decision(len(snapshot.bridges))
    planned = planning.plan(region, snapshot, decided, NOW)
    return [each for each in planned.actions if isinstance(each, MoveConference)]


HOT = bridge("eu-0", 0.95, (5, 20, 30, 40))
COOL = bridge("eu-1", 0.1, (10,))


def test_the_smallest_meeting_that_is_enough_leaves_a_hot_bridge() -> None:
    found = moves(worlds.snapshot(HOT, COOL))
    assert found == [MoveConference("eu-0", "eu-0-2", 30)]


def test_it_is_off_unless_asked_for() -> None:
    assert moves(worlds.snapshot(HOT, COOL), rebalancing="Off") == []


@pytest.mark.parametrize(
    "other",
    [
        bridge("eu-1", 0.68, (60,)),
        bridge("eu-1", 0.1, (10,), registered=False),
        replace(COOL, stress=None),
    ],
)
def test_nobody_is_moved_where_they_would_not_land_well(other: Bridge) -> None:
    assert moves(worlds.snapshot(HOT, other)) == []


def test_a_single_meeting_stays_where_it_is() -> None:
    assert moves(worlds.snapshot(bridge("eu-0", 0.95, (95,)), COOL)) == []


def linked(*bridges: Bridge) -> Snapshot:
    return worlds.snapshot(*(replace(each, has_relays=True) for each in bridges))


def test_with_relays_a_few_leave_a_single_meeting_at_a_time() -> None:
    alone = bridge("eu-0", 0.95, (95,))
    assert moves(linked(alone, COOL)) == [MoveConference("eu-0", "eu-0-0", 10, whole=False)]
    # No more than cools it: from 0.8 to 0.7, at 0.01 a person.
    nearly = moves(linked(bridge("eu-0", 0.82, (82,)), bridge("eu-1", 0.55, (55,))))
    assert nearly == [MoveConference("eu-0", "eu-0-0", 10, whole=False)]
    assert moves(linked(alone, bridge("eu-1", 0.67, (67,)))) == []


def test_with_relays_whole_meetings_go_first() -> None:
    assert moves(linked(HOT, COOL)) == [MoveConference("eu-0", "eu-0-2", 30)]


def test_one_bridge_without_relays_and_a_single_meeting_stays() -> None:
    alone = replace(bridge("eu-0", 0.95, (95,)), has_relays=True)
    assert moves(worlds.snapshot(alone, COOL)) == []


def test_a_part_of_a_meeting_never_goes_to_another_version() -> None:
    alone = bridge("eu-0", 0.95, (95,), version="1")
    assert moves(linked(alone, replace(COOL, version="2"))) == []
    assert moves(linked(alone, replace(COOL, version="1"))) != []


def test_a_whole_meeting_moves_only_where_its_own_version_has_room() -> None:
    hot, full = replace(HOT, version="1"), bridge("eu-1", 0.68, (60,), version="1")
    cool = bridge("eu-2", 0.1, (10,), version="2")
    assert moves(worlds.snapshot(hot, full, cool)) == []
    # Where there is no other of its version, a meeting that leaves whole may begin anew.
    assert moves(worlds.snapshot(hot, cool)) == [MoveConference("eu-0", "eu-0-2", 30)]
    alike = bridge("eu-3", 0.1, (10,), version="1")
    assert moves(worlds.snapshot(hot, full, cool, alike)) == [MoveConference("eu-0", "eu-0-2", 30)]


def test_those_who_leave_land_where_their_meeting_is_already() -> None:
    """Jicofo takes a bridge that the meeting has before the least stressed of all."""
    alone = bridge("eu-0", 0.95, (95,))
    there = replace(
        bridge("eu-1", 0.66, (66,)), conferences=(Conference("eu-0-0", 66, Timestamp(NOW)),)
    )
    assert moves(linked(alone, there, replace(COOL, name="eu-2", uid="eu-2"))) == []
    roomy = replace(there, stress=Reading(0.6, NOW))
    assert moves(linked(alone, roomy, replace(COOL, name="eu-2", uid="eu-2"))) == [
        MoveConference("eu-0", "eu-0-0", 7, whole=False)
    ]


def test_the_next_move_waits_for_readings_after_the_last() -> None:
    moved = Timestamp(NOW - 5)
    assert moves(worlds.snapshot(HOT, replace(COOL, moved_at=moved))) == []
    stale = replace(HOT, stress=Reading(0.95, Timestamp(NOW - 25)), moved_at=Timestamp(NOW - 20))
    assert moves(worlds.snapshot(stale, COOL)) == []


def test_a_world_cools_and_comes_to_rest() -> None:
    world = worlds.World(worlds.people_only(1000, rebalancing="Auto"), [f"n{n}" for n in range(3)])
    world.run(6)
    for number in range(9):
        world.call(f"m{number}", 10)
    hot = next(each for each in world.bridges.values())
    world.meetings = {name: (size, hot.uid) for name, (size, _) in world.meetings.items()}
    world.run(20)
    assert world.moved > 0
    assert all(world.people_on(each) < 80 for each in world.bridges.values())
    settled = world.moved
    world.run(20)
    assert world.moved == settled


# Metrics that only say that it hurts ---------------------------------------------------------


def sized(
    kind: str, value: str, traffic: list[Traffic | None], current: int = 3
) -> sizing.Decision:
    region: EffectiveRegion = worlds.region(
        None,
        minBridges=1,
        maxBridges=20,
        metrics=[{"type": kind, "target": {"averageValue": value}}],
        behavior={"scaleDown": {"stabilizationWindow": "0s"}},
    )
    bridges = [
        replace(worlds.ready_bridge(f"eu-{n}", 10), traffic=each) for n, each in enumerate(traffic)
    ]
    seen = worlds.snapshot(*bridges, history=History(desired=current))
    return sizing.decide(region, seen, NOW)


@pytest.mark.parametrize(
    ("kind", "target", "field", "high"),
    [
        ("PacketRate", "10k", "packet_rate", 20_000.0),
        ("BitRate", "100M", "bit_rate", 2e8),
        ("Conferences", "5", "conferences", 10.0),
    ],
)
def test_traffic_sizes_in_proportion(kind: str, target: str, field: str, high: float) -> None:
    busy = Traffic(NOW, **{field: high})
    assert sized(kind, target, [busy] * 3).terms[0].proposal == 6
    assert sized(kind, target, [None] * 3).wanted == 3


@pytest.mark.parametrize(("kind", "field"), [("PacketLoss", "packet_loss"), ("RTT", "rtt")])
def test_what_hurts_asks_for_one_more_and_never_for_fewer(kind: str, field: str) -> None:
    awful, fine = Traffic(NOW, **{field: 0.9}), Traffic(NOW, **{field: 0.001})
    assert sized(kind, "0.1", [awful] * 3).terms[0].proposal == 4
    assert sized(kind, "0.1", [fine] * 3).terms[0].proposal == 0
    assert sized(kind, "0.1", [None] * 3).wanted == 3


def test_the_busiest_bridge_asks_for_one_more_however_low_the_mean_is() -> None:
    target = {"averageValue": "0.7", "worstValue": "0.9"}
    region = worlds.region(
        None, minBridges=1, maxBridges=20, metrics=[{"type": "Stress", "target": target}]
    )
    levels = [0.95, 0.1, 0.1]
    bridges = [bridge(f"eu-{n}", level, (10,)) for n, level in enumerate(levels)]
    seen = worlds.snapshot(*bridges, history=History(desired=3))
    assert sizing.decide(region, seen, NOW).wanted == 4


def test_a_pause_of_scale_in_still_grows() -> None:
    paused: dict[str, object] = {"mode": "Paused", "paused": "ScaleIn", "minBridges": 1}
    region = worlds.people_only(10, **paused)
    idle = worlds.snapshot(
        *(worlds.ready_bridge(f"eu-{n}", 0) for n in range(4)), history=History(desired=4)
    )
    busy = worlds.snapshot(worlds.ready_bridge("eu-0", 60), history=History(desired=1))
    held, grown = sizing.decide(region, idle, NOW), sizing.decide(region, busy, NOW)
    assert held.wanted == 4
    assert held.winner == "autoscaling.paused"
    assert planning.plan(region, idle, held, NOW).actions == ()
    assert grown.wanted > 1
    assert planning.plan(region, busy, grown, NOW).actions
