"""Every trouble has a condition with a reason for programs, and a message with the fix."""

from dataclasses import replace

import pytest
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    draining_bridge,
    pending_bridge,
    people_only,
    ready_bridge,
    region,
    snapshot,
)

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import EffectiveRegion, effective_cluster
from octofleet.api.quantities import moment_text
from octofleet.api.status import BRIDGES_SHOWN, Condition, RegionStatus
from octofleet.core import meshing, planning, reporting, sizing
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import ConditionType
from octofleet.core.observation import (
    Bridge,
    Cluster,
    Conference,
    History,
    Node,
    Reading,
    Recommendation,
    ScaleEvent,
    Timestamp,
)

PEOPLE = people_only()
UNHEARD: dict[str, object] = {"registered": False, "registered_at": None, "in_brewery": False}
T = ConditionType


def ago(seconds: float) -> Timestamp:
    return Timestamp(NOW - seconds)


def status(
    *bridges: Bridge,
    of: EffectiveRegion = PEOPLE,
    cluster: Cluster = CLUSTER,
    desired: int | None = 2,
    free_nodes: int = 10,
    old: RegionStatus | None = None,
    now: float = NOW,
    history: History | None = None,
) -> RegionStatus:
    """Return the status that comes of observing these bridges."""
    kept = replace(history or History(), desired=desired)
    seen = snapshot(*bridges, history=kept, cluster=cluster, free_nodes=free_nodes)
    decided = sizing.decide(of, seen, Timestamp(now))
    planned = planning.plan(of, seen, decided, Timestamp(now))
    return reporting.region_status(of, seen, decided, planned, old, "a=b", Timestamp(now))


def condition(found: RegionStatus, kind: ConditionType) -> Condition:
    return next(each for each in found.conditions if each.type == kind)


def said(found: RegionStatus, kind: ConditionType) -> tuple[str, str]:
    each = condition(found, kind)
    return each.status.value, each.reason


TWO = (ready_bridge("eu-0", 9), ready_bridge("eu-1", 9))


def test_pod_whose_container_is_not_created_is_told_with_its_node() -> None:
    stuck = pending_bridge("eu-1", node="node-9", placed_at=ago(400))
    found = status(TWO[0], stuck)
    assert said(found, T.DEGRADED) == ("True", "BridgeStuck")
    assert "node-9" in condition(found, T.DEGRADED).message


def test_healthy_region_says_so_everywhere() -> None:
    found = status(*TWO)
    assert {each.type: (each.status.value, each.reason) for each in found.conditions} == {
        "Ready": ("True", "AllReady"),
        "Progressing": ("False", "Settled"),
        "Degraded": ("False", "AllWell"),
        "ScalingLimited": ("False", "NotLimited"),
        "Spread": ("Unknown", "ZonesUnknown"),
        "Advertised": ("Unknown", "AddressUnknown"),
        "Reachable": ("Unknown", "NotProbed"),
        "Upgraded": ("Unknown", "ReleaseUnknown"),
        "Linked": ("True", "AtHome"),
        "Direct": ("Unknown", "FrontsUnknown"),
        "Alike": ("Unknown", "NoBridges"),
        "Draining": ("False", "NoneDraining"),
        "Registered": ("True", "AllRegistered"),
        "MetricsAvailable": ("True", "AllFresh"),
    }
    assert all(each.observed_generation == 1 for each in found.conditions)


def test_missing_cluster_is_named() -> None:
    found = status(cluster=replace(CLUSTER, exists=False, jicofo_reachable=False), desired=None)
    assert said(found, T.READY) == ("False", "ClusterNotFound")
    assert "JitsiCluster meet doesn't exist in namespace meet" in condition(found, T.READY).message
    assert said(found, T.PROGRESSING) == ("False", "ClusterNotFound")
    assert said(found, T.REGISTERED) == ("Unknown", "ClusterNotFound")
    assert said(found, T.METRICS_AVAILABLE) == ("Unknown", "ClusterNotFound")


def test_controller_that_is_down_is_named() -> None:
    down = replace(CLUSTER, controller_ready=False, message="not ready: meet-prosody")
    found = status(*TWO, cluster=down)
    assert said(found, T.READY) == ("False", "ControllerNotReady")
    assert condition(found, T.READY).message == "not ready: meet-prosody"


def test_silent_jicofo_makes_readiness_and_registration_unknown() -> None:
    silent = replace(CLUSTER, jicofo_reachable=False)
    there = tuple(replace(each, registered=None) for each in TWO)
    found = status(*there, cluster=silent)
    assert said(found, T.READY) == ("Unknown", "JicofoUnreachable")
    assert said(found, T.REGISTERED) == ("Unknown", "JicofoUnreachable")
    assert said(found, T.METRICS_AVAILABLE) == ("False", "JicofoUnreachable")
    assert moment_text(NOW) in condition(found, T.READY).message
    never = status(*there, cluster=replace(silent, jicofo_seen_at=None))
    assert "has never answered" in condition(never, T.READY).message


