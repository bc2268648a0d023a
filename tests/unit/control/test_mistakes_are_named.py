"""The classic mistakes, each found by name, with the fix in the message."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.control.worlds import (
    NOW,
    decision,
    pending_bridge,
    ready_bridge,
    region,
    snapshot,
)

from octofleet.api.clusters import JitsiCluster, ServiceType
from octofleet.api.effective import effective_cluster
from octofleet.api.status import RegionStatus
from octofleet.core import clusterwide, diagnosis, lifecycle, meshing, planning, reporting
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.findings import Findings
from octofleet.core.limits import limits_of
from octofleet.core.meshing import Place
from octofleet.core.observation import Bridge, Front, Occupant, Surroundings
from octofleet.shell import meshes, pods, surroundings
from octofleet.shell.documents import Document

T = ConditionType
REGION = region()
LIMITS = limits_of(REGION.autoscaling)
LINKED = replace(REGION, bridge=replace(REGION.bridge, relays=True))


def _verdict(
    kind: ConditionType,
    *bridges: Bridge,
    around: Surroundings | None = None,
    of: Any = REGION,
    release: str | None = None,
) -> Verdict:
    seen = replace(snapshot(*bridges), around=around or Surroundings(()), release=release)
    decided = decision(len(bridges))
    planned = planning.plan(of, seen, decided, NOW)
    judged = lifecycle.judged(seen, NOW, LIMITS)
    findings = Findings(of, seen, judged, decided, planned, LIMITS, NOW)
    return next(each for each in diagnosis.diagnose(findings) if each.type is kind)


def _said(verdict: Verdict) -> tuple[str, str]:
    return verdict.status.value, verdict.reason.value


BALANCED: dict[str, Any] = {
    "type": "LoadBalancer",
    "selector": {"octofleet.io/region": "eu"},
    "ports": [{"port": 10000, "protocol": "UDP"}],
}
LABELS = {"octofleet.io/region": "eu", "octofleet.io/cluster": "meet"}


def _service(**spec: Any) -> Document:
    return {"metadata": {"name": "media"}, "spec": {**BALANCED, **spec}}


def _ingress(service: str) -> Document:
    backend = {"service": {"name": service, "port": {"number": 8080}}}
    rule = {"http": {"paths": [{"path": "/", "backend": backend}]}}
    return {"metadata": {"name": "door"}, "spec": {"rules": [rule]}}


@pytest.mark.parametrize(
    ("service", "ingresses", "fronts"),
    [
        (_service(), [], (Front("LoadBalancer Service", "media"),)),
        (_service(type="NodePort"), [], (Front("NodePort Service", "media"),)),
        (_service(type="ClusterIP"), [], ()),
        (_service(ports=[{"port": 8080, "protocol": "TCP"}]), [], ()),
        (_service(selector={"app": "web"}), [_ingress("media")], ()),
        (_service(selector=None), [], ()),
        (_service(type="ClusterIP"), [_ingress("media")], (Front("Ingress", "door"),)),
        (_service(type="ClusterIP"), [_ingress("web")], ()),
    ],
)
def test_what_stands_in_front_of_bridges_is_found(
    service: Document, ingresses: list[Document], fronts: tuple[Front, ...]
) -> None:
    assert surroundings.fronts_of([service], ingresses, LABELS) == fronts


def test_a_load_balancer_in_front_is_named() -> None:
    around = Surroundings((Front("LoadBalancer Service", "media"),))
    verdict = _verdict(T.DIRECT, ready_bridge("eu-0"), around=around)
    assert _said(verdict) == ("False", "LoadBalancerInFront")
    assert "LoadBalancer Service media" in verdict.message
    assert "delete it" in verdict.message
    assert _said(_verdict(T.DIRECT, ready_bridge("eu-0"))) == ("True", "NothingInFront")
    unknown = _verdict(T.DIRECT, ready_bridge("eu-0"), around=Surroundings(None))
    assert _said(unknown) == ("Unknown", "FrontsUnknown")


@pytest.mark.parametrize(
    ("occupants", "of", "said"),
    [
        ([], REGION, ("Unknown", "NoBridges")),
        ([("a", "1", None), ("b", "1", None)], REGION, ("True", "AllAlike")),
        ([("a", "1", "r1"), ("b", "1", "r2")], LINKED, ("True", "AllAlike")),
        ([("a", "1", "r1"), ("b", "1", None)], LINKED, ("False", "RelayIdMissing")),
        ([("a", "1", "r1"), ("b", "1", "r1")], LINKED, ("False", "RelayIdTwice")),
        ([("a", "1", None), ("b", "2", None)], REGION, ("False", "VersionsDiffer")),
        ([("a", "1", None), ("b", None, None)], REGION, ("True", "AllAlike")),
    ],
)
def test_bridges_that_do_not_go_together_are_named(
    occupants: list[tuple[str, str | None, str | None]], of: Any, said: tuple[str, str]
) -> None:
    around = Surroundings((), tuple(Occupant(*each) for each in occupants))
    verdict = _verdict(T.ALIKE, ready_bridge("eu-0"), around=around, of=of)
    assert _said(verdict) == said


def test_an_upgrade_under_way_is_no_mistake() -> None:
    around = Surroundings((), (Occupant("a", "1"), Occupant("b", "2")))
    old = ready_bridge("eu-0", release="old", config_hash="as-ever")
    verdict = _verdict(T.ALIKE, old, around=around, release="new")
    assert _said(verdict) == ("Unknown", "Upgrading")
    same = _verdict(T.ALIKE, old, around=around, release="old")
    assert _said(same) == ("False", "VersionsDiffer")


def test_an_upgrade_of_another_region_is_no_mistake_either() -> None:
    around = Surroundings((), (Occupant("eu-0-a", "1"), Occupant("us-0-b", "2")), upgrading=("us",))
    verdict = _verdict(T.ALIKE, ready_bridge("eu-0"), around=around)
    assert _said(verdict) == ("Unknown", "Upgrading")
    assert "us" in verdict.message
    over = replace(around, upgrading=())
    assert _said(_verdict(T.ALIKE, ready_bridge("eu-0"), around=over)) == (
        "False",
        "VersionsDiffer",
    )


def test_a_version_that_nobody_is_given_to_strands_nothing() -> None:
    """One that is to be proven starts drained, and one that leaves drains."""
    drained = (Occupant("eu-0-a", "1"), Occupant("us-0-b", "2", drains=True))
    found = _verdict(T.ALIKE, ready_bridge("eu-0"), around=Surroundings((), drained))
    assert _said(found) == ("True", "AllAlike")


@pytest.mark.parametrize(
    ("phase", "counts"),
    [
        ("Current", False),
        ("Proving", True),
        ("Shifting", True),
        ("Finishing", True),
        ("Paused", True),
        ("RolledBack", False),
    ],
)
def test_regions_that_are_being_upgraded_are_told_by_their_status(phase: str, counts: bool) -> None:
    def there(name: str, cluster: str = "meet") -> Document:
        spec = {"region": name, "clusterRef": {"name": cluster}}
        status = {"rollout": {"phase": phase}}
        return {"metadata": {"name": name}, "spec": spec, "status": status}

    found = [there("eu"), there("us"), there("asia", "other"), {"metadata": {"name": "new"}}]
    assert meshes.upgrading(found, REGION) == (("us",) if counts else ())


def _outside(**fields: Any) -> Bridge:
    away: dict[str, Any] = {"registered": False, "registered_at": None, "in_brewery": False}
    return ready_bridge("eu-0", **{**away, **fields})


@pytest.mark.parametrize(
    ("taken", "reason"),
    [(False, "WrongCredentials"), (True, "BridgeNotInBrewery"), (None, "BridgeNotInBrewery")],
)
def test_a_password_that_prosody_refuses_is_told_from_other_reasons(
    taken: bool | None, reason: str
) -> None:
    verdict = _verdict(T.REGISTERED, _outside(), around=Surroundings((), (), taken))
    assert _said(verdict) == ("False", reason)
    if taken is False:
        assert "meet-credentials" in verdict.message


def test_bridges_without_their_secret_are_named() -> None:
    bridge = pending_bridge(
        "eu-0",
        node="n",
        in_brewery=False,
        waiting_reason="CreateContainerConfigError",
        last_error='secret "meet-credentials" not found',
    )
    verdict = _verdict(T.DEGRADED, bridge)
    assert _said(verdict) == ("True", "CredentialsMissing")


def _pod(status: dict[str, Any]) -> Document:
    return {"metadata": {"name": "eu-0"}, "spec": {"nodeName": "n1"}, "status": status}


def test_a_port_that_is_taken_is_named_by_the_bridges_last_words() -> None:
    said = "noise\noctobridge: 10.0.0.4:10000: Address already in use; free the port\n"
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": said}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}}
    container = {"name": "bridge", "state": waiting, "lastState": ended}
    seen = pods.bridge_of(_pod({"phase": "Running", "containerStatuses": [container]}))
    bridge = replace(seen, in_brewery=False, registered=False)
    verdict = _verdict(T.DEGRADED, bridge)
    assert _said(verdict) == ("True", "PortTaken")
    assert "10.0.0.4:10000" in verdict.message
    assert "node n1" in verdict.message


def test_nodes_whose_port_is_taken_by_another_pod_are_named() -> None:
    why = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    bridge = pending_bridge("eu-0", waiting_reason="Unschedulable", last_error=why)
    verdict = _verdict(T.SCALING_LIMITED, bridge)
    assert _said(verdict) == ("True", "PortTaken")


def test_an_image_that_only_the_waiting_container_misses_is_a_failure_too() -> None:
    missing = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    first = {"name": "address", "state": missing}
    then = {"name": "bridge", "state": {"waiting": {"reason": "PodInitializing"}}}
    status = {"phase": "Pending", "initContainerStatuses": [first], "containerStatuses": [then]}
    bridge = pods.bridge_of(_pod(status))
    assert (bridge.waiting_reason, bridge.last_error) == ("ImagePullBackOff", "no such image")
    assert lifecycle.classify(bridge, NOW, LIMITS).value == "Failed"


def _cluster(strategy: str | None = None, relays: str = "Auto") -> Any:
    spec: dict[str, Any] = {"domain": "meet.example", "octo": {"relays": relays}}
    if strategy:
        spec["controller"] = {"jicofo": {"strategy": strategy}}
    return effective_cluster(
        JitsiCluster.model_validate({"metadata": {"name": "meet"}, "spec": spec})
    )


def _whole(cluster: Any, *zones: tuple[str, ...]) -> dict[ConditionType, Verdict]:
    places = [Place(f"region-{number}") for number in range(len(zones))]
    regions = [RegionStatus(zones=each) for each in zones]
    whole = Whole(True, "", meshing.mesh_of(cluster, places), regions)
    return {each.type: each for each in clusterwide.verdicts(whole)}


@pytest.mark.parametrize(
    ("cluster", "zones", "said"),
    [
        (_cluster(), [("a",)], ("True", "OneRegion")),
        (_cluster(), [("a",), ("b",)], ("True", "ByRegion")),
        (
            _cluster("SingleBridgeSelectionStrategy"),
            [("a",), ("b",)],
            ("False", "StrategyNotRegional"),
        ),
        (_cluster(relays="Disabled"), [("a",), ("b",)], ("False", "RelaysOff")),
    ],
)
def test_regions_that_jicofo_does_not_look_at_are_named(
    cluster: Any, zones: list[tuple[str, ...]], said: tuple[str, str]
) -> None:
    assert _said(_whole(cluster, *zones)[T.REGIONAL]) == said


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ([("a",)], ("True", "OneRegion")),
        ([("a",), ("a",)], ("False", "RegionsInOneZone")),
        ([("a",), ("b",)], ("True", "SeveralZones")),
        ([("a", "b"), ("a",)], ("True", "SeveralZones")),
        ([("a",), ()], ("Unknown", "ZonesUnknown")),
    ],
)
def test_regions_in_one_place_are_named(
    zones: list[tuple[str, ...]], said: tuple[str, str]
) -> None:
    assert _said(_whole(_cluster(), *zones)[T.APART]) == said


def test_where_regions_elsewhere_are_is_unknown_and_no_mistake() -> None:
    remote = replace(_cluster(), remote_service=ServiceType.NODE_PORT)
    told = _whole(remote, ("a",), ("a",))
    assert _said(told[T.APART]) == ("Unknown", "ZonesUnknown")
    assert _said(told[T.REGIONAL]) == ("True", "ByRegion")
    assert _said(_whole(remote, ("a",), ("b",))[T.APART]) == ("True", "SeveralZones")


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (
            'eu-1: forbidden: violates PodSecurity "baseline:latest": hostNetwork',
            "PodSecurityForbids",
        ),
        ("eu-1: exceeded quota: pods=1", "BridgeNotCreated"),
    ],
)
def test_what_the_api_server_refuses_is_named(why: str, reason: str) -> None:
    seen = snapshot(ready_bridge("eu-0"), free_nodes=1)
    decided = decision(2)
    planned = planning.plan(REGION, seen, decided, NOW)
    assert planning.with_refused_bridges(planned, []) == planned
    refused = planning.with_refused_bridges(planned, [why])
    found = reporting.region_status(REGION, seen, decided, refused, None, "a=b", NOW)
    told = {each.type: each for each in found.conditions}
    assert (told["ScalingLimited"].status.value, told["ScalingLimited"].reason) == ("True", reason)
    assert told["Progressing"].reason == "Blocked"
    assert why in told["Ready"].message
    fix = "kubectl label namespace meet pod-security.kubernetes.io/enforce=privileged"
    assert (fix in told["ScalingLimited"].message) is (reason == "PodSecurityForbids")
