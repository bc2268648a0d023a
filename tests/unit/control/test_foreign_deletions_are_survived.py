"""Somebody deletes a bridge's pod: it drains by itself, and its people are moved in time."""

from dataclasses import replace

import pytest
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    decision,
    people_only,
    ready_bridge,
    snapshot,
)

from octofleet.core import planning
from octofleet.core.actions import CreateBridge, MoveConference
from octofleet.core.observation import Bridge, Timestamp
from octofleet.shell import pods

HOUR = 3600.0
MOVE = MoveConference("eu-1", "eu-1-meeting", 5)
DRAIN = {"patience": "1h", "deadline": "4h", "atDeadline": "Move"}


def deleted(since: float, grace: float, **fields: object) -> Bridge:
    """Return a bridge with five people whose pod was deleted so many seconds ago."""
    at = NOW - since
    ends: dict[str, object] = {
        "deleting_since": Timestamp(at),
        "killed_at": Timestamp(at + grace),
        "draining": True,
        "shutting_down": True,
    }
    return ready_bridge("eu-1", 5, NOW, **{**ends, **fields})


def actions(bridge: Bridge, **drain: str) -> tuple[object, ...]:
    others = (ready_bridge("eu-0"), ready_bridge("eu-2"))
    seen = snapshot(*others, bridge)
    region = people_only(50, drain={**DRAIN, **drain})
    return planning.plan(region, seen, decision(2), NOW).actions


@pytest.mark.parametrize(
    ("since", "grace", "moved"),
    [
        (HOUR - 1, 4 * HOUR + 60, False),
        (HOUR + 61, 4 * HOUR + 60, True),
        (5, 30, True),  # kubectl delete --grace-period=30
        (5, 3 * HOUR + 600, False),
        (601, 3 * HOUR + 600, True),
    ],
)
def test_people_are_moved_after_the_patience_and_in_time_before_it_is_killed(
    since: float, grace: float, moved: bool
) -> None:
    assert actions(deleted(since, grace)) == ((MOVE,) if moved else ())


def test_nobody_is_moved_where_the_region_says_wait_nor_before_the_bridge_drains() -> None:
    assert actions(deleted(5, 30), atDeadline="Wait") == ()
    assert actions(deleted(5, 30, draining=False)) == ()


def test_without_jicofo_nobody_is_moved() -> None:
    silent = replace(CLUSTER, jicofo_reachable=False)
    seen = snapshot(ready_bridge("eu-0"), deleted(5, 30), cluster=silent)
    assert planning.plan(people_only(50, drain=DRAIN), seen, decision(1), NOW).actions == ()


def test_another_bridge_is_started_at_once() -> None:
    seen = snapshot(ready_bridge("eu-0"), deleted(5, 4 * HOUR))
    found = planning.plan(people_only(50, drain=DRAIN), seen, decision(2), NOW).actions
    assert found == (CreateBridge("eu-2"),)


def test_when_it_is_killed_is_read_off_the_pod() -> None:
    pod = {
        "metadata": {
            "name": "eu-1",
            "deletionTimestamp": "2026-01-01T01:00:00Z",
            "deletionGracePeriodSeconds": 1800,
        }
    }
    bridge = pods.bridge_of(pod)
    assert bridge.killed_at is not None
    assert bridge.deleting_since == bridge.killed_at - 1800