def test_bridge_outside_the_brewery_is_named_with_the_fix() -> None:
    found = status(TWO[0], ready_bridge("eu-1", 0, NOW, **UNHEARD))
    assert said(found, T.REGISTERED) == ("False", "BridgeNotInBrewery")
    message = condition(found, T.REGISTERED).message
    assert "eu-1" in message
    assert "meet-credentials" in message
    assert "meet-prosody, port 5222" in message
    assert said(found, T.READY) == ("False", "BridgeNotInBrewery")
    assert said(found, T.DEGRADED) == ("True", "BridgeUnregistered")
    assert found.ready_replicas == 1


def test_bridge_that_fails_jicofos_health_checks_has_another_fix() -> None:
    ill = ready_bridge("eu-1", 0, NOW, **{**UNHEARD, "in_brewery": True})
    found = status(TWO[0], ill)
    assert said(found, T.REGISTERED) == ("False", "BridgeNotOperational")
    assert "health checks" in condition(found, T.REGISTERED).message


def test_bridges_on_their_way_are_progress() -> None:
    found = status(TWO[0], pending_bridge("eu-1"))
    assert said(found, T.READY) == ("False", "NotEnoughBridges")
    assert said(found, T.PROGRESSING) == ("True", "ScalingOut")
    assert said(found, T.REGISTERED) == ("Unknown", "Registering")
    assert said(status(desired=None), T.REGISTERED) == ("Unknown", "NoBridges")
    assert said(status(pending_bridge("eu-0")), T.METRICS_AVAILABLE) == (
        "Unknown",
        "NoBridgeReady",
    )


def test_no_bridge_wanted_is_ready_too() -> None:
    external = region({"replicas": 0}, mode="External")
    assert said(status(of=external), T.READY) == ("True", "ScaledToZero")


def test_no_node_left_limits_and_blocks() -> None:
    found = status(*TWO, desired=5, free_nodes=0, of=people_only(1, minBridges=5))
    assert said(found, T.SCALING_LIMITED) == ("True", "NoNode")
    assert "add nodes" in condition(found, T.SCALING_LIMITED).message
    assert said(found, T.PROGRESSING) == ("False", "Blocked")
    assert "no free node" in condition(found, T.READY).message


def test_pod_that_no_node_takes_limits_too() -> None:
    stuck = pending_bridge("eu-2", waiting_reason="Unschedulable", last_error="0/3 nodes fit")
    found = status(*TWO, stuck, desired=3, of=people_only(1, minBridges=3, maxBridges=3))
    assert said(found, T.SCALING_LIMITED) == ("True", "NoNode")
    assert "0/3 nodes fit" in condition(found, T.SCALING_LIMITED).message
    assert next(each for each in found.bridges if each.name == "eu-2").message == (
        "Unschedulable: 0/3 nodes fit"
    )


def test_bounds_and_policies_that_limit_are_named() -> None:
    crowd = tuple(ready_bridge(f"eu-{n}", 400) for n in range(2))
    at_most = status(*crowd, of=people_only(maxBridges=3))
    assert said(at_most, T.SCALING_LIMITED) == ("True", "AtMaxBridges")
    slowed = status(*crowd, of=people_only(5, maxBridges=200))
    assert said(slowed, T.SCALING_LIMITED) == ("True", "ScaleUpPolicy")
    one = {
        "scaleDown": {
            "stabilizationWindow": "0s",
            "policies": [{"type": "Bridges", "value": 1, "period": "60s"}],
        }
    }
    idle = tuple(ready_bridge(f"eu-{n}") for n in range(9))
    slow = status(*idle, desired=9, of=people_only(behavior=one))
    assert said(slow, T.SCALING_LIMITED) == ("True", "ScaleDownPolicy")


def test_scale_in_that_is_refused_is_named() -> None:
    full = tuple(ready_bridge(f"eu-{n}", 33) for n in range(3))
    found = status(*full, desired=3, of=people_only(50))
    assert said(found, T.SCALING_LIMITED) == ("True", "NoRoomOnTheOthers")
    assert said(found, T.PROGRESSING) == ("False", "Blocked")


