"""CPU limits for processes without a cluster: a cgroup for each, on version 1 or 2.

A limit is a share of one core, given out in periods of 100 ms, as a kubelet does it.
"""

import contextlib
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Final

__all__ = ["CpuLimits", "cpu_limits"]

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

    def sweep(self) -> None:
        """Take away every limit that no process is under any more, also of runs that crashed."""
        for folder in self._root.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):  # somebody is in it
                folder.rmdir()


@contextlib.contextmanager
def cpu_limits(root: Path = ROOT) -> Generator[CpuLimits]:
    """Have limits for as long as the context is open; what is under them should end before."""
    limits = CpuLimits(root)
    limits.sweep()
    try:
        yield limits
    finally:
        limits.sweep()
