"""CPU limits for processes without a cluster, and what came of them: cgroups of version 1 or 2.

A limit is a share of one core, given out in periods of 100 ms, as a kubelet does it.
"""

import contextlib
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Final

__all__ = ["Busyness", "CpuLimits", "cpu_limits"]

ROOT: Final = Path("/sys/fs/cgroup")
PREFIX: Final = "octodemo-"
PERIOD_MICROSECONDS: Final = 100_000


class CpuLimits:
    """The limits of one run."""

    def __init__(self, root: Path) -> None:
        self._unified = (root / "cgroup.controllers").exists()
        self._root = root if self._unified else root / "cpu"
        self._made: list[Path] = []

    def limit(self, pid: int, cores: float) -> None:
        """Give a process, all its threads and its children this much of a core from now on."""
        folder = self._root / f"{PREFIX}{secrets.token_hex(6)}"
        if self._unified:
            (self._root / "cgroup.subtree_control").write_text("+cpu")
        folder.mkdir()
        self._made.append(folder)
        quota = int(cores * PERIOD_MICROSECONDS)
        if self._unified:
            (folder / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        (folder / "cgroup.procs").write_text(str(pid))

    def throttled(self) -> float:
        """Return the share of all periods so far in which somebody wanted more than the limit."""
        told = [_counters(folder / "cpu.stat") for folder in self._made]
        periods = sum(each.get("nr_periods", 0) for each in told)
        held = sum(each.get("nr_throttled", 0) for each in told)
        return held / periods if periods else 0.0

    def sweep(self) -> None:
        """Take away every limit that no process is under any more, also of runs that crashed."""
        for folder in self._root.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):  # somebody is in it
                folder.rmdir()


def _counters(file: Path) -> dict[str, int]:
    lines = file.read_text().splitlines() if file.exists() else []
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


@contextlib.contextmanager
def cpu_limits(root: Path = ROOT) -> Generator[CpuLimits]:
    """Have limits for as long as the context is open; what is under them should end before."""
    limits = CpuLimits(root)
    limits.sweep()
    try:
        yield limits
    finally:
        limits.sweep()


class Busyness:
    """How busy the machine's cores are, from look to look.

    Args:
        file: The kernel's; another in tests.
    """

    def __init__(self, file: Path = Path("/proc/stat")) -> None:
        self._file = file
        self._last = self._read()

    def take(self) -> float:
        """Return the share of all cores' time that was used since the last look."""
        last, self._last = self._last, self._read()
        total = self._last[1] - last[1]
        return (self._last[0] - last[0]) / total if total > 0 else 0.0

    def _read(self) -> tuple[int, int]:
        """Return ticks used and ticks in all."""
        times = [int(word) for word in self._file.read_text().split(maxsplit=9)[1:9]]
        return sum(times) - times[3] - times[4], sum(times)  # without idle and iowait
