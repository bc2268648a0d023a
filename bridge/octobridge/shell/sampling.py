"""Measures the process and its container: the I/O behind `core.stress`."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from octobridge.core import cgroup
from octobridge.core.stress import Sample

__all__ = ["CpuMeter", "LagMeter", "thread_count"]

LOOK_SECONDS: Final = 10.0


@dataclass(slots=True)
class LagMeter:
    """How late the event loop runs timers, averaged between two looks."""

    _total: float = 0.0
    _count: int = 0

    def late(self, seconds: float) -> None:
        """Note a timer that fired so long after it was due."""
        self._total += max(0.0, seconds)
        self._count += 1

    def take(self) -> float:
        """Return the average lateness in seconds since the last look."""
        average = self._total / self._count if self._count else 0.0
        self._total, self._count = 0.0, 0
        return average


class CpuMeter:
    """CPU used and allowed: of the container where it has a limit, else of the process.

    A limit may change, or come, while the process runs: Kubernetes resizes pods in place.

    Args:
        root: Where the kernel's files are; "/" except in tests.
        every: Seconds between two looks at the limit.
    """

    def __init__(self, root: Path = Path("/"), every: float = LOOK_SECONDS) -> None:
        self._root = root
        self._every = every
        self._paths: dict[str, str] = {}
        self._limit, self._used = self._find()
        self._looked_at = time.monotonic()
        self._offset = 0.0
        """What keeps the CPU time growing evenly when it is read elsewhere from now on."""
        self._seconds = 0.0

    @property
    def cores(self) -> float:
        """What may be used."""
        return self._limit or float(os.cpu_count() or 1)

    def sample(self, thread_seconds: float, lag: float, queue_fill: float) -> Sample:
        """Return what is measured now."""
        self._read_time()
        if time.monotonic() - self._looked_at >= self._every:
            self._look_again()
        return Sample(
            at=time.monotonic(),
            cpu_seconds=self._seconds,
            cores=self.cores,
            thread_seconds=thread_seconds,
            lag_seconds=lag,
            queue_fill=queue_fill,
        )

    def _read_time(self) -> None:
        used = time.process_time() if self._limit is None else self._used()
        # A container's file that can't be read for once must not look like idleness, then a burst.
        self._seconds = self._seconds if used is None else used + self._offset

    def _look_again(self) -> None:
        self._looked_at = time.monotonic()
        limit, used = self._find()
        now = used()
        # Files that can't be read for once must not look like a limit that was taken away.
        if limit is not None and now is not None:
            self._limit, self._used = limit, used
            self._offset = self._seconds - now

    def _find(self) -> tuple[float | None, Callable[[], float | None]]:
        """Return the limit and how to read what has been used.

        Without a limit the process' own time against the machine's cores is the honest measure:
        the root group counts everybody.
        """
        self._paths = cgroup.paths_of(_read(self._root / "proc/self/cgroup") or "")
        for limit, used in (self._version_2(), self._version_1()):
            if limit is not None and used() is not None:
                return limit, used
        return None, lambda: None

    def _version_2(self) -> tuple[float | None, Callable[[], float | None]]:
        for base in (self._root / "sys/fs/cgroup", self._root / "sys/fs/cgroup/unified"):
            here = _group(base, self._paths.get("", "/"), "cpu.max")
            limits = [cgroup.cores_of_cpu_max(t) for t in _texts(base, here, "cpu.max")]
            limit = cgroup.smallest(limits)
            if limit is not None:
                return limit, lambda file=here / "cpu.stat": cgroup.cpu_seconds_of_cpu_stat(
                    _read(file) or ""
                )
        return None, lambda: None

    def _version_1(self) -> tuple[float | None, Callable[[], float | None]]:
        mounts = self._root / "sys/fs/cgroup"
        base = next((mounts / n for n in ("cpu,cpuacct", "cpu") if (mounts / n).is_dir()), None)
        if base is None:
            return None, lambda: None
        here = _group(base, self._paths.get("cpu", "/"), "cpu.cfs_quota_us")
        quotas = _texts(base, here, "cpu.cfs_quota_us")
        periods = _texts(base, here, "cpu.cfs_period_us")
        limit = cgroup.smallest(
            cgroup.cores_of_quota(q, p) for q, p in zip(quotas, periods, strict=False)
        )
        accounts = next(
            (mounts / n for n in ("cpu,cpuacct", "cpuacct") if (mounts / n).is_dir()), base
        )
        path = self._paths.get("cpuacct", self._paths.get("cpu", "/"))
        usage = _group(accounts, path, "cpuacct.usage") / "cpuacct.usage"
        return limit, lambda: cgroup.cpu_seconds_of_cpuacct(_read(usage) or "")


def thread_count() -> int:
    """Return how many threads the process has, native ones included."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _group(base: Path, path: str, wanted: str) -> Path:
    """Return the process' group; in a container its own is mounted as the root."""
    here = base / path.lstrip("/")
    return here if (here / wanted).exists() else base


def _texts(base: Path, here: Path, name: str) -> list[str]:
    """Return the file's text in the group and every group above it, up to the mount."""
    texts: list[str] = []
    while True:
        texts.append(_read(here / name) or "")
        if here == base or base not in here.parents:
            return texts
        here = here.parent


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
