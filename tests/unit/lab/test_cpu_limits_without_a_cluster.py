"""A process's CPU limit is written as a kubelet writes it, on both versions of cgroups."""

from pathlib import Path

import pytest

from octodemo.setups_limits import PREFIX, CpuLimits, cpu_limits


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
