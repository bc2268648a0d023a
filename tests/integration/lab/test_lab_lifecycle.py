"""A lab's whole life, on this machine: killed half-way, mended, left alone, hurt, taken down.

It has a name and a network of its own, so it stands beside the lab that other tests use. The
tests are one story: each begins where the one before ended.
"""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NAME = "labtest"
UP = ("up", "--bare", "--nodes", "2", "--regions", "eu,us", "--network", "10.79.0.0/16")
NOTHING = "lab: processes=0 netns=0 mounts=0 cgroups=0 links=0"


def octolab(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "octolab", *arguments, "--name", NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def status() -> dict[str, Any]:
    return json.loads(octolab("status", "--json", check=False).stdout)


def processes() -> dict[str, int | None]:
    return {part["component"]: part["pid"] for part in status()["parts"]}


def kubectl(*arguments: str) -> str:
    program = Path(sys.executable).with_name("kubectl")
    config = octolab("kubeconfig").stdout.strip()
    command = [str(program), f"--kubeconfig={config}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def traces() -> list[str]:
    """Names of the lab found without its own code: namespaces, links, cgroups, mounts."""
    found = [entry for entry in os.listdir("/sys/class/net") if entry.startswith(NAME)]
    if Path("/run/netns").is_dir():
        found += [entry for entry in os.listdir("/run/netns") if entry.startswith(NAME)]
    found += [str(each) for each in Path("/sys/fs/cgroup").glob(f"**/{NAME}-*")]
    mounts = Path("/proc/mounts").read_text().splitlines()
    found += [line for line in mounts if f"/{NAME}" in line]
    marker = f"OCTOLAB_COMPONENT={NAME}/".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker in environment.read_bytes():
                found.append(str(environment))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    octolab("down")
    yield
    octolab("down")


def kill_when(process: subprocess.Popen[bytes], component: str) -> None:
    """Kill a running `up` as soon as a component of the lab has started."""
    marker = f"OCTOLAB_COMPONENT={NAME}/{component}".encode()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                started = marker in environment.read_bytes()
            except OSError:
                continue
            if started:
                process.kill()
                process.wait()
                return
    raise AssertionError(f"{component} never started")


@pytest.mark.parametrize("component", ["etcd", f"kubelet-{NAME}-node1"])
def test_an_up_killed_half_way_is_mended_by_the_next(component: str) -> None:
    command = [sys.executable, "-m", "octolab", *UP, "--name", NAME]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        kill_when(process, component)
    assert process.returncode == -signal.SIGKILL
    octolab(*UP)
    assert status()["works"]
    if component == "etcd":
        assert octolab("down").stdout.strip() == NOTHING


def test_nodes_have_their_regions_and_their_own_addresses() -> None:
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    found = {
        node["metadata"]["name"]: (
            node["metadata"]["labels"]["topology.kubernetes.io/region"],
            node["metadata"]["labels"]["topology.kubernetes.io/zone"],
            next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"),
            node["spec"]["podCIDR"],
        )
        for node in nodes
    }
    assert found == {
        f"{NAME}-node1": ("eu", "eu-a", "10.79.0.11", "10.79.1.0/24"),
        f"{NAME}-node2": ("us", "us-a", "10.79.0.12", "10.79.2.0/24"),
    }


def test_metrics_of_nodes_are_served() -> None:
    assert len(kubectl("top", "nodes", "--no-headers").splitlines()) == 2


def test_nobody_without_a_certificate_is_let_in() -> None:
    authority = Path(status()["kubeconfig"]).parent / "pki" / "ca.crt"
    context = ssl.create_default_context(cafile=str(authority))
    connection = http.client.HTTPSConnection("10.79.0.1", 6443, context=context, timeout=10)
    connection.request("GET", "/api/v1/nodes")
    assert connection.getresponse().status == http.HTTPStatus.UNAUTHORIZED
    connection.close()


def test_a_node_may_not_change_another() -> None:
    pki = Path(status()["kubeconfig"]).parent / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / f"{NAME}-node1.crt", pki / f"{NAME}-node1.key")
    answers: list[int] = []
    for node in ("node1", "node2"):
        connection = http.client.HTTPSConnection("10.79.0.1", 6443, context=context, timeout=10)
        body = json.dumps({"metadata": {"annotations": {"tried": "yes"}}})
        kind = {"Content-Type": "application/merge-patch+json"}
        connection.request("PATCH", f"/api/v1/nodes/{NAME}-{node}", body, kind)
        answers.append(connection.getresponse().status)
        connection.close()
    assert answers == [http.HTTPStatus.OK, http.HTTPStatus.FORBIDDEN]


def test_a_second_up_starts_nothing() -> None:
    before = processes()
    octolab(*UP)
    assert processes() == before


def round_trip_ms(origin: int, target: int) -> float:
    """The shortest of five connects from a node to another's kubelet, in milliseconds."""
    program = (
        "import socket, time\n"
        "def once():\n"
        "    began = time.monotonic()\n"
        f"    socket.create_connection(('10.79.0.{10 + target}', 10250), 10).close()\n"
        "    return time.monotonic() - began\n"
        "print(1000 * min(once() for _ in range(5)))"
    )
    enter = ["nsenter", f"--net=/run/netns/{NAME}-node{origin}", "--", sys.executable, "-c"]
    done = subprocess.run([*enter, program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_regions_are_as_far_apart_as_asked_and_a_dead_router_comes_back() -> None:
    before = processes()
    octolab(*UP, "--rtt", "eu-us=120ms", "--loss", "eu-us=0%")
    assert round_trip_ms(1, 2) >= 120
    assert round_trip_ms(2, 1) >= 120
    assert json.loads(octolab("wan").stdout)["us>eu"]["forwarded"] > 0
    router = processes()["wan"]
    assert router is not None
    os.kill(router, signal.SIGKILL)
    assert not status()["works"]
    octolab(*UP)
    assert round_trip_ms(1, 2) >= 120
    octolab(*UP, "--rtt", "none")
    assert processes() == before
    shown = subprocess.run(["ip", "-n", f"{NAME}-node1", "link", "show"], capture_output=True)
    assert b"wan" not in shown.stdout


def test_another_shape_of_a_standing_lab_is_refused() -> None:
    done = octolab("up", "--bare", "--regions", "asia", check=False)
    assert done.returncode == 2
    assert "run 'octolab down' first" in done.stderr


def test_dead_parts_come_back_and_the_others_stay() -> None:
    before = processes()
    hurt = {"etcd", "kube-scheduler", f"kubelet-{NAME}-node2", f"containerd-{NAME}-node1"}
    for component in hurt:
        pid = before[component]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert not status()["works"]
    octolab(*UP)
    after = processes()
    assert status()["works"]
    assert {component for component in before if after[component] != before[component]} == hurt


def test_down_leaves_nothing_and_says_so() -> None:
    octolab(*UP, "--rtt", "eu-us=10ms")
    assert traces()
    assert octolab("down").stdout.splitlines()[-1] == NOTHING
    assert traces() == []
    assert octolab("down").stdout.splitlines()[-1] == NOTHING
    assert octolab("status", check=False).returncode == 2
