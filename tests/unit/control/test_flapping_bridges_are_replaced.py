"""A bridge that falls again and again is told from one that fell once, and replaced in peace."""

from dataclasses import replace

import pytest
from tests.unit.control.test_troubles_are_named import T, ago, condition, said, status
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    World,
    people_only,
    ready_bridge,
    snapshot,
)

from octofleet.api.quantities import moment
from octofleet.core import events, flapping, lifecycle, reporting
from octofleet.core.actions import DrainBridge
from octofleet.core.limits import FLAPPING, Limits
from octofleet.core.observation import Bridge, Cluster, Fall, History, Proof, Timestamp
from octofleet.shell import documents, pods

PATIENCE = {"patience": "20s", "deadline": "1h", "atDeadline": "Move"}
THREE = tuple(Fall("eu-0", ago(seconds)) for seconds in (900, 600, 300))
DOWN: dict[str, object] = {"registered": False, "registered_at": ago(5), "in_brewery": False}


def world(number_of_nodes: int = 4, size: int = 2) -> World:
    there = World(
        people_only(50, drain=PATIENCE, minBridges=size), [f"n{n}" for n in range(number_of_nodes)]
    )
    there.run(8)
    assert there.ready() == size
    return there


def flap(there: World, *bridges: str) -> None:
    """Let bridges be unregistered for ten seconds."""
    for name in bridges:
        there.bridges[name].shy = True
    there.run(2)
    for name in bridges:
        if name in there.bridges:
            there.bridges[name].shy = False
    there.run(2)


def drained(there: World) -> list[DrainBridge]:
    return [a for a in there.log if isinstance(a, DrainBridge) and a.reason == FLAPPING]


def looked(*bridges: Bridge, history: History, cluster: Cluster = CLUSTER) -> History:
    seen = snapshot(*bridges, history=history, cluster=cluster)
    return flapping.noticed(seen, lifecycle.judged(seen, NOW, Limits()))


def test_bridge_that_falls_three_times_drains_and_nobody_is_dropped() -> None:
    there = world()
    there.call("a", 5)
    there.call("b", 5)
    uid = there.bridges["eu-0"].uid
    flap(there, "eu-0")
    flap(there, "eu-0")
    assert drained(there) == []
    flap(there, "eu-0")
    assert drained(there) == [DrainBridge("eu-0", FLAPPING)]
    there.run(40)
    assert uid not in [each.uid for each in there.bridges.values()]
    assert there.ready() == 2
    assert there.moved == 5
    log = len(there.log)
    there.run(20)
    assert len(there.log) == log, "the fresh bridge is left alone"


def test_bridges_that_all_fall_at_once_are_not_to_blame() -> None:
    there = world()
    for _ in range(5):
        flap(there, "eu-0", "eu-1")
    assert drained(there) == []
    assert there.history.falls == ()


def test_the_only_bridge_is_told_and_stays() -> None:
    there = world(size=1)
    for _ in range(4):
        flap(there, "eu-0")
    assert drained(there) == []
    assert "eu-0" in flapping.names(there.history)


def test_where_most_flap_none_is_drained() -> None:
    there = world(size=3)
    for _ in range(5):
        flap(there, "eu-0")
        if drained(there):
            break
        flap(there, "eu-1")
    assert len(drained(there)) == 1
    falls = tuple(replace(each, bridge=name) for each in THREE for name in ("eu-0", "eu-1"))
    bridges = tuple(ready_bridge(f"eu-{n}", 1) for n in range(3))
    found = status(*bridges, desired=3, history=History(falls=falls))
    assert said(found, T.DEGRADED) == ("True", "BridgeFlapping")
    assert "isn't theirs" in condition(found, T.DEGRADED).message


def test_without_a_free_node_it_waits_for_room_on_the_others() -> None:
    there = world(number_of_nodes=2)
    there.call("a", 45)
    there.call("b", 45)
    for _ in range(4):
        flap(there, "eu-0")
    assert drained(there) == []
    there.meetings.clear()
    there.run(2)
    assert drained(there) == [DrainBridge("eu-0", FLAPPING)]
    there.run(40)
    assert there.ready() == 2


def test_one_fall_is_noticed_once_and_forgotten_after_half_an_hour() -> None:
    up = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    history = looked(*up, history=History())
    assert history.standing == {"uid-eu-0", "uid-eu-1"}
    fallen = (ready_bridge("eu-0", 0, NOW, **DOWN), up[1])
    history = looked(*fallen, history=history)
    assert history.falls == (Fall("eu-0", NOW),)
    assert looked(*fallen, history=history).falls == history.falls
    old = replace(history, falls=(Fall("eu-0", ago(flapping.WINDOW_SECONDS)),))
    assert looked(*up, history=old).falls == ()


@pytest.mark.parametrize("missing", ["controller_ready", "jicofo_reachable"])
def test_nothing_counts_while_the_controller_side_is_away(missing: str) -> None:
    history = History(standing=frozenset({"uid-eu-0", "uid-eu-1"}))
    away = replace(CLUSTER, **{missing: False})
    fallen = (ready_bridge("eu-0", 0, NOW, **DOWN), ready_bridge("eu-1"))
    found = looked(*fallen, history=history, cluster=away)
    assert found.falls == ()
    assert found.standing == frozenset()


