"""What a container may use and has used of the CPU, out of the kernel's text files.

Pure parsers for cgroup v1 and v2; the shell reads the files. A limit is in cores (1.5 = one and
a half); None means there is none. Nonsense reads as "not known", never as a number.
"""

from collections.abc import Iterable
from typing import Final

__all__ = [
    "cores_of_cpu_max",
    "cores_of_quota",
    "cpu_seconds_of_cpu_stat",
    "cpu_seconds_of_cpuacct",
    "paths_of",
    "smallest",
]

_MICROSECONDS: Final = 1_000_000
_NANOSECONDS: Final = 1_000_000_000


def paths_of(proc_self_cgroup: str) -> dict[str, str]:
    """Return the process's path in each hierarchy of `/proc/self/cgroup`.

    The key is a v1 controller's name ("cpu", "cpuacct") or "" for the v2 hierarchy.
    """
    paths: dict[str, str] = {}
    for line in proc_self_cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator and number.isdigit() and path.startswith("/"):
            for controller in controllers.split(","):
                paths[controller] = path
    return paths


def cores_of_cpu_max(text: str) -> float | None:
    """Return the limit in a v2 `cpu.max` ("max 100000", "150000 100000")."""
    words = text.split()
    if len(words) != 2 or words[0] == "max":
        return None
    return _ratio(words[0], words[1])


def cores_of_quota(quota: str, period: str) -> float | None:
    """Return the limit in v1's `cpu.cfs_quota_us` (-1: none) and `cpu.cfs_period_us`."""
    return _ratio(quota.strip(), period.strip())


def cpu_seconds_of_cpu_stat(text: str) -> float | None:
    """Return `usage_usec` of a v2 `cpu.stat`, as seconds."""
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == "usage_usec":
            used = _whole(value)
            return None if used is None else used / _MICROSECONDS
    return None


def cpu_seconds_of_cpuacct(text: str) -> float | None:
    """Return v1's `cpuacct.usage`, as seconds."""
    used = _whole(text)
    return None if used is None else used / _NANOSECONDS


def smallest(limits: Iterable[float | None]) -> float | None:
    """Return the tightest of the limits from a cgroup up to the root."""
    return min((limit for limit in limits if limit is not None), default=None)


def _ratio(quota: str, period: str) -> float | None:
    allowed, length = _whole(quota), _whole(period)
    if not allowed or not length:
        return None
    return allowed / length


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None
