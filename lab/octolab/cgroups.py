"""The nodes' cgroups, on version 1 (one folder a controller) and on version 2 (one folder)."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from octolab import leftovers

__all__ = ["existing", "make", "remove"]

ROOT = Path("/sys/fs/cgroup")
WANTED = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")


def hierarchies(root: Path = ROOT) -> tuple[Path, ...]:
    """Return the root folder of each hierarchy: one on version 2, one a controller on version 1.

    On version 1 several names may be links to one folder (cpu and cpuacct): it counts once.
    """
    if (root / "cgroup.controllers").exists():
        return (root,)
    if not root.is_dir():
        return ()
    mounted = {entry.resolve() for entry in root.iterdir() if entry.is_dir()}
    return tuple(sorted(folder for folder in mounted if (folder / "cgroup.procs").exists()))


def make(node: str, root: Path = ROOT) -> None:
    """Make a node's cgroup in every hierarchy, ready for the kubelet."""
    for hierarchy in hierarchies(root):
        if (hierarchy / "cgroup.controllers").exists():
            enable_controllers(hierarchy)
        folder = hierarchy / node
        folder.mkdir(exist_ok=True)
        # A fresh cpuset is empty on version 1, and nothing can run in it.
        for file in ("cpuset.mems", "cpuset.cpus"):
            target = folder / file
            if target.exists() and not target.read_text().strip():
                with contextlib.suppress(OSError):
                    target.write_text((hierarchy / file).read_text())


def enable_controllers(hierarchy: Path) -> None:
    """Hand the controllers that exist on to the children, version 2."""
    available = (hierarchy / "cgroup.controllers").read_text().split()
    control = hierarchy / "cgroup.subtree_control"
    enabled = control.read_text().split()
    for controller in WANTED:
        if controller in available and controller not in enabled:
            with contextlib.suppress(OSError):
                control.write_text(f"+{controller}")


def existing(name: str, root: Path = ROOT) -> tuple[str, ...]:
    """Return the top cgroups of a lab that exist."""
    entries = {
        str(hierarchy): [each.name for each in hierarchy.iterdir() if each.is_dir()]
        for hierarchy in hierarchies(root)
    }
    return leftovers.cgroups_of(entries, name)


def remove(name: str, root: Path = ROOT, patience: float = 10.0) -> None:
    """Remove a lab's cgroups, innermost first.

    The kernel may need a moment after the last process went before a cgroup counts as empty.
    """
    end = time.monotonic() + patience
    while existing(name, root):
        for top in existing(name, root):
            remove_tree(Path(top))
        if time.monotonic() > end:
            return
        time.sleep(0.05)


def remove_tree(top: Path) -> None:
    """Try to remove a cgroup with all below it."""
    for folder in inside_out(top):
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOENT, errno.ENOTEMPTY):
                raise


def inside_out(top: Path) -> Iterator[Path]:
    """Yield the folders below a cgroup and then itself, innermost first."""
    for path, _, _ in os.walk(top, topdown=False):
        yield Path(path)
