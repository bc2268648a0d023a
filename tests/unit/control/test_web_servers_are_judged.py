"""How many web servers there are, where they lead, and what is said of those that don't serve."""

from collections.abc import Sequence
from typing import Any

import pytest

from octofleet.api.clusters import JitsiCluster
from octofleet.api.controller import EffectiveCluster, web_of_region
from octofleet.api.effective import effective_cluster
from octofleet.api.regions import OctoRegion
from octofleet.api.status import ConditionStatus
from octofleet.core import checkup, clusterwide, webfront
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.manifests import mapping

DOMAIN = "meet.example.org"


def cluster(size: str = "small", **said: Any) -> EffectiveCluster:
    meta = {"name": "meet", "namespace": "ns", "uid": "uid"}
    spec = {"domain": DOMAIN, "size": size, "version": "stable-1"}
    body = {"metadata": meta, "spec": {**spec, "controller": {"web": said}}}
    return effective_cluster(JitsiCluster.model_validate(body))


@pytest.mark.parametrize(("size", "replicas"), [("small", 1), ("medium", 2), ("large", 3)])
def test_the_size_says_how_many_unless_somebody_does(size: str, replicas: int) -> None:
    assert cluster(size).web.replicas == replicas
    assert cluster(size, replicas=5).web.replicas == 5


def test_their_image_is_the_stock_one_of_the_version_unless_told() -> None:
    assert mapping.web_workload(cluster().web).image == "ghcr.io/jitsi/web:stable-1"
    assert mapping.web_workload(cluster(image="own:2").web).image == "own:2"


def test_they_are_on_unless_switched_off_and_an_ingress_is_only_made_when_asked_for() -> None:
    assert cluster().web.are_managed
    assert mapping.web_front(cluster().web, DOMAIN) is None
    assert not cluster(mode="Off").web.are_managed


def test_an_ingress_is_for_the_domain_or_the_host_of_the_public_address() -> None:
    plain, elsewhere = cluster(ingress={}), cluster(ingress={}, publicUrl="https://a.b:8443")
    for found, host in ((plain, "meet.example.org"), (elsewhere, "a.b")):
        front = mapping.web_front(found.web, DOMAIN)
        assert front is not None
        assert (front.host, front.certificate) == (host, None)


def region(**said: Any) -> OctoRegion:
    spec = {"clusterRef": {"name": "meet"}, "region": "eu", "placement": {"region": "eu-west"}}
    return OctoRegion.model_validate({"metadata": {"name": "eu"}, "spec": {**spec, **said}})


def test_a_region_has_its_own_only_if_it_says_so() -> None:
    assert web_of_region(cluster(), region()) is None
    assert web_of_region(cluster(mode="Off"), region(web={})) is not None


def test_a_regions_own_are_like_the_clusters_but_near_its_people() -> None:
    above = cluster(
        "medium", image="own:2", publicUrl="https://a.example.org", nodeSelector={"pool": "web"}
    )
    own = web_of_region(above, region(web={"ingress": {"className": "eu"}}))
    assert own is not None
    workload, front = mapping.web_workload(own), mapping.web_front(own, DOMAIN)
    assert (workload.image, own.replicas) == ("own:2", 2)
    near = {"topology.kubernetes.io/region": "eu-west"}
    assert workload.node_selector == {"pool": "web", **near}
    assert front is not None
    assert (front.host, front.class_name) == ("a.example.org", "eu")
    told = mapping.web_settings(above, own, "cluster.local", "eu")
    assert (told.public_url, told.region) == ("https://a.example.org", "eu")


def test_pages_of_a_region_with_a_host_of_its_own_send_people_there() -> None:
    said = {"ingress": {"host": "eu.example.org"}, "replicas": 4, "nodeSelector": {}}
    own = web_of_region(cluster(nodeSelector={"pool": "web"}), region(web=said))
    assert own is not None
    assert own.public_url(DOMAIN) == "https://eu.example.org"
    assert own.replicas == 4
    assert "pool" not in mapping.web_workload(own).node_selector


def test_of_several_the_worst_is_told_with_all_that_are_as_bad() -> None:
    fine = webfront.judged("a-web", "https://a", serves=True, stalled=True)
    coming = webfront.judged("b-web", "https://b", serves=False, stalled=False)
    broken = webfront.judged("c-web", "https://c", serves=False, stalled=True)
    assert webfront.worst([]) is None
    assert webfront.worst([fine, coming]) == coming
    found = webfront.worst([fine, broken, coming, webfront.refused("no")])
    assert found is not None
    assert found.status is ConditionStatus.FALSE
    assert "c-web" in found.message
    assert "no" in found.message
    assert "b-web" not in found.message


@pytest.mark.parametrize(
    ("serves", "stalled", "status"),
    [
        (True, True, ConditionStatus.TRUE),
        (False, False, ConditionStatus.UNKNOWN),
        (False, True, ConditionStatus.FALSE),
    ],
)
def test_those_that_come_up_are_no_trouble_and_those_that_dont_are(
    serves: bool, stalled: bool, status: ConditionStatus
) -> None:
    found = webfront.judged("meet-web", "https://m.example", serves=serves, stalled=stalled)
    assert found.status is status
    assert "https://m.example" in found.message


def test_a_cluster_is_ready_whatever_its_web_servers_do() -> None:
    def said(web: Verdict | None) -> dict[ConditionType, ConditionStatus]:
        whole = Whole(True, "", None, (), web=web)
        return {each.type: each.status for each in clusterwide.verdicts(whole)}

    broken = said(webfront.refused("no"))
    assert broken[ConditionType.WEB_READY] is ConditionStatus.FALSE
    assert broken[ConditionType.READY] is ConditionStatus.TRUE
    assert ConditionType.WEB_READY not in said(None)


@pytest.mark.parametrize(
    ("ingresses", "names"),
    [
        ({}, []),
        ({"own": ["meet.example.org"]}, []),
        ({"own": ["*.example.org"]}, []),
        ({"own": [""]}, []),
        ({"old": ["old.example.org"], "own": ["meet.example.org"]}, []),
        ({"old": ["old.example.org"]}, ["WebHostDiffers"]),
        ({"old": ["*.org"]}, ["WebHostDiffers"]),
    ],
)
def test_ingresses_that_lead_there_by_another_host_are_named(
    ingresses: dict[str, Sequence[str]], names: list[str]
) -> None:
    found = checkup.of_web("JitsiCluster ns/meet", "meet.example.org", ingresses)
    assert [each.name for each in found] == names
    assert all("old" in each.message for each in found)
