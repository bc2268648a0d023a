"""Real processes: the lab finds its own by their marks, ends those, and touches no other."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octolab import layout, processes, strikes
from octolab.cache import Cache
from octolab.errors import LabError
from octolab.layout import MARKER, Layout

NAME = f"t{os.getpid() % 10**7}"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
CHILDREN = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Layout]:
    whole = layout.plan(NAME, "10.77.0.0/16", 1, ("eu",))
    yield layout.Layout(whole.name, whole.network, tmp_path, whole.nodes, whole.regions)
    processes.end_all(NAME, processes.mine(NAME), 0.0)
    reap()


def reap() -> None:
    """Bury the children that the lab's code leaves to the next parent."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_started_is_found_by_component_and_by_program(lab: Layout) -> None:
    pid = processes.start(lab, "etcd", ["sleep", "60"], None)
    eventually(lambda: processes.is_running(lab, "etcd", "sleep"))
    assert list(processes.find(NAME, "etcd")) == [pid]
    assert not processes.is_running(lab, "etcd", "etcd")
    assert not processes.is_running(lab, "kubelet", "sleep")
    assert processes.mine("someoneelse") == ()


def test_a_component_that_died_does_not_run(lab: Layout) -> None:
    pid = processes.start(lab, "etcd", ["sleep", "60"], None)
    eventually(lambda: processes.is_running(lab, "etcd", "sleep"))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes.is_running(lab, "etcd", "sleep"))
    assert processes.mine(NAME) == ()


def test_a_child_of_a_component_is_the_labs_too_but_not_the_component(lab: Layout) -> None:
    processes.start(lab, "containerd-x", [sys.executable, "-c", CHILDREN], None)
    eventually(lambda: len(processes.mine(NAME)) == 2)
    eventually(lambda: len(list(processes.find(NAME, "containerd-x", "sleep"))) == 1)
    processes.end_all(NAME, processes.mine(NAME), 5.0)
    assert processes.mine(NAME) == ()


def test_one_that_ignores_the_request_is_killed(lab: Layout) -> None:
    processes.start(lab, "kubelet-x", [sys.executable, "-c", STUBBORN], None)
    eventually(lambda: processes.mine(NAME) != ())
    time.sleep(0.3)
    processes.end_all(NAME, processes.mine(NAME), 0.2)
    assert processes.mine(NAME) == ()


def test_a_stranger_that_got_a_known_number_is_spared(lab: Layout) -> None:
    environment = {MARKER: f"{NAME}x/etcd", "PATH": os.environ["PATH"]}
    with subprocess.Popen(["sleep", "60"], env=environment) as stranger:
        processes.end_all(NAME, [stranger.pid], 0.1)
        assert stranger.poll() is None
        stranger.kill()


def test_a_number_that_nobody_has_is_no_trouble(lab: Layout) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    processes.end_all(NAME, [gone.pid], 0.1)


def test_output_goes_to_a_log_and_the_last_runs_is_kept(lab: Layout) -> None:
    for word in ("first", "second"):
        processes.start(lab, "etcd", ["echo", word], None)
        log = lab.logs / "etcd.log"
        eventually(lambda log=log, word=word: log.read_text() == f"{word}\n")
    assert (lab.logs / "etcd.log.old").read_text() == "first\n"


def test_a_component_is_killed_without_asking(lab: Layout) -> None:
    processes.start(lab, "kubelet-n1", [sys.executable, "-c", STUBBORN], None)
    program = Path(sys.executable).name
    eventually(lambda: processes.is_running(lab, "kubelet-n1", program))
    began = time.monotonic()
    processes.kill(NAME, processes.mine(NAME))
    assert time.monotonic() - began < 10
    assert not processes.is_running(lab, "kubelet-n1", program)


def test_only_what_the_lab_has_and_runs_is_struck(lab: Layout) -> None:
    cache = Cache.of_user()
    for component in ("etcd", "kubelet-elsewhere", "kubelet", "kube-proxy-n1"):
        with pytest.raises(LabError, match="can be struck"):
            strikes.strike(lab, cache, component, 0.0)
    with pytest.raises(LabError, match="doesn't run"):
        strikes.strike(lab, cache, "kube-apiserver", 0.0)
    with pytest.raises(LabError, match="doesn't run"):
        strikes.strike(lab, cache, f"kubelet-{lab.nodes[0].name}", 0.0)
