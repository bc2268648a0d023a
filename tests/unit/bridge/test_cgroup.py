"""The container's CPU limit and use, on both versions of cgroups and with nonsense in the files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octobridge.core import cgroup
from octobridge.shell.sampling import CpuMeter, LagMeter, thread_count


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", None),
        ("150000 100000\n", 1.5),
        ("0 100000", None),
        ("", None),
        ("x y", None),
    ],
)
def test_limit_of_version_2(text: str, cores: float | None) -> None:
    assert cgroup.cores_of_cpu_max(text) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("-1\n", "100000\n", None), ("200000\n", "100000\n", 2.0), ("5", "0", None), ("", "", None)],
)
def test_limit_of_version_1(quota: str, period: str, cores: float | None) -> None:
    assert cgroup.cores_of_quota(quota, period) == cores


def test_use_of_both_versions() -> None:
    assert cgroup.cpu_seconds_of_cpu_stat("usage_usec 2500000\nuser_usec 1\n") == 2.5
    assert cgroup.cpu_seconds_of_cpu_stat("user_usec 1\n") is None
    assert cgroup.cpu_seconds_of_cpuacct("1500000000\n") == 1.5


def test_paths_of_a_hybrid_machine() -> None:
    text = "9:name=systemd:/\n4:cpu,cpuacct:/pod/x\n0::/pod/y\nnonsense\n"
    assert cgroup.paths_of(text) == {
        "name=systemd": "/",
        "cpu": "/pod/x",
        "cpuacct": "/pod/x",
        "": "/pod/y",
    }


@given(st.text())
def test_nonsense_is_not_a_number(text: str) -> None:
    cgroup.paths_of(text)
    for parse in (
        cgroup.cores_of_cpu_max,
        cgroup.cpu_seconds_of_cpu_stat,
        cgroup.cpu_seconds_of_cpuacct,
    ):
        value = parse(text)
        assert value is None or value >= 0


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_meter_in_a_container_of_version_2(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 3000000\n",
        },
    )
    meter = CpuMeter(tmp_path)
    assert meter.cores == 0.5
    assert meter.sample(1.0, 0.0, 0.0).cpu_seconds == 3.0


def test_limit_of_the_pod_above_counts_when_it_is_tighter(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod/container\n",
            "sys/fs/cgroup/pod/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/pod/container/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/pod/container/cpu.stat": "usage_usec 7000000\n",
        },
    )
    meter = CpuMeter(tmp_path)
    assert meter.cores == 1.0
    assert meter.sample(0.0, 0.0, 0.0).cpu_seconds == 7.0


def test_meter_in_a_container_of_version_1(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/kube/x\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "9000000000\n",
        },
    )
    meter = CpuMeter(tmp_path)
    assert meter.cores == 1.5
    assert meter.sample(0.0, 0.0, 0.0).cpu_seconds == 9.0


def test_unreadable_moment_is_neither_idleness_nor_a_burst(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod\n",
            "sys/fs/cgroup/pod/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/pod/cpu.stat": "usage_usec 500000000\n",
        },
    )
    meter = CpuMeter(tmp_path)
    assert meter.sample(0.0, 0.0, 0.0).cpu_seconds == 500.0
    (tmp_path / "sys/fs/cgroup/pod/cpu.stat").write_text("")
    assert meter.sample(0.0, 0.0, 0.0).cpu_seconds == 500.0


def test_limit_that_comes_or_changes_while_it_runs_is_seen(tmp_path: Path) -> None:
    meter = CpuMeter(write(tmp_path, {"proc/self/cgroup": "0::/\n"}), every=0.0)
    before = meter.sample(0.0, 0.0, 0.0)
    assert before.cores >= 1
    files = {
        "proc/self/cgroup": "0::/pod\n",
        "sys/fs/cgroup/pod/cpu.max": "50000 100000\n",
        "sys/fs/cgroup/pod/cpu.stat": "usage_usec 900000000\n",
    }
    write(tmp_path, files)
    found = meter.sample(0.0, 0.0, 0.0)
    assert found.cores == 0.5
    assert found.cpu_seconds - before.cpu_seconds < 60, "what others used before is no burst"
    write(tmp_path, {"sys/fs/cgroup/pod/cpu.stat": "usage_usec 901000000\n"})
    write(tmp_path, {"sys/fs/cgroup/pod/cpu.max": "100000 100000\n"})
    later = meter.sample(0.0, 0.0, 0.0)
    assert later.cores == 1.0
    assert later.cpu_seconds == pytest.approx(found.cpu_seconds + 1.0)
    write(tmp_path, {"sys/fs/cgroup/pod/cpu.max": ""})
    assert meter.sample(0.0, 0.0, 0.0).cores == 1.0, "unreadable for once"


def test_separate_controllers_of_version_1(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "2:cpuacct:/a\n1:cpu:/b\n",
            "sys/fs/cgroup/cpu/b/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/b/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpuacct/a/cpuacct.usage": "4000000000\n",
        },
    )
    meter = CpuMeter(tmp_path)
    assert meter.cores == 1.0
    assert meter.sample(0.0, 0.0, 0.0).cpu_seconds == 4.0


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
        {"proc/self/cgroup": "\x00", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1"},
    ],
)
def test_without_a_limit_the_process_counts_against_the_machine(
    tmp_path: Path, files: dict[str, str]
) -> None:
    meter = CpuMeter(write(tmp_path, files))
    assert meter.cores >= 1
    first, second = (meter.sample(0.0, 0.0, 0.0) for _ in range(2))
    assert second.cpu_seconds >= first.cpu_seconds > 0


def test_lag_is_the_average_lateness_since_the_last_look() -> None:
    meter = LagMeter()
    for seconds in (0.0, 0.2, -0.1):
        meter.late(seconds)
    assert meter.take() == pytest.approx(0.2 / 3)
    assert meter.take() == 0


def test_threads_are_counted() -> None:
    assert thread_count() >= 1
