"""Jicofo never mixes versions in a meeting: a part of one can't go where another version is."""

from dataclasses import replace

from tests.unit.control.worlds import (
    NOW,
    decision,
    draining_bridge,
    people_only,
    ready_bridge,
    snapshot,
)

from octofleet.core import planning
from octofleet.core.actions import MoveConference
from octofleet.core.limits import UPGRADE
from octofleet.core.observation import Bridge, Conference
from octofleet.core.planning import Plan, RefusalReason


def plan(*bridges: Bridge) -> Plan:
    """Return the plan for linked bridges."""
    linked = (replace(bridge, has_relays=True) for bridge in bridges)
    return planning.plan(people_only(50), snapshot(*linked), decision(2), NOW)


def old(name: str, **shares: int) -> Bridge:
    """Return a bridge of version 1 that should be emptied by now, with its shares of meetings."""
    meetings = tuple(Conference(room, people) for room, people in shares.items())
    bridge = draining_bridge(name, sum(shares.values()), NOW - 3601, conferences=meetings)
    return replace(bridge, version="1", drain_reason=UPGRADE)


NEW = (ready_bridge("eu-2", 4, version="2"), ready_bridge("eu-3", 4, version="2"))


def test_a_meeting_leaves_whole_where_only_another_version_stays() -> None:
    """A part of it would land where it was, again and again."""
    assert plan(*NEW, old("eu-0", room=30)).actions == (MoveConference("eu-0", "room", 30),)


def test_it_leaves_in_steps_where_its_own_version_stays() -> None:
    there = (NEW[0], ready_bridge("eu-3", 10, version="1"))
    found = plan(*there, old("eu-0", room=30)).actions
    assert found == (MoveConference("eu-0", "room", 10, whole=False),)


def test_steps_need_room_on_a_bridge_of_its_own_version() -> None:
    full = ready_bridge("eu-3", 55, version="1")
    found = plan(NEW[0], full, old("eu-0", room=30))
    assert found.actions == ()
    assert [each.reason for each in found.refusals] == [RefusalReason.NO_ROOM]


def test_a_meeting_on_two_old_bridges_comes_together_first() -> None:
    first, second = old("eu-0", room=20), old("eu-1", room=8)
    assert plan(*NEW, first, second).actions == (MoveConference("eu-1", "room", 8),)
    together = (old("eu-0", room=28), old("eu-1"))
    moves = [a for a in plan(*NEW, *together).actions if isinstance(a, MoveConference)]
    assert moves == [MoveConference("eu-0", "room", 28)]


def test_it_stays_apart_where_neither_old_bridge_can_take_it_all() -> None:
    found = plan(*NEW, old("eu-0", room=45), old("eu-1", room=40))
    assert found.actions == ()
    assert [each.reason for each in found.refusals] == [RefusalReason.NO_ROOM]
