"""One node: its namespace, cgroups, containerd, kubelet and service proxy."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, cast

from octolab import cgroups, configs, flags, network, processes, progress, shell
from octolab.cache import Cache
from octolab.errors import CommandError
from octolab.files import write_whole
from octolab.layout import Layout, Node

__all__ = ["import_images", "join", "prepare", "running_programs"]

CONTAINERD_READY_SECONDS = 30.0


def prepare(layout: Layout, node: Node, cache: Cache, wanted: Collection[str]) -> None:
    """Bring a node up to where its kubelet can join: wires, cgroups, containerd, images."""
    end_strays(layout, node)
    network.node_up(layout, node)
    cgroups.make(node.name)
    write_configs(layout, node, cache)
    if not processes.is_running(layout, f"containerd-{node.name}", "containerd"):
        processes.start(
            layout, f"containerd-{node.name}", flags.containerd(node), node.namespace_path
        )
    progress.wait_until(
        f"containerd of {node.name}", CONTAINERD_READY_SECONDS, lambda: silent(node)
    )
    import_images(node, cache, wanted)


def end_strays(layout: Layout, node: Node) -> None:
    """End all of a node if its programs are in another namespace than the one that stands.

    That is so after someone removed the namespace: its links are gone for good, and everything
    in it must start anew.
    """
    for component, program in running_programs(node):
        for pid in processes.find(layout.name, component, program):
            if not processes.lives_in(pid, node.namespace_path):
                processes.end_all(layout.name, processes.of_node(layout.name, node.name), 2.0)
                return


def join(layout: Layout, node: Node, cache: Cache) -> None:
    """Start a node's kubelet and service proxy, if they don't run."""
    wanted = {
        "kubelet": flags.kubelet(layout, node, cache.programs),
        "kube-proxy": flags.kube_proxy(node, cache.programs),
    }
    for program, command in wanted.items():
        component = f"{program}-{node.name}"
        if not processes.is_running(layout, component, program):
            processes.start(layout, component, command, node.namespace_path)


def running_programs(node: Node) -> tuple[tuple[str, str], ...]:
    """Return the component and the program of each process a node needs."""
    return tuple(
        (f"{program}-{node.name}", program) for program in ("containerd", "kubelet", "kube-proxy")
    )


def import_images(node: Node, cache: Cache, wanted: Collection[str]) -> tuple[str, ...]:
    """Give a node those of the wanted images that are new or have changed; return their names."""
    record = node.directory / "images.json"
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    layout = cache.layout
    changed = [
        image
        for image in layout.images()
        if image.name in wanted and known.get(image.name) != image.digest
    ]
    if not changed:
        return ()
    blobs = node.directory / "containerd" / "io.containerd.content.v1.content" / "blobs" / "sha256"
    present = {f"sha256:{blob.name}" for blob in blobs.glob("*")}
    feed_archive(node, lambda pipe: layout.write_archive(changed, present, pipe))
    known |= {image.name: image.digest for image in changed}
    write_whole(record, json.dumps(known, indent=1))
    return tuple(image.name for image in changed)


def feed_archive(node: Node, write: Callable[[IO[bytes]], None]) -> None:
    """Stream an archive into a node's containerd."""
    command = [
        *ctr_of(node),
        "images",
        "import",
        f"--snapshotter={snapshotter(node.directory)}",
        "-",
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as pipe:
            write(pipe)
        if process.wait() != 0:
            said.seek(0)
            reason = said.read()[-2000:].decode(errors="replace").strip()
            raise CommandError(f"images of {node.name}: {reason}")


def silent(node: Node) -> str:
    """Return why a node's containerd doesn't answer, nothing if it does."""
    if not node.containerd_socket.exists():
        return "no socket yet"
    shell.run([*ctr_of(node), "version"])
    return ""


def ctr_of(node: Node) -> list[str]:
    """Return containerd's client as it talks to a node."""
    return ["ctr", f"--address={node.containerd_socket}", "--namespace=k8s.io"]


def write_configs(layout: Layout, node: Node, cache: Cache) -> None:
    """Write a node's configuration files."""
    home = node.directory
    for folder in ("cni", "run", "podlogs", "volume-plugins"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    write_whole(home / "resolv.conf", "")
    write_whole(home / "cni" / "10-lab.conflist", configs.cni(node))
    write_whole(home / "containerd.toml", configs.containerd(node, snapshotter(home)))
    write_whole(home / "kubelet.yaml", configs.kubelet(layout, node))
    write_whole(home / "kube-proxy.yaml", configs.kube_proxy(layout, node))


def snapshotter(folder: Path) -> str:
    """Return the snapshotter that works on the disk of a folder: overlays can't lie on overlays."""
    kind = shell.run(["stat", "--file-system", "--format=%T", folder]).strip()
    return "native" if kind in ("overlayfs", "tmpfs", "nfs") else "overlayfs"
