"""A process's CPU limit is written as a kubelet writes it, on both versions of cgroups."""

from pathlib import Path

import pytest

from octodemo.setups_limits import PREFIX, Busyness, CpuLimits, cpu_limits


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    """The files of version 2, as far as they're used."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    return tmp_path


@pytest.fixture
def separate(tmp_path: Path) -> Path:
    """The same of version 1."""
    (tmp_path / "cpu").mkdir()
    return tmp_path


def only(folder: Path) -> Path:
    (found,) = folder.glob(f"{PREFIX}*")
    return found


def test_version_2_takes_quota_and_period_in_one_file(unified: Path) -> None:
    CpuLimits(unified).limit(4711, 0.15)
    made = only(unified)
    assert (unified / "cgroup.subtree_control").read_text() == "+cpu"
    assert (made / "cpu.max").read_text() == "15000 100000"
    assert (made / "cgroup.procs").read_text() == "4711"


def test_version_1_has_a_file_for_each(separate: Path) -> None:
    CpuLimits(separate).limit(4711, 0.1)
    made = only(separate / "cpu")
    assert (made / "cpu.cfs_period_us").read_text() == "100000"
    assert (made / "cpu.cfs_quota_us").read_text() == "10000"
    assert (made / "cgroup.procs").read_text() == "4711"


def test_how_often_limits_held_somebody_back_is_counted(unified: Path) -> None:
    limits = CpuLimits(unified)
    assert limits.throttled() == 0
    limits.limit(4711, 0.1)
    assert limits.throttled() == 0, "no counters yet"
    (only(unified) / "cpu.stat").write_text("usage_usec 9\nnr_periods 40\nnr_throttled 10\n")
    assert limits.throttled() == 0.25


def test_what_nobody_is_under_is_taken_away_and_nothing_else(unified: Path) -> None:
    left, foreign = unified / f"{PREFIX}left", unified / "kubepods"
    left.mkdir()
    foreign.mkdir()
    with cpu_limits(unified) as limits:
        assert not left.exists(), "of a run that crashed"
        limits.limit(1, 0.5)
        busy = only(unified)
    assert busy.exists(), "its files stand for a process that is still in it"
    assert foreign.exists()


def test_how_busy_the_machine_is_counts_from_look_to_look(tmp_path: Path) -> None:
    file = tmp_path / "stat"
    file.write_text("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2\n")
    busy = Busyness(file)
    assert busy.take() == 0
    file.write_text("cpu  130 0 60 840 70 0 0 0 0 0\ncpu0 1 2\n")
    assert busy.take() == 0.4