def test_drains_are_told_and_overdue_ones_are_a_condition_of_their_own() -> None:
    found = status(*TWO, draining_bridge("eu-2", 3))
    assert said(found, T.DRAINING) == ("True", "BridgesDraining")
    assert said(found, T.PROGRESSING) == ("True", "ScalingIn")
    assert found.draining_replicas == 1
    late = draining_bridge("eu-2", 3, NOW - 4 * 3600 - 1)
    assert said(status(*TWO, late), T.DRAINING) == ("True", "DrainOverdue")


def test_failed_and_lost_bridges_degrade_the_region() -> None:
    failed = pending_bridge("eu-2", waiting_reason="ImagePullBackOff", last_error="no such image")
    found = status(*TWO, failed)
    assert said(found, T.DEGRADED) == ("True", "BridgeFailed")
    assert "no such image" in condition(found, T.DEGRADED).message
    lost = ready_bridge("eu-3", pod_phase="Unknown", node="node-7")
    found = status(*TWO, failed, lost)
    assert said(found, T.DEGRADED) == ("True", "BridgeLost")
    assert "node-7" in condition(found, T.DEGRADED).message


def test_paused_region_says_so() -> None:
    assert said(status(*TWO, of=people_only(mode="Paused")), T.PROGRESSING) == ("False", "Paused")


# What is stale ------------------------------------------------------------------------------


def test_stale_brewery_is_named() -> None:
    stale = replace(CLUSTER, brewery_seen_at=ago(31))
    found = status(*TWO, cluster=stale)
    assert said(found, T.METRICS_AVAILABLE) == ("False", "BreweryStale")
    assert moment_text(NOW - 31) in condition(found, T.METRICS_AVAILABLE).message
    unused = replace(CLUSTER, brewery_seen_at=None)
    assert said(status(*TWO, cluster=unused), T.METRICS_AVAILABLE)[0] == "True"


def test_silent_metrics_server_is_named_where_cpu_counts() -> None:
    silent = replace(CLUSTER, metrics_seen_at=ago(31))
    found = status(*TWO, cluster=silent, of=region())
    assert said(found, T.METRICS_AVAILABLE) == ("False", "MetricsServerSilent")
    assert "metrics-server" in condition(found, T.METRICS_AVAILABLE).message
    assert said(status(*TWO, cluster=silent), T.METRICS_AVAILABLE) == ("True", "AllFresh")
    never = replace(CLUSTER, metrics_seen_at=None)
    assert "never" in condition(status(cluster=never, of=region()), T.METRICS_AVAILABLE).message


def test_stale_readings_name_the_metric_and_the_bridge() -> None:
    blind = replace(TWO[1], participants=Reading(9, ago(31)))
    found = status(TWO[0], blind)
    assert said(found, T.METRICS_AVAILABLE) == ("False", "ReadingsStale")
    message = condition(found, T.METRICS_AVAILABLE).message
    assert "Participants: no fresh reading of eu-1" in message
    new = replace(blind, ready_since=ago(20))
    assert said(status(TWO[0], new), T.METRICS_AVAILABLE) == ("True", "AllFresh")


def test_fleet_that_all_fell_out_of_the_brewery_has_no_metrics() -> None:
    there = tuple(replace(each, registered=False, registered_at=None) for each in TWO)
    found = status(*there)
    assert said(found, T.METRICS_AVAILABLE) == ("False", "NoBridgeReady")
    assert found.desired_replicas == 2


# How conditions and the rest change -----------------------------------------------------------


def test_time_of_a_condition_moves_only_with_its_status() -> None:
    first = status(*TWO)
    later = status(*TWO, old=first, now=NOW + 5)
    assert later.conditions == first.conditions
    broken = status(TWO[0], old=first, now=NOW + 9)
    assert condition(broken, T.READY).last_transition_time == moment_text(NOW + 9)
    assert condition(broken, T.DEGRADED) == condition(first, T.DEGRADED)


def test_settled_region_keeps_its_status_to_the_letter() -> None:
    first = status(*TWO, desired=None)
    assert status(*TWO, old=first, now=NOW + 1, history=reporting.history_of(first)) == first


def test_moment_of_a_decision_stays_while_it_does() -> None:
    first = status(*TWO)
    busier = status(ready_bridge("eu-0", 12), TWO[1], old=first, now=NOW + 5)
    assert first.last_decision is not None
    assert busier.last_decision is not None
    assert busier.last_decision.at == first.last_decision.at
    assert busier.last_decision.terms != first.last_decision.terms
    assert busier.last_scale_time == first.last_scale_time
    grown = status(ready_bridge("eu-0", 200), TWO[1], old=first, now=NOW + 5)
    assert grown.last_decision is not None
    assert grown.last_decision.at == moment_text(NOW + 5)
    assert grown.last_scale_time == moment_text(NOW + 5)


