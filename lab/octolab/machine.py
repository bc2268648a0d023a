"""What the machine itself must have: rights, Debian packages, a Go that is new enough."""

import contextlib
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from octolab import shell
from octolab.errors import UnmetError
from octolab.progress import Progress

__all__ = ["allow_watches", "check_go", "check_root", "install_packages"]

DEBIAN = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "debootstrap",
    "ethtool",
    "iproute2",
    "iptables",
    "procps",
    "runc",
    "socat",
)
OLDEST_GO = (1, 24)
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHERS_WANTED = 1024


def install_packages(progress: Progress, packages: Collection[str] = DEBIAN) -> None:
    """Install the Debian packages that are missing."""
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        progress.skip("Debian packages")
        return
    if shutil.which("apt-get") is None:
        raise UnmetError(f"needs {' '.join(missing)}: install them, then run this again")
    with progress.step(f"Debian packages: {' '.join(missing)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        shell.run(["apt-get", "update", "-qq"])
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        shell.run([*install, *missing], environment=quiet)


def is_installed(package: str) -> bool:
    """Tell whether a Debian package is installed."""
    try:
        status = shell.run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    except shell.CommandError:
        return False
    return status == "installed"


def check_root() -> None:
    """Refuse to go on without the rights to make namespaces."""
    if os.geteuid() != 0:
        raise UnmetError("needs root for network namespaces and cgroups: run it again with sudo")


def allow_watches() -> None:
    """Let every node watch files: the usual 128 watchers a user are too few for two labs.

    The limit is the machine's and stays raised; a machine that doesn't let us keeps its own.
    """
    if int(WATCHERS.read_text()) < WATCHERS_WANTED:
        with contextlib.suppress(OSError):
            WATCHERS.write_text(str(WATCHERS_WANTED))


def check_go() -> None:
    """Refuse to go on without a Go that can build Kubernetes."""
    wanted = ".".join(str(part) for part in OLDEST_GO)
    if shutil.which("go") is None:
        raise UnmetError(
            f"needs Go {wanted} or newer: install it, put it on the PATH, run this again"
        )
    found = shell.run(["go", "env", "GOVERSION"]).strip()
    numbers = re.match(r"go(\d+)\.(\d+)", found)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GO:
        raise UnmetError(f"found {found}, needs Go {wanted} or newer: upgrade it, run this again")
