"""A whole lab: bring it up, mend it, look at it, take it down.

`up` is written as a convergence: it asks what stands and adds what is missing, so running it
again after a crash at any point, or with dead parts, mends the lab. What a taken-down or another
boot's lab left is swept away first.
"""

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from octolab import (
    addons,
    cgroups,
    control_plane,
    health,
    layout,
    network,
    nodes,
    processes,
    progress,
    shell,
    wan,
)
from octolab import leftovers as left
from octolab.api import Api
from octolab.cache import Cache
from octolab.distances import Distance, distances
from octolab.errors import LabError, UnmetError
from octolab.files import write_whole
from octolab.layout import Layout, Node
from octolab.progress import Progress

__all__ = ["Choice", "Supplies", "down", "load_images", "locked", "measure", "stored", "up"]

RECORD = "lab.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CONTAINER_LOGS = Path("/var/log/containers")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person may choose about a lab; None leaves it as it is, or the default."""

    name: str = layout.DEFAULT_NAME
    network: str | None = None
    nodes: int | None = None
    regions: tuple[str, ...] | None = None
    rtt: str | None = None
    """Round trips between regions, as `distances` reads them."""
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class Supplies:
    """What nodes are made of: built programs and images, and which of the images they get."""

    cache: Cache
    images: frozenset[str]


def up(choice: Choice, supplies: Supplies, progress_: Progress) -> Layout:
    """Bring a lab up, or mend it, or find that it works."""
    record = load(choice.name)
    if record is None or record["boot"] != boot_id():
        if not measure(choice.name).clean or layout.home_of(choice.name).exists():
            with progress_.step("sweep what an earlier lab left"):
                down(choice.name)
        record = None
    planned = settle(choice, record)
    save(planned)
    if record is not None and not health.verdict(planned):
        progress_.skip(f"lab {planned.name}: {len(planned.nodes)} nodes Ready, DNS, metrics")
        load_images(planned, supplies, progress_)
        return planned
    try:
        converge(planned, supplies, progress_)
    except LabError as error:
        hint = f"the parts' logs are in {planned.logs}; 'octolab up' again goes on from here"
        raise LabError(f"{error}\n{hint}") from error
    return planned


def settle(choice: Choice, record: dict[str, Any] | None) -> Layout:
    """Return the layout that a choice and the lab that stands make together.

    Raises:
        UnmetError: the lab that stands can't become what was chosen.
    """
    if record is None:
        named = choice.regions or ("eu",)
        return layout.plan(
            choice.name,
            choice.network or layout.DEFAULT_NETWORK,
            3 if choice.nodes is None else choice.nodes,
            named,
            far_apart(choice, named, None),
        )
    regions = tuple(record["regions"])
    count = record["nodes"] if choice.nodes is None else choice.nodes
    same = choice.network in (None, record["network"]) and choice.regions in (None, regions)
    if not same or count < record["nodes"]:
        raise UnmetError(
            f"lab {choice.name} runs with {record['nodes']} nodes in {','.join(regions)} on "
            f"{record['network']}: run 'octolab down' first"
        )
    apart = far_apart(choice, regions, record)
    return layout.plan(choice.name, record["network"], count, regions, apart)


def far_apart(
    choice: Choice, regions: tuple[str, ...], record: dict[str, Any] | None
) -> tuple[Distance, ...]:
    """Return what lies between regions: as chosen, else as it was."""
    if choice.rtt is None and choice.loss is None:
        return tuple(Distance(**each) for each in (record or {}).get("distances", ()))
    return distances(regions, choice.rtt or "", choice.loss or "")


def converge(planned: Layout, supplies: Supplies, steps: Progress) -> None:
    """Add what is missing until the cluster works.

    Nodes come up side by side with the control plane, and take the product's images while the
    cluster settles.
    """
    with steps.step("certificates"):
        control_plane.write_credentials(planned)
        network.bridge_up(planned)
    with ThreadPoolExecutor(len(planned.nodes)) as pool:
        prepared = [
            pool.submit(prepare_node, planned, node, supplies.cache, steps)
            for node in planned.nodes
        ]
        with steps.step("control plane"):
            control_plane.start(planned, supplies.cache)
            control_plane.register_nodes(planned)
        with steps.step("CoreDNS and metrics-server"):
            control_plane.install_addons(planned)
        for node, each in zip(planned.nodes, prepared, strict=True):
            each.result()
            nodes.join(planned, node, supplies.cache)
        if not wan.is_right(planned):
            with steps.step("the network between regions"):
                wan.ensure(planned)
        filled = [pool.submit(fill_node, node, supplies, steps) for node in planned.nodes]
        wait_healthy(planned, steps)
        for each in filled:
            each.result()


def prepare_node(planned: Layout, node: Node, cache: Cache, steps: Progress) -> None:
    """Prepare a node, as a step of its own."""
    with steps.step(f"{node.name}: network, containerd"):
        nodes.prepare(planned, node, cache, addons.IMAGES)


