"""What a real API server says to our resources: defaults filled in, mistakes refused by name."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from tests.component.control.apiserver import ApiServer

Object = dict[str, Any]

CLUSTER: Object = {
    "apiVersion": "octofleet.io/v1alpha1",
    "kind": "JitsiCluster",
    "metadata": {"name": "meet", "namespace": "default"},
    "spec": {"domain": "meet.example.org"},
}
REGION: Object = {
    "apiVersion": "octofleet.io/v1alpha1",
    "kind": "OctoRegion",
    "metadata": {"name": "eu", "namespace": "default"},
    "spec": {"clusterRef": {"name": "meet"}, "region": "eu-west"},
}


def changed(base: Object, path: str, value: Any) -> Object:
    """Return a copy with the field at a dotted path set, or taken away with None."""
    out = copy.deepcopy(base)
    *parents, last = path.split(".")
    node = out
    for parent in parents:
        node = node.setdefault(parent, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return out


ELSEWHERE = changed(
    changed(REGION, "spec.clusterRef", None), "spec.joinSecretRef", {"name": "home"}
)


def metric(kind: str, **target: Any) -> list[Object]:
    return [{"type": kind, "target": target}]


def policy(**fields: Any) -> list[Object]:
    return [{"type": "Bridges", "value": 1, "period": "60s", **fields}]


REFUSED: Mapping[str, tuple[Object, str, str]] = {
    "minimum above maximum": (
        changed(REGION, "spec.autoscaling", {"minBridges": 5, "maxBridges": 2}),
        "spec.autoscaling.minBridges",
        "must not be more than autoscaling.maxBridges",
    ),
    "minimum above maximum of a cluster": (
        changed(CLUSTER, "spec.autoscaling", {"minBridges": 5, "maxBridges": 2}),
        "spec.autoscaling.minBridges",
        "must not be more than autoscaling.maxBridges",
    ),
    "no bridges at least": (
        changed(REGION, "spec.autoscaling.minBridges", 0),
        "spec.autoscaling.minBridges",
        "greater than or equal to 1",
    ),
    "unknown field": (
        changed(REGION, "spec.bridge.colour", "red"),
        "spec.bridge.colour",
        "unknown field",
    ),
    "unknown field on top": (
        changed(CLUSTER, "spec.regionGroup", "europe"),
        "spec.regionGroup",
        "unknown field",
    ),
    "namespace of another cluster": (
        changed(REGION, "spec.clusterRef.namespace", "other"),
        "spec.clusterRef.namespace",
        "unknown field",
    ),
    "an ingress for another host than the pages'": (
        changed(
            CLUSTER,
            "spec.controller.web",
            {"publicUrl": "https://a.example.org", "ingress": {"host": "b.example.org"}},
        ),
        "spec.controller.web.ingress.host",
        "must be the host of web.publicUrl",
    ),
    "web servers of a region whose cluster is elsewhere": (
        changed(changed(ELSEWHERE, "spec.web", {}), "metadata.name", "far"),
        "spec.web",
        "web needs a JitsiCluster in this Kubernetes",
    ),
    "pages without TLS": (
        changed(CLUSTER, "spec.controller.web.publicUrl", "http://meet.example.org"),
        "spec.controller.web.publicUrl",
        "should match",
    ),
    "no web server at all": (
        changed(CLUSTER, "spec.controller.web.replicas", 0),
        "spec.controller.web.replicas",
        "greater than or equal to 1",
    ),
    "unknown engine": (
        changed(REGION, "spec.bridge.engine", "janus"),
        "spec.bridge.engine",
        'supported values: "octobridge"',
    ),
    "unknown engine of a cluster": (
        changed(CLUSTER, "spec.bridge.engine", "another"),
        "spec.bridge.engine",
        'supported values: "octobridge"',
    ),
    "unknown size": (changed(CLUSTER, "spec.size", "huge"), "spec.size", "Unsupported value"),
    "unknown mode": (
        changed(REGION, "spec.autoscaling.mode", "Turbo"),
        "spec.autoscaling.mode",
        "Unsupported value",
    ),
    "bad quantity": (
        changed(REGION, "spec.bridge.resources", {"requests": {"cpu": "plenty"}}),
        "spec.bridge.resources.requests.cpu",
        "should match",
    ),
    "fraction without quotes": (
        changed(REGION, "spec.autoscaling.metrics", metric("Stress", averageValue=0.6)),
        "spec.autoscaling.metrics[0].target.averageValue",
        "must be of type",
    ),
    "request above limit": (
        changed(
            REGION, "spec.bridge.resources", {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}
        ),
        "spec.bridge.resources.requests.cpu",
        "must not be more than limits.cpu",
    ),
    "memory request above limit": (
        changed(
            CLUSTER,
            "spec.controller.prosody.resources",
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}},
        ),
        "spec.controller.prosody.resources.requests.memory",
        "must not be more than limits.memory",
    ),
    "bad duration": (
        changed(REGION, "spec.autoscaling.drain.patience", "an hour"),
        "spec.autoscaling.drain.patience",
        "should match",
    ),
    "patience beyond deadline": (
        changed(REGION, "spec.autoscaling.drain", {"patience": "90m", "deadline": "1h"}),
        "spec.autoscaling.drain.patience",
        "must not be longer than drain.deadline",
    ),
    "CPU by value": (
        changed(REGION, "spec.autoscaling.metrics", metric("CPU", averageValue="50")),
        "spec.autoscaling.metrics[0].target",
        "a CPU metric needs target.averageUtilization",
    ),
    "participants by utilization": (
        changed(REGION, "spec.autoscaling.metrics", metric("Participants", averageUtilization=5)),
        "spec.autoscaling.metrics[0].target",
        "needs target.averageValue",
    ),
    "nobody on average": (
        changed(REGION, "spec.autoscaling.metrics", metric("Participants", averageValue=0)),
        "spec.autoscaling.metrics[0].target.averageValue",
        "must be more than 0",
    ),
    "a metric twice": (
        changed(REGION, "spec.autoscaling.metrics", metric("CPU", averageUtilization=5) * 2),
        "spec.autoscaling.metrics[1]",
        "Duplicate value",
    ),
    "no metrics": (
        changed(REGION, "spec.autoscaling.metrics", []),
        "spec.autoscaling.metrics",
        "at least 1 items",
    ),
    "period of no time": (
        changed(REGION, "spec.autoscaling.behavior.scaleUp.policies", policy(period="0s")),
        "spec.autoscaling.behavior.scaleUp.policies[0].period",
        "must be more than 0s",
    ),
    "period too long": (
        changed(CLUSTER, "spec.autoscaling.behavior.scaleDown.policies", policy(period="31m")),
        "spec.autoscaling.behavior.scaleDown.policies[0].period",
        "at most 30m",
    ),
    "window too long": (
        changed(REGION, "spec.autoscaling.behavior.scaleDown.stabilizationWindow", "2h"),
        "spec.autoscaling.behavior.scaleDown.stabilizationWindow",
        "must be at most 1h",
    ),
    "tolerance of everything": (
        changed(REGION, "spec.autoscaling.behavior.scaleDown.tolerance", "1"),
        "spec.autoscaling.behavior.scaleDown.tolerance",
        "less than 1",
    ),
    "negative replicas": (
        changed(REGION, "spec.replicas", -1),
        "spec.replicas",
        "greater than or equal to 0",
    ),
    "no domain": (changed(CLUSTER, "spec.domain", None), "spec.domain", "Required value"),
    "bad domain": (
        changed(CLUSTER, "spec.domain", "Meet_Me"),
        "spec.domain",
        "should match",
    ),
    "no cluster": (
        changed(REGION, "spec.clusterRef", None),
        "spec.clusterRef",
        "exactly one of clusterRef and joinSecretRef must be set",
    ),
    "two clusters": (
        changed(REGION, "spec.joinSecretRef", {"name": "elsewhere"}),
        "spec.clusterRef",
        "exactly one of clusterRef and joinSecretRef must be set",
    ),
    "bad region": (
        changed(REGION, "spec.region", "EU West"),
        "spec.region",
        "should match",
    ),
    "bad port": (
        changed(REGION, "spec.bridge.port", 70000),
        "spec.bridge.port",
        "less than or equal to 65535",
    ),
    "static without addresses": (
        changed(REGION, "spec.bridge.addresses", {"source": "Static"}),
        "spec.bridge.addresses.static",
        "must list the addresses",
    ),
    "addresses without static": (
        changed(CLUSTER, "spec.bridge.addresses", {"static": ["203.0.113.7#10001"]}),
        "spec.bridge.addresses.static",
        "only for addresses.source Static",
    ),
    "bad static address": (
        changed(
            REGION, "spec.bridge.addresses", {"source": "Static", "static": ["bridge.example.org"]}
        ),
        "spec.bridge.addresses.static[0]",
        "should match",
    ),
    "long name": (
        changed(REGION, "metadata.name", "e" * 51),
        "metadata.name",
        "at most 50 characters",
    ),
    "long name of a cluster": (
        changed(CLUSTER, "metadata.name", "e" * 41),
        "metadata.name",
        "at most 40 characters",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistake_is_refused_and_the_field_is_named(apiserver: ApiServer, case: str) -> None:
    wrong, field, why = REFUSED[case]
    result = apiserver.try_apply(wrong, dry_run=True)
    assert result.returncode != 0
    assert field in result.stderr
    assert why in result.stderr


def test_smallest_resources_get_every_default(apiserver: ApiServer) -> None:
    with apiserver.client() as client:
        path = "/apis/octofleet.io/v1alpha1/namespaces/default"
        dry = {"dryRun": "All", "fieldValidation": "Strict"}
        cluster = client.post(f"{path}/jitsiclusters", json=CLUSTER, params=dry).json()["spec"]
        region = client.post(f"{path}/octoregions", json=REGION, params=dry).json()["spec"]
    assert cluster["size"] == "small"
    assert cluster["controller"]["jicofo"] == {}
    assert cluster["bridge"] == {
        "engine": "octobridge",
        "port": 10000,
        "addresses": {"source": "Auto"},
    }
    assert cluster["autoscaling"]["mode"] == "Auto"
    assert cluster["autoscaling"]["metrics"][1] == {
        "type": "Participants",
        "target": {"averageValue": "50"},
    }
    assert cluster["autoscaling"]["behavior"]["scaleDown"]["stabilizationWindow"] == "300s"
    assert cluster["autoscaling"]["drain"]["atDeadline"] == "Move"
    # A region's defaults are the cluster's: filled in here, they would hide it.
    assert region == {
        **REGION["spec"],
        "replicas": 2,
        "placement": {},
        "bridge": {},
        "autoscaling": {},
    }


def test_whole_resources_are_taken(apiserver: ApiServer) -> None:
    bridge: Object = {
        "engine": "octobridge",
        "image": "registry.example.org:5000/bridge@sha256:" + "0" * 64,
        "port": 10001,
        "addresses": {"source": "Static", "static": ["203.0.113.7#10001", "2001:db8::7"]},
        "resources": {
            "requests": {"cpu": "500m", "memory": "512Mi"},
            "limits": {"cpu": 1, "memory": "1Gi"},
        },
        "nodeSelector": {"topology.kubernetes.io/region": "eu"},
        "tolerations": [{"key": "media", "operator": "Exists", "effect": "NoSchedule"}],
    }
    direction: Object = {
        "stabilizationWindow": "1m30s",
        "tolerance": "0.05",
        "policies": [{"type": "Percent", "value": 50, "period": "1m"}],
        "selectPolicy": "Min",
    }
    autoscaling: Object = {
        "mode": "Recommend",
        "minBridges": 2,
        "maxBridges": 9,
        "metrics": [
            *metric("CPU", averageUtilization=60),
            *metric("Participants", averageValue=40),
            *metric("Stress", averageValue="600m"),
        ],
        "behavior": {"scaleUp": direction, "scaleDown": direction},
        "drain": {"patience": "1h", "deadline": "4h", "atDeadline": "Wait"},
    }
    cluster = changed(CLUSTER, "spec.bridge", bridge)
    cluster["spec"]["autoscaling"] = autoscaling
    region = changed(REGION, "spec.bridge", bridge)
    region["spec"]["autoscaling"] = autoscaling
    apiserver.apply(cluster, region, dry_run=True)


def test_cluster_of_a_region_cannot_be_changed(apiserver: ApiServer) -> None:
    region = changed(REGION, "metadata.name", "settled")
    apiserver.apply(region)
    moved = apiserver.try_apply(changed(region, "spec.clusterRef.name", "other"))
    assert moved.returncode != 0
    assert "spec.clusterRef" in moved.stderr
    assert "can't be changed" in moved.stderr


def test_region_cannot_move_to_a_cluster_elsewhere_and_back(apiserver: ApiServer) -> None:
    region = changed(REGION, "metadata.name", "abroad")
    elsewhere = changed(region, "spec.joinSecretRef", {"name": "home"})
    del elsewhere["spec"]["clusterRef"]
    apiserver.apply(elsewhere)
    for moved in (changed(elsewhere, "spec.joinSecretRef.name", "other"), region):
        # kubectl apply would leave the other reference where it is: this takes it away.
        answer = apiserver.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(moved))
        assert answer.returncode != 0
        assert "can't be changed" in answer.stderr


def test_scale_subresource_reads_and_writes_replicas(apiserver: ApiServer) -> None:
    region = changed(REGION, "metadata.name", "scaled")
    apiserver.apply(region)
    scaled = apiserver.kubectl("scale", "octo/scaled", "--replicas=4")
    assert scaled.returncode == 0, scaled.stderr
    path = "/apis/octofleet.io/v1alpha1/namespaces/default/octoregions/scaled"
    with apiserver.client() as client:
        status = {"status": {"replicas": 3, "selector": "octofleet.io/region=scaled"}}
        client.patch(
            f"{path}/status",
            json=status,
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()
        scale = client.get(f"{path}/scale").json()
    assert scale["spec"]["replicas"] == 4
    assert scale["status"] == {"replicas": 3, "selector": "octofleet.io/region=scaled"}


def test_short_names_and_category_list_both_kinds(apiserver: ApiServer) -> None:
    apiserver.apply(CLUSTER, REGION)
    listed = apiserver.kubectl("get", "octofleet")
    assert "jitsicluster.octofleet.io/meet" in listed.stdout
    assert "octoregion.octofleet.io/eu" in listed.stdout
    columns = apiserver.kubectl("get", "octo", "-o", "wide").stdout.splitlines()[0].split()
    assert columns[:2] == ["NAME", "CLUSTER"]
    assert "DECISION" in columns
    assert apiserver.kubectl("get", "jc", "meet").returncode == 0