def test_decision_is_told_term_by_term() -> None:
    found = status(*TWO, of=region()).last_decision
    assert found is not None
    assert (found.wanted, found.winner) == (2, "CPU")
    cpu, people = found.terms
    assert (cpu.type, cpu.current, cpu.target, cpu.proposal) == ("CPU", "9", "70", 1)
    assert (people.type, people.current, people.target) == ("Participants", "18", "50")
    assert found.limited_by == "ScaleDownWindow"


def test_status_remembers_what_the_next_decision_needs() -> None:
    kept = History(
        (Recommendation(ago(100), 3), Recommendation(ago(20), 2)), (ScaleEvent(ago(10), -1),), 2
    )
    slow = people_only(behavior={"scaleDown": {"stabilizationWindow": "300s"}})
    found = status(*TWO, of=slow, history=kept)
    again = reporting.history_of(RegionStatus.model_validate(found.model_dump(by_alias=True)))
    assert again.desired == 2
    assert again.recommendations[0] == Recommendation(ago(100), 3)
    assert again.scale_events == (ScaleEvent(ago(10), -1),)
    assert reporting.history_of(None) == reporting.history_of(RegionStatus()) == History()


def test_bridges_are_counted_and_shown_in_order() -> None:
    there = (*(ready_bridge(f"eu-{n}", n) for n in range(11)), draining_bridge("eu-11", 3))
    found = status(*there, desired=11, of=people_only(5))
    assert [each.name for each in found.bridges] == [f"eu-{n}" for n in range(12)]
    assert (found.replicas, found.ready_replicas, found.draining_replicas) == (11, 11, 1)
    assert (found.participants, found.stress, found.selector) == (58, "0.1", "a=b")
    tenth = found.bridges[10]
    assert (tenth.state, tenth.participants, tenth.stress, tenth.cpu) == ("Ready", 10, "0.1", "10")


def test_of_too_many_bridges_those_in_trouble_are_shown() -> None:
    well = tuple(ready_bridge(f"eu-{n}") for n in range(60))
    ill = ready_bridge("eu-60", 0, NOW, **UNHEARD)
    found = status(*well, ill, desired=60, of=people_only(maxBridges=100))
    assert len(found.bridges) == BRIDGES_SHOWN
    assert found.bridges[-1].name == "eu-60"
    assert found.replicas == 61


def test_unknown_readings_are_left_out_and_never_zero() -> None:
    blind = ready_bridge("eu-0", 5, participants=None, stress=None, cpu_utilization=None)
    shown = status(blind).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert shown["bridges"] == [{"name": "eu-0", "state": "Ready", "node": "node-eu-0"}]
    assert "participants" not in shown
    assert "stress" not in shown


@pytest.mark.parametrize("ready", [True, False])
def test_cluster_sums_its_regions_up(ready: bool) -> None:
    cluster = effective_cluster(
        JitsiCluster.model_validate(
            {"metadata": {"name": "meet", "generation": 4}, "spec": {"domain": "meet.example"}}
        )
    )
    regions = [status(*TWO), status(TWO[0], replace(TWO[1], participants=None))]
    found = reporting.cluster_status(
        cluster,
        Whole(ready, "not ready: meet-jicofo", meshing.mesh_of(cluster, ()), regions),
        None,
        NOW,
    )
    assert (found.regions, found.bridges, found.ready_bridges, found.participants) == (2, 4, 4, 27)
    verdict = next(each for each in found.conditions if each.type == "Ready")
    assert verdict.observed_generation == found.observed_generation == 4
    assert (verdict.status == "True") is ready
    assert ("meet-jicofo" in verdict.message) is not ready


def test_unusable_nodes_are_counted_in_the_message() -> None:
    seen = replace(
        snapshot(*TWO, history=History(desired=4)),
        nodes=(
            Node("n0", True, True, False),
            Node("n1", True, False, True),
            Node("n2", False, True, True),
        ),
    )
    of = people_only(1, minBridges=4)
    decided = sizing.decide(of, seen, NOW)
    planned = planning.plan(of, seen, decided, NOW)
    assert "2 of 3 nodes match" in planned.refusals[0].message
    assert "2 of them not ready or not schedulable" in planned.refusals[0].message


def test_conference_that_cannot_be_moved_past_its_deadline_is_explained() -> None:
    full = tuple(replace(each, stress=Reading(0.79, NOW)) for each in TWO)
    late = draining_bridge("eu-2", 9, NOW - 4 * 3600 - 1, conferences=(Conference("big", 9),))
    found = status(*full, late)
    assert said(found, T.DRAINING) == ("True", "DrainOverdue")
    assert "no room" in condition(found, T.DRAINING).message