def test_a_restart_that_nobody_saw_counts_and_one_that_was_seen_counts_once() -> None:
    restarted = ready_bridge("eu-0", ended_at=ago(100))
    history = looked(restarted, ready_bridge("eu-1"), history=History())
    assert history.falls == (Fall("eu-0", ago(100), "its container ended"),)
    assert looked(restarted, ready_bridge("eu-1"), history=history).falls == history.falls
    seen = History(falls=(Fall("eu-0", ago(110)),))
    assert looked(restarted, ready_bridge("eu-1"), history=seen).falls == seen.falls


def test_a_fall_says_how_the_container_ended_and_is_one_event() -> None:
    killed: dict[str, object] = {"ended_at": ago(5), "last_error": "OOMKilled: exit code 137"}
    up = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    standing = History(standing=frozenset({"uid-eu-0", "uid-eu-1"}))
    unseen = looked(ready_bridge("eu-0", 0, NOW, **killed), up[1], history=standing)
    assert unseen.falls == (Fall("eu-0", ago(5), "OOMKilled: exit code 137"),)
    seen = looked(ready_bridge("eu-0", 0, NOW, **DOWN, **killed), up[1], history=standing)
    assert seen.falls == (Fall("eu-0", NOW, "OOMKilled: exit code 137"),)
    lost = looked(ready_bridge("eu-0", 0, NOW, **DOWN), up[1], history=standing)
    assert lost.falls == (Fall("eu-0", NOW),)
    calm, found = status(*up), status(*up, history=unseen)
    (told,) = events.region_notices(calm, found)
    assert (told.reason, told.message) == (
        "BridgeFell",
        "eu-0 stopped serving: OOMKilled: exit code 137",
    )
    assert events.region_notices(found, found) == ()
    assert reporting.history_of(found).falls[0].why == "OOMKilled: exit code 137"


@pytest.mark.parametrize(
    "fields",
    [
        {"never_ready": True},
        {"drain_reason": "ScaleIn"},
        {"shutdown_sent_at": ago(200)},
        {"proof": Proof.WANTED},
        {"created_at": ago(50)},
    ],
)
def test_ends_that_say_nothing_about_its_service_do_not_count(fields: dict[str, object]) -> None:
    ended = ready_bridge("eu-0", 0, NOW, **{"ended_at": ago(100), **fields})
    assert looked(ended, ready_bridge("eu-1"), history=History()).falls == ()


def test_falls_of_a_pod_that_is_gone_are_not_its_successors() -> None:
    fresh = ready_bridge("eu-0", created_at=ago(60))
    assert looked(fresh, ready_bridge("eu-1"), history=History(falls=THREE)).falls == ()


def test_it_is_told_in_the_status_and_by_one_event_and_kept_over_a_restart() -> None:
    two = (ready_bridge("eu-0", 9), ready_bridge("eu-1", 9))
    calm, history = status(*two), History(falls=THREE)
    found = status(*two, old=calm, history=history)
    assert said(found, T.DEGRADED) == ("True", "BridgeFlapping")
    assert condition(found, T.DEGRADED).message.startswith("eu-0: stopped serving 3 times")
    told = [each.reason for each in events.region_notices(calm, found)]
    assert told == ["BridgeFell"] * 3 + ["BridgeFlapping"]
    assert events.region_notices(found, found) == ()
    kept = reporting.history_of(found)
    assert [each.bridge for each in kept.falls] == ["eu-0"] * 3
    assert kept.standing == frozenset()


def test_it_is_told_where_something_else_was_wrong_before() -> None:
    two = (ready_bridge("eu-0", 9), ready_bridge("eu-1", 9, failing_ice=True))
    before = status(*two)
    assert said(before, T.DEGRADED) == ("True", "IceFailing")
    found = status(*two, old=before, history=History(falls=THREE))
    assert "BridgeFlapping" in [e.reason for e in events.region_notices(before, found)]


def test_history_is_bounded() -> None:
    many = tuple(Fall("eu-0", Timestamp(NOW - 900 + n)) for n in range(200))
    up = (ready_bridge("eu-0"), ready_bridge("eu-1"))
    assert len(looked(*up, history=History(falls=many)).falls) == 60


def test_how_a_container_last_ended_is_read_off_its_pod() -> None:
    ended = {"terminated": {"exitCode": 137, "finishedAt": "2026-01-02T03:04:05Z"}}
    placed = {
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    pod: documents.Document = {
        "metadata": {"name": "eu-0", "uid": "u"},
        "status": {
            "conditions": [placed],
            "containerStatuses": [{"restartCount": 1, "lastState": ended}],
        },
    }
    bridge = pods.bridge_of(pod)
    assert bridge.ended_at == moment("2026-01-02T03:04:05Z")
    assert bridge.placed_at == moment("2026-01-01T00:00:00Z")
    bare = pods.bridge_of({"metadata": {"name": "eu-0"}})
    assert bare.ended_at is None
    assert bare.placed_at is None
