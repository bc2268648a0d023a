"""Find what a lab left on a machine, from what the kernel says. Pure parsers and one sum.

Nothing here relies on the lab's own records: processes carry a marker in their environment or
live in the nodes' cgroups; namespaces, links, cgroups and mounts carry the lab's name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from octolab.layout import MARKER

__all__ = [
    "Leftovers",
    "cgroups_of",
    "component_in",
    "links_of",
    "mounts_under",
    "namespaces_of",
    "node_in",
    "node_pattern",
]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Everything of a lab that exists on the machine now."""

    processes: tuple[int, ...] = ()
    namespaces: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Tell whether nothing is left."""
        return not any((self.processes, self.namespaces, self.mounts, self.cgroups, self.links))

    def __str__(self) -> str:
        """Return the line that `octolab down` ends in."""
        return (
            f"lab: processes={len(self.processes)} netns={len(self.namespaces)} "
            f"mounts={len(self.mounts)} cgroups={len(self.cgroups)} links={len(self.links)}"
        )


def node_pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of a lab's node names, which are its namespaces' and cgroups' names."""
    return re.compile(rf"{re.escape(name)}-node[1-9][0-9]*")


def component_in(environment: bytes, name: str) -> str | None:
    """Return which component of a lab a process is, from its environment block.

    Args:
        environment: NUL-separated NAME=value pairs, as in /proc/PID/environ.
        name: The lab's name.
    """
    prefix = f"{MARKER}={name}/".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry.removeprefix(prefix).decode(errors="replace")
    return None


def node_in(membership: str, name: str) -> str | None:
    """Return the node in whose cgroup a process lives, None if in no node's.

    Args:
        membership: Lines "ID:controllers:path", as in /proc/PID/cgroup.
        name: The lab's name.
    """
    pattern = node_pattern(name)
    for line in membership.splitlines():
        top = line.split(":", 2)[-1].removeprefix("/").split("/")[0]
        if pattern.fullmatch(top):
            return top
    return None


def mounts_under(mountinfo: str, folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the mount points of a lab, the innermost and latest first.

    Args:
        mountinfo: Lines as in /proc/self/mountinfo; spaces in paths are octal escapes.
        folder: The lab's state directory.
        names: Names of its network namespaces, each a mount of its own under /run/netns.
    """
    inside = f"{folder}/"
    namespaces = {
        f"{parent}/{name}" for name in names for parent in ("/run/netns", "/var/run/netns")
    }
    points: list[str] = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) < 5:
            continue
        point = unescape(fields[4])
        if point.startswith(inside) or point == str(folder) or point in namespaces:
            points.append(point)
    # Later mounts may lie on earlier ones, and inner ones must go before outer ones.
    points.reverse()
    return tuple(sorted(points, key=lambda point: -point.count("/")))


def unescape(path: str) -> str:
    """Return a path with the kernel's octal escapes resolved."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def namespaces_of(entries: Iterable[str], name: str) -> tuple[str, ...]:
    """Return a lab's network namespaces among the entries of /run/netns."""
    pattern = node_pattern(name)
    return tuple(sorted(entry for entry in entries if pattern.fullmatch(entry)))


def links_of(entries: Iterable[str], name: str) -> tuple[str, ...]:
    """Return a lab's links among the entries of /sys/class/net: its bridge and what ends at it."""
    pattern = re.compile(rf"{re.escape(name)}(0|-x|-n[1-9][0-9]*)")
    return tuple(sorted(entry for entry in entries if pattern.fullmatch(entry)))


def cgroups_of(entries: Mapping[str, Iterable[str]], name: str) -> tuple[str, ...]:
    """Return a lab's top cgroups.

    Args:
        entries: Names of cgroups directly below each hierarchy's root, by the root's path.
        name: The lab's name.
    """
    pattern = node_pattern(name)
    return tuple(
        f"{root}/{entry}"
        for root, names in sorted(entries.items())
        for entry in sorted(names)
        if pattern.fullmatch(entry)
    )
