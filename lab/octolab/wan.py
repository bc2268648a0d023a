"""The wide area network between a lab's regions: a router in user space, as one of its processes.

Every node gets a device of the router's in its namespace and routes to the nodes and pods of other
regions through it; within a region, and between nodes and the control plane, everything stays as it
was. When the router ends, its devices and routes end with it, and all is near again.

`python -m octolab.wan CONFIG COUNTS` is that process: it reads what it joins once, and writes what
passed between regions every second.
"""

import json
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from octolab import processes, progress, shell
from octolab.errors import LabError, UnmetError
from octolab.files import write_whole
from octolab.layout import Layout, Node
from octolab.router import PortSettings, Router, Shape

__all__ = ["COMPONENT", "counts", "ensure", "is_right", "running_programs"]

COMPONENT = "wan"
READY_SECONDS = 30.0
EVERY_SECONDS = 1.0


def running_programs(layout: Layout) -> tuple[tuple[str, None], ...]:
    """Return the component that is needed, if one is; Python may go by several names."""
    return ((COMPONENT, None),) if layout.distances else ()


def is_right(layout: Layout) -> bool:
    """Tell whether the regions are as far from one another as they should be."""
    runs = any(True for _ in processes.find(layout.name, COMPONENT))
    if not layout.distances:
        return not runs
    file = config_file(layout)
    same = file.exists() and file.read_text() == config(layout)
    return runs and same and all(has_device(node) for node in layout.nodes)


def ensure(layout: Layout) -> None:
    """Make the regions as far from one another as they should be."""
    if is_right(layout):
        return
    processes.end_all(layout.name, tuple(processes.find(layout.name, COMPONENT)), 3.0)
    counts_file(layout).unlink(missing_ok=True)
    if not layout.distances:
        config_file(layout).unlink(missing_ok=True)
        return
    write_whole(config_file(layout), config(layout))
    files = (str(config_file(layout)), str(counts_file(layout)))
    processes.start(layout, COMPONENT, [sys.executable, "-m", "octolab.wan", *files], None)
    progress.wait_until("WAN", READY_SECONDS, lambda: missing(layout))


def missing(layout: Layout) -> str:
    """Return what isn't there yet, nothing if the WAN works."""
    if not any(True for _ in processes.find(layout.name, COMPONENT)):
        return f"the router between regions ended: see {layout.logs / 'wan.log'}"
    return "" if counts_file(layout).exists() and is_right(layout) else "not up yet"


def counts(layout: Layout) -> dict[str, Any]:
    """Return what passed from region to region so far, as "eu>us": {forwarded, …}.

    Raises:
        UnmetError: the lab has no such network.
    """
    try:
        return json.loads(counts_file(layout).read_text())
    except FileNotFoundError as error:
        raise UnmetError(f"lab {layout.name} has no WAN: run 'octolab up --rtt …'") from error


def config_file(layout: Layout) -> Path:
    """Return where the router reads what it joins."""
    return layout.directory / "wan.json"


def counts_file(layout: Layout) -> Path:
    """Return where the router writes what passed."""
    return layout.directory / "wan-counts.json"


def config(layout: Layout) -> str:
    """Return what the router is told."""
    lines = [asdict(each) for each in layout.distances]
    return json.dumps({"ports": [port_of(node) for node in layout.nodes], "lines": lines}, indent=1)


def port_of(node: Node) -> dict[str, Any]:
    """Return a node's port: its own address and its pods', told apart by its region.

    The pods' network in halves: their routes are narrower than the direct one, which thereby stays
    and holds again when the router is gone.
    """
    return {
        "name": device_of(node),
        "address": f"{node.address}/32",
        "namespace": str(node.namespace_path),
        "owns": [str(half) for half in node.pod_network.subnets()],
        "group": node.region,
        "borrowed": True,
    }


def device_of(node: Node) -> str:
    """Return the router's device in a node's namespace."""
    return f"wan{node.index}"


def has_device(node: Node) -> bool:
    """Tell whether the router's device is in a node's namespace."""
    return shell.succeeds(["ip", "-n", node.name, "link", "show", "dev", device_of(node)])


def run(config_path: Path, counts_path: Path) -> None:
    """Route until told to end."""
    told = json.loads(config_path.read_text())
    ports = [PortSettings(**port) for port in told["ports"]]
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    with Router(ports) as router:
        for line in told["lines"]:
            shape = Shape(loss=line["loss"], delay_ms=line["rtt_ms"] / 2)
            router.line(line["first"], line["second"], shape)
            router.line(line["second"], line["first"], shape)
        while not stop.wait(EVERY_SECONDS):
            passed = {f"{a}>{b}": asdict(found) for (a, b), found in router.line_counts().items()}
            write_whole(counts_path, json.dumps(passed))


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), Path(sys.argv[2]))
    except (LabError, OSError, ValueError) as problem:
        sys.exit(f"wan: {problem}")
