"""Events tell transitions, each once, and nothing in between."""

from dataclasses import replace

from tests.unit.control.test_troubles_are_named import TWO, UNHEARD, ago, status
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    draining_bridge,
    pending_bridge,
    people_only,
    ready_bridge,
)

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import effective_cluster
from octofleet.api.status import RegionStatus
from octofleet.core import events, meshing, reporting
from octofleet.core.clusterwide import Whole
from octofleet.core.observation import Conference


def reasons(old: RegionStatus | None, new: RegionStatus) -> list[tuple[str, str]]:
    return [(each.type.value, each.reason) for each in events.region_notices(old, new)]


CALM = status(*TWO)


def test_nothing_new_is_nothing_told() -> None:
    busier = status(ready_bridge("eu-0", 12), TWO[1], old=CALM, now=NOW + 5)
    assert reasons(CALM, busier) == []


def test_first_status_tells_the_size_and_the_bridges_but_no_relief() -> None:
    told = reasons(None, CALM)
    assert told == [("Normal", "ScaledUp"), ("Normal", "BridgeReady"), ("Normal", "BridgeReady")]


def test_change_of_size_says_from_to_and_why() -> None:
    grown = status(ready_bridge("eu-0", 200), TWO[1], old=CALM)
    notice = events.region_notices(CALM, grown)[0]
    assert notice.reason == "ScaledUp"
    assert notice.message.startswith("From 2 to 5 bridges: 5 wanted by Participants")
    assert reasons(grown, CALM)[0] == ("Normal", "ScaledDown")


def test_drain_is_told_from_start_to_its_taking_back() -> None:
    third = ready_bridge("eu-2", 5)
    before = status(*TWO, third)
    drained = status(*TWO, draining_bridge("eu-2", 5), old=before)
    assert ("Normal", "DrainStarted") in reasons(before, drained)
    assert any(
        "eu-2 drains with 5 people" in n.message for n in events.region_notices(before, drained)
    )
    evacuated = status(*TWO, draining_bridge("eu-2", 5, ago(3601)), old=drained)
    assert reasons(drained, evacuated) == [("Normal", "EvacuationStarted")]
    assert reasons(evacuated, before) == [("Normal", "DrainTakenBack")]


def test_drain_of_a_bridge_with_nobody_is_told_too() -> None:
    before = status(*TWO, ready_bridge("eu-2"))
    told = events.region_notices(before, status(*TWO, draining_bridge("eu-2"), old=before))
    assert [each.message for each in told if each.reason == "DrainStarted"] == [
        "eu-2 drains with 0 people on it"
    ]


def test_bridge_that_goes_is_told_and_one_that_vanishes_is_a_warning() -> None:
    stopping = status(*TWO, draining_bridge("eu-2", shutdown_sent_at=NOW))
    assert ("Normal", "BridgeRemoved") in reasons(stopping, CALM)
    taken = status(TWO[0], old=CALM)
    assert ("Warning", "BridgeVanished") in reasons(CALM, taken)


def test_a_bridge_that_somebody_else_ends_is_a_warning() -> None:
    deleted = status(TWO[0], replace(TWO[1], deleting_since=NOW), old=CALM)
    assert ("Warning", "BridgeEnding") in reasons(CALM, deleted)
    empty = status(*TWO, draining_bridge("eu-2"))
    ours = status(*TWO, draining_bridge("eu-2", shutdown_sent_at=NOW), old=empty)
    assert reasons(empty, ours) == []


def test_among_too_many_bridges_to_show_none_is_said_to_be_gone() -> None:
    crowd = people_only(maxBridges=100)
    old = status(*(ready_bridge(f"eu-{n}") for n in range(60)), desired=60, of=crowd)
    new = status(*(ready_bridge(f"eu-{n}") for n in range(1, 60)), desired=60, of=crowd)
    told = {reason for _, reason in reasons(old, new)}
    assert not told & {"BridgeRemoved", "BridgeVanished"}


def test_overdue_drain_is_told_once() -> None:
    waiting = people_only(drain={"patience": "1s", "deadline": "1h", "atDeadline": "Wait"})
    meeting = (Conference("long", 5),)
    early = status(*TWO, draining_bridge("eu-2", 5, ago(60), conferences=meeting), of=waiting)
    late = status(*TWO, draining_bridge("eu-2", 5, ago(3601), conferences=meeting), of=waiting)
    assert reasons(early, late) == [("Warning", "DrainTimedOut")]
    assert reasons(late, late) == []


def test_lost_and_failed_bridges_are_warnings() -> None:
    lost = status(TWO[0], replace(TWO[1], pod_phase="Unknown"), old=CALM)
    assert ("Warning", "BridgeLost") in reasons(CALM, lost)
    failed = status(*TWO, pending_bridge("eu-2", waiting_reason="ErrImagePull"), old=CALM)
    assert ("Warning", "BridgeFailed") in reasons(CALM, failed)


def test_condition_that_turns_bad_is_a_warning_and_its_relief_is_told() -> None:
    outside = status(TWO[0], ready_bridge("eu-1", 0, NOW, **UNHEARD), old=CALM)
    told = reasons(CALM, outside)
    assert told.count(("Warning", "BridgeNotInBrewery")) == 2  # Ready and Registered
    assert ("Warning", "BridgeUnregistered") in told
    relieved = reasons(outside, CALM)
    assert ("Normal", "BridgesRegistered") in relieved
    assert ("Normal", "BecameReady") in relieved
    assert ("Normal", "Recovered") in relieved


def test_stale_metrics_and_their_return_are_told() -> None:
    stale = status(*TWO, cluster=replace(CLUSTER, brewery_seen_at=ago(60)), old=CALM)
    assert reasons(CALM, stale) == [("Warning", "BreweryStale")]
    assert reasons(stale, CALM) == [("Normal", "MetricsRecovered")]


def test_cluster_tells_when_its_controller_comes_and_goes() -> None:
    cluster = effective_cluster(
        JitsiCluster.model_validate({"metadata": {"name": "meet"}, "spec": {"domain": "m.example"}})
    )
    mesh = meshing.mesh_of(cluster, ())
    down = reporting.cluster_status(
        cluster, Whole(False, "not ready: meet-prosody", mesh, ()), None, NOW
    )
    up = reporting.cluster_status(cluster, Whole(True, "", mesh, ()), down, NOW)
    first = events.cluster_notices(None, down)
    assert [(each.type.value, each.reason) for each in first] == [("Warning", "ControllerNotReady")]
    assert [each.reason for each in events.cluster_notices(down, up)] == ["BecameReady"]
    assert events.cluster_notices(up, up) == ()
