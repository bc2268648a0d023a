"""`octofleet status` and `explain`: what they show, and one line of help when they can't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.component.control.apiserver import ApiServer
from tests.component.control.world import cluster, region

from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster

NAMESPACE = "shown"
STATUS = {
    "observedGeneration": 1,
    "replicas": 2,
    "readyReplicas": 1,
    "desiredReplicas": 3,
    "participants": 17,
    "bridges": [
        {"name": "eu-0", "state": "Ready", "node": "node1", "participants": 17, "stress": "0.42"},
        {"name": "eu-1", "state": "Unregistered", "node": "node2", "message": "wrong password"},
    ],
    "lastDecision": {
        "at": "2026-01-01T00:00:00Z",
        "wanted": 3,
        "winner": "Participants",
        "limitedBy": "MaxBridges",
        "message": "3 wanted by Participants",
        "terms": [
            {"type": "Participants", "current": "17", "target": "8", "proposal": 3},
            {"type": "CPU", "target": "70", "message": "no fresh reading of eu-1"},
        ],
    },
    "conditions": [
        {
            "type": "Registered",
            "status": "False",
            "reason": "BridgeNotInBrewery",
            "message": "eu-1: check its password",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
        {
            "type": "Degraded",
            "status": "False",
            "reason": "AllWell",
            "message": "nothing to see",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
    ],
}


def octofleet(kubeconfig: Path | str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "COLUMNS": "160",
        "HOME": "/nowhere",
    }
    code = "from octofleet.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
async def shown(api: KubernetesCluster) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    spaces = kube.Kind("v1", "namespaces", "Namespace", namespaced=False)
    if await api.get(spaces, NAMESPACE, None) is not None:
        return
    await api.create(spaces, "", body)
    await api.create(kube.CLUSTERS, NAMESPACE, cluster(NAMESPACE))
    await api.create(kube.REGIONS, NAMESPACE, region(NAMESPACE))
    applied = {
        "apiVersion": naming.API_VERSION,
        "kind": "OctoRegion",
        "metadata": {"name": "eu", "namespace": NAMESPACE},
        "status": STATUS,
    }
    await api.apply(kube.REGIONS, NAMESPACE, applied, sub="status")


@pytest.mark.usefixtures("shown")
def test_status_shows_clusters_regions_bridges_and_troubles(apiserver: ApiServer) -> None:
    result = octofleet(apiserver.kubeconfig, "status", "-n", NAMESPACE)
    assert result.returncode == 0, result.stderr
    words = ("shown/meet", "shown/eu", "eu-0", "node1", "17", "0.42", "Unregistered")
    assert [word for word in words if word not in result.stdout] == []
    assert "Registered=False (BridgeNotInBrewery): eu-1: check its password" in result.stdout


@pytest.mark.usefixtures("shown")
def test_explain_tells_the_decision_term_by_term_and_only_troubles(apiserver: ApiServer) -> None:
    result = octofleet(apiserver.kubeconfig, "explain", "eu", "-n", NAMESPACE)
    assert result.returncode == 0, result.stderr
    words = (
        "3 bridges, decided by Participants, limited by MaxBridges",
        "no fresh reading of eu-1",
    )
    assert [word for word in words if word not in result.stdout] == []
    assert "nothing to see" not in result.stdout


@pytest.mark.usefixtures("shown")
def test_unknown_region_is_one_line_that_says_which_there_are(apiserver: ApiServer) -> None:
    result = octofleet(apiserver.kubeconfig, "explain", "moon", "-n", NAMESPACE)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "octofleet: no OctoRegion moon; there is shown/eu\n"


async def test_drain_and_undrain_note_the_wish_on_the_pod(
    api: KubernetesCluster, apiserver: ApiServer, shown: None
) -> None:
    labels = naming.bridge_labels("meet", "eu")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "eu-7", "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [{"name": "bridge", "image": "none"}]},
    }
    await api.create(kube.PODS, NAMESPACE, pod)

    async def wish() -> str | None:
        found = await api.get(kube.PODS, "eu-7", NAMESPACE)
        return documents.texts(found, "metadata", "annotations").get(
            naming.ANNOTATION_DRAIN_REQUEST
        )

    drained = octofleet(apiserver.kubeconfig, "drain", "eu-7", "--now", "-n", NAMESPACE)
    assert (drained.returncode, await wish()) == (0, "now"), drained.stderr
    assert "shown/eu-7 drains" in drained.stdout
    assert octofleet(apiserver.kubeconfig, "drain", "eu-7").returncode == 0  # the name is unique
    assert await wish() == "patiently"
    assert octofleet(apiserver.kubeconfig, "undrain", "eu-7").returncode == 0
    assert await wish() is None
    unknown = octofleet(apiserver.kubeconfig, "drain", "moon-1", "-n", NAMESPACE)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no bridge moon-1; there is shown/eu-7" in unknown.stderr


def test_missing_kubeconfig_is_one_line() -> None:
    result = octofleet("/nowhere/kubeconfig", "status")
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "kubeconfig" in result.stderr


def test_unreachable_cluster_is_one_line(tmp_path: Path, apiserver: ApiServer) -> None:
    config = yaml.safe_load(apiserver.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    result = octofleet(path, "status")
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1


def test_mistyped_command_is_one_line_and_status_2() -> None:
    result = octofleet("/nowhere", "stauts")
    assert result.returncode == 2
    assert "stauts" in result.stderr


def test_looking_does_not_import_kopf() -> None:
    code = "import sys, octofleet.cli; assert not [m for m in sys.modules if m.startswith('kopf')]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_says_of_every_command_what_it_does() -> None:
    shown = octofleet("/none", "--help")
    lines = [line.strip("│ ") for line in shown.stdout.splitlines()]
    described = {line.split()[0] for line in lines if len(line.split()) > 3}
    assert {"doctor", "plan", "replay", "simulate", "status", "rollout"} <= described
