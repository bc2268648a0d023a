"""`octofleet doctor` against a real API server: what it finds, and that it finds nothing else."""

import json
import subprocess
from typing import Any

from tests.component.control.apiserver import ApiServer
from tests.component.control.test_command_line_helps import octofleet
from tests.component.control.world import cluster

from octofleet.cli import doctor
from octofleet.core import checkup
from octofleet.shell import checkup as looking
from octofleet.shell import kube
from octofleet.shell.kube import KubernetesCluster

NAMESPACE = "examined"
NAMESPACES = kube.Kind("v1", "namespaces", "Namespace", namespaced=False)
LEVEL = "pod-security.kubernetes.io/enforce"


async def _namespace(api: KubernetesCluster, level: str | None) -> None:
    if await api.get(NAMESPACES, NAMESPACE, None) is None:
        await api.create(NAMESPACES, "", {"metadata": {"name": NAMESPACE}})
    await api.merge(NAMESPACES, "", NAMESPACE, {"metadata": {"labels": {LEVEL: level}}})


def _names(found: "subprocess.CompletedProcess[str]") -> set[str]:
    return {each["name"] for each in json.loads(found.stdout)["complaints"]}


async def test_before_anything_is_installed_the_place_is_examined(
    apiserver: ApiServer, api: KubernetesCluster
) -> None:
    await _namespace(api, "restricted")
    found = octofleet(apiserver.kubeconfig, "doctor", "--json", "-n", NAMESPACE)
    assert found.returncode == 1, found.stderr
    assert {"OperatorMissing", "PodSecurityForbids"} <= _names(found)
    shown = octofleet(apiserver.kubeconfig, "doctor", "-n", NAMESPACE)
    assert shown.returncode == 1
    assert "PodSecurityForbids" in shown.stdout
    await _namespace(api, "privileged")
    mended = octofleet(apiserver.kubeconfig, "doctor", "--json", "-n", NAMESPACE)
    assert "PodSecurityForbids" not in _names(mended)


async def test_a_resource_nobody_looked_at_and_a_bad_condition_are_found(
    apiserver: ApiServer, api: KubernetesCluster
) -> None:
    await _namespace(api, "privileged")
    await api.create(kube.CLUSTERS, NAMESPACE, cluster(NAMESPACE))
    try:
        assert "NotReconciled" in {each.name for each in await doctor.examine(api, NAMESPACE)}
        condition: dict[str, Any] = {
            "type": "Regional", "status": "False", "reason": "StrategyNotRegional",
            "message": "take it away", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        status = {"observedGeneration": 1, "conditions": [condition]}
        body = {**cluster(NAMESPACE), "status": status}
        await api.apply(kube.CLUSTERS, NAMESPACE, body, sub="status")
        found = await doctor.examine(api, NAMESPACE)
        (told,) = [each for each in found if each.name == "StrategyNotRegional"]
        assert told.where == f"JitsiCluster {NAMESPACE}/meet"
        assert "take it away" in told.message
        assert "NotReconciled" not in {each.name for each in found}
    finally:
        left = await api.get(kube.CLUSTERS, "meet", NAMESPACE)
        uid = str((left or {}).get("metadata", {}).get("uid"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue] - a document
        await api.delete(kube.CLUSTERS, NAMESPACE, "meet", uid)


async def test_an_operator_that_does_not_run_or_lacks_rights_is_found(
    api: KubernetesCluster,
) -> None:
    await _namespace(api, "privileged")
    labels = {"app.kubernetes.io/name": "octofleet"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "serviceAccountName": "octofleet",
            "containers": [{"name": "operator", "image": "x"}],
        },
    }
    body: dict[str, Any] = {
        "metadata": {"name": "octofleet", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    made = await api.create(kube.DEPLOYMENTS, NAMESPACE, body)
    try:
        found = await looking.operator_complaints(api, [NAMESPACE])
        assert [each.name for each in found] == ["OperatorNotRunning", "RightsMissing"]
        assert "system:serviceaccount:examined:octofleet may not" in found[1].message
    finally:
        uid = str(made["metadata"]["uid"])  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType, reportUnknownMemberType] - a document
        await api.delete(kube.DEPLOYMENTS, NAMESPACE, "octofleet", uid)


def test_without_a_usable_node_there_is_nowhere_to_run() -> None:
    (complaint,) = checkup.of_nodes(())
    assert complaint.name == "NoNode"


def test_a_cluster_that_cannot_be_asked_is_neither_well_nor_sick() -> None:
    found = octofleet("/nonexistent", "doctor")
    assert found.returncode == 2
    assert found.stderr.startswith("octofleet: ")