def fill_node(node: Node, supplies: Supplies, steps: Progress) -> None:
    """Give a node the images of the product, as a step of its own."""
    with steps.step(f"{node.name}: images"):
        nodes.import_images(node, supplies.cache, supplies.images)


def wait_healthy(planned: Layout, steps: Progress) -> None:
    """Wait until nodes, DNS and metrics work."""
    api = Api(planned)
    with steps.step("nodes Ready"):
        progress.wait_until("nodes", 240.0, lambda: health.node_trouble(api, planned))
    with steps.step("cluster DNS answers on every node"):
        progress.wait_until("DNS", 240.0, lambda: health.dns_trouble(planned))
    with steps.step("metrics of every node"):
        progress.wait_until("metrics", 120.0, lambda: health.metrics_trouble(api, planned))


def load_images(planned: Layout, supplies: Supplies, steps: Progress) -> None:
    """Hand the images that are new or have changed to every node."""
    with ThreadPoolExecutor(len(planned.nodes)) as pool:
        imports = [
            pool.submit(nodes.import_images, node, supplies.cache, supplies.images)
            for node in planned.nodes
        ]
        found = [each.result() for each in imports]
    for node, names in zip(planned.nodes, found, strict=True):
        steps.say(f"  {node.name}: {', '.join(names) or 'nothing new'}")


def down(name: str) -> left.Leftovers:
    """Take a lab down and return what is left of it, as measured."""
    directory = layout.home_of(name)
    # First of all: a lab whose removal was cut short is never mistaken for one that stands.
    (directory / RECORD).unlink(missing_ok=True)
    end_processes(name)
    network.remove_namespaces(name)
    unmount(name, directory)
    network.remove_links(name)
    cgroups.remove(name)
    remove_files(name, directory)
    return measure(name)


def end_processes(name: str) -> None:
    """End a lab's processes: first what starts others, then all, until none appears any more."""
    starters = [
        pid
        for program in ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy")
        for pid in processes.find(name, program=program)
    ]
    processes.end_all(name, starters, 3.0)
    for _ in range(10):
        found = processes.mine(name)
        if not found:
            return
        processes.end_all(name, found, 1.0)


def unmount(name: str, directory: Path) -> None:
    """Unmount all of a lab's mounts."""
    for _ in range(5):
        points = mounts(name, directory)
        if not points:
            return
        for point in points:
            shell.succeeds(["umount", "--lazy", point])


def mounts(name: str, directory: Path) -> tuple[str, ...]:
    """Return a lab's mounts."""
    table = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    return left.mounts_under(table, directory, network.namespaces(name))


def remove_files(name: str, directory: Path) -> None:
    """Remove a lab's files, but only once nothing is mounted among them."""
    if mounts(name, directory):
        return
    if directory.exists():
        shutil.rmtree(directory)
    if CONTAINER_LOGS.is_dir():
        for entry in CONTAINER_LOGS.iterdir():
            if entry.is_symlink() and str(entry.readlink()).startswith(f"{directory}/"):
                entry.unlink()
    with contextlib.suppress(OSError):
        layout.STATE_HOME.rmdir()


def measure(name: str) -> left.Leftovers:
    """Return what of a lab exists on the machine, asked of the kernel."""
    return left.Leftovers(
        processes=processes.mine(name),
        namespaces=network.namespaces(name),
        mounts=mounts(name, layout.home_of(name)),
        cgroups=cgroups.existing(name),
        links=network.links(name),
    )


def stored(name: str) -> Layout:
    """Return the layout of the lab that stands.

    Raises:
        UnmetError: none does.
    """
    record = load(name)
    if record is None:
        raise UnmetError(f"no lab {name} here: run 'octolab up'")
    return settle(Choice(name), record)


def load(name: str) -> dict[str, Any] | None:
    """Return what was noted about a lab, None if none stands."""
    try:
        return json.loads((layout.home_of(name) / RECORD).read_text())
    except FileNotFoundError:
        return None


def save(planned: Layout) -> None:
    """Note a lab's choices and the boot it belongs to."""
    record = {
        "network": str(planned.network),
        "nodes": len(planned.nodes),
        "regions": planned.regions,
        "distances": [asdict(each) for each in planned.distances],
        "boot": boot_id(),
    }
    write_whole(planned.directory / RECORD, json.dumps(record))


def boot_id() -> str:
    """Return what tells this boot of the machine from any other."""
    return BOOT_ID.read_text().strip()


@contextlib.contextmanager
def locked(name: str, patience: float = 600.0) -> Generator[None]:
    """Hold a lab against other runs of this program; the kernel lets go when this one ends."""
    path = Path("/run") / f"octolab-{layout.home_of(name).name}.lock"
    end = time.monotonic() + patience
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise LabError(f"lab {name}: another octolab holds {path}") from None
                time.sleep(0.2)
        yield
