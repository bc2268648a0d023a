"""`octofleet operator` as a process: it leads, answers probes, and gives the Lease back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.component.control.apiserver import ApiServer, free_port

NAMESPACE = "process"


class Process:
    """An operator with its own namespace for the Lease."""

    def __init__(self, server: ApiServer, log: Path, identity: str) -> None:
        self.port = free_port()
        environment = {
            **os.environ,
            "KUBECONFIG": str(server.kubeconfig),
            "OCTOFLEET_OWN_NAMESPACE": NAMESPACE,
            "OCTOFLEET_IDENTITY": identity,
            "OCTOFLEET_LISTEN_HOST": "127.0.0.1",
            "OCTOFLEET_LISTEN_PORT": str(self.port),
        }
        code = "from octofleet.cli import main; main()"
        command = [sys.executable, "-c", code, "operator", "--namespace", NAMESPACE]
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)

    def get(self, path: str) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).text

    def wait_for(self, word: str, seconds: float = 40.0) -> None:
        """Wait until /readyz says `word`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.get("/readyz") == word:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)


def holder(server: ApiServer) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/octofleet-operator"
    with server.client() as client:
        found = client.get(path)
    return str(found.json().get("spec", {}).get("holderIdentity", ""))


@pytest.fixture
def namespace(apiserver: ApiServer) -> None:
    apiserver.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


@pytest.mark.usefixtures("namespace")
def test_operator_leads_is_alive_and_gives_the_lease_back(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    first = Process(apiserver, tmp_path / "first.log", "first")
    try:
        first.wait_for("leading")
        assert holder(apiserver) == "first"
        assert first.get("/healthz") == "ok"
        assert "octofleet_leader 1.0" in first.get("/metrics")
        second = Process(apiserver, tmp_path / "second.log", "second")
        try:
            second.wait_for("standing by")
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(20) == 0
            # Released, not expired: the second needn't wait for the whole duration.
            second.wait_for("leading", seconds=12)
            assert holder(apiserver) == "second"
        finally:
            second.process.kill()
            second.process.wait()
    finally:
        first.process.kill()
        first.process.wait()
    lines = (tmp_path / "first.log").read_text().splitlines()
    assert all(json.loads(line)["event"] for line in lines)


@pytest.mark.usefixtures("namespace")
def test_operator_that_loses_its_lease_ends_with_a_failure(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    found = Process(apiserver, tmp_path / "log", "loser")
    try:
        found.wait_for("leading")
        stolen = json.dumps({"spec": {"holderIdentity": "thief"}})
        taken = apiserver.kubectl(
            "patch", "lease", "octofleet-operator", "-n", NAMESPACE, "--type=merge", "-p", stolen
        )
        assert taken.returncode == 0, taken.stderr
        assert found.process.wait(40) == 1
        assert holder(apiserver) == "thief"
    finally:
        found.process.kill()
        found.process.wait()
