"""Start, find and end the lab's own processes.

A process belongs to the lab if its environment says so or if it lives in a node's cgroup. That
is asked of the kernel each time and again, through a process descriptor, right before a signal:
a number that was handed to another process meanwhile is never signalled.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from octolab import leftovers
from octolab.layout import MARKER, Layout

__all__ = ["end_all", "find", "is_running", "kill", "lives_in", "mine", "of_node", "start"]

PROC = Path("/proc")


def start(layout: Layout, component: str, command: Sequence[str], namespace: Path | None) -> int:
    """Start a component in the background, in a network namespace if one is given.

    Its output goes to a log; the last run's log is kept as `.old`.
    """
    log = layout.logs / f"{component}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.old"))
    # Not `ip netns exec`: it mounts /sys anew and the kubelet finds no cgroups.
    enter = [] if namespace is None else ["nsenter", f"--net={namespace}", "--"]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(layout.directory),
        MARKER: f"{layout.name}/{component}",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*enter, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    # It outlives this program, which neither waits for it nor warns about it.
    process.returncode = 0
    return process.pid


def is_running(layout: Layout, component: str, program: str) -> bool:
    """Tell whether a component's own program runs (not only what it started)."""
    return any(True for _ in find(layout.name, component, program))


def find(name: str, component: str | None = None, program: str | None = None) -> Iterator[int]:
    """Yield the live processes of a lab, of one component or program if given."""
    for pid in every_process():
        found = leftovers.component_in(read(pid, "environ"), name)
        if found is None or (component is not None and found != component):
            continue
        if program is None or program_of(pid) == program:
            yield pid


def mine(name: str) -> tuple[int, ...]:
    """Return every live process of a lab: components, shims and what runs in pods."""
    return tuple(pid for pid in every_process() if is_mine(pid, name))


def is_mine(pid: int, name: str) -> bool:
    """Tell whether a process belongs to a lab; a process that has ended doesn't."""
    if has_ended(pid):
        return False
    membership = read(pid, "cgroup").decode(errors="replace")
    return leftovers.node_in(membership, name) is not None or (
        leftovers.component_in(read(pid, "environ"), name) is not None
    )


def of_node(name: str, node: str) -> tuple[int, ...]:
    """Return every live process of one node: its components, their shims and its pods'."""
    return tuple(pid for pid in mine(name) if belongs_to(pid, name, node))


def belongs_to(pid: int, name: str, node: str) -> bool:
    """Tell whether a process of a lab is part of a node."""
    component = leftovers.component_in(read(pid, "environ"), name) or ""
    membership = read(pid, "cgroup").decode(errors="replace")
    return component.endswith(f"-{node}") or leftovers.node_in(membership, name) == node


def lives_in(pid: int, namespace: Path) -> bool:
    """Tell whether a process is in the network namespace that a file holds."""
    try:
        return (PROC / str(pid) / "ns" / "net").stat().st_ino == namespace.stat().st_ino
    except OSError:
        return False


def end_all(name: str, pids: Sequence[int], grace: float) -> None:
    """End processes of a lab: ask, wait up to `grace` seconds, then kill; wait until all went."""
    with contextlib.ExitStack() as stack:
        descriptors = list(open_mine(stack, name, pids))
        signal_each(descriptors, signal.SIGTERM)
        left = wait_gone(descriptors, grace)
        signal_each(left, signal.SIGKILL)
        wait_gone(left, 10.0)


def kill(name: str, pids: Sequence[int]) -> None:
    """Kill processes of a lab without asking; wait until they are gone."""
    with contextlib.ExitStack() as stack:
        descriptors = list(open_mine(stack, name, pids))
        signal_each(descriptors, signal.SIGKILL)
        wait_gone(descriptors, 10.0)


def open_mine(stack: contextlib.ExitStack, name: str, pids: Sequence[int]) -> Iterator[int]:
    """Yield descriptors of those processes that are still the lab's."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            if is_mine(pid, name):
                yield descriptor


def signal_each(descriptors: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to each process, ended or not."""
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)


def wait_gone(descriptors: Sequence[int], seconds: float) -> list[int]:
    """Wait until the processes have ended; return the descriptors of those that haven't."""
    poll = select.poll()
    left = set(descriptors)
    for descriptor in left:
        poll.register(descriptor, select.POLLIN)
    end = time.monotonic() + seconds
    while left and (remaining := end - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    return sorted(left)


def every_process() -> Iterator[int]:
    """Yield the numbers of all processes."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def read(pid: int, file: str) -> bytes:
    """Return a file of a process, nothing if the process is gone."""
    try:
        return (PROC / str(pid) / file).read_bytes()
    except OSError:
        return b""


def program_of(pid: int) -> str:
    """Return the base name of what a process was called as."""
    return Path(os.fsdecode(read(pid, "cmdline").split(b"\0")[0])).name


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone or waits only for its parent to notice."""
    status = read(pid, "stat")
    return not status or status.rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])
