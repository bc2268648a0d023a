"""The lab's wires: one bridge device, a namespace and a link for each node, routes to pods.

Every function may run again at any time and only adds what is missing.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from octolab import leftovers, shell
from octolab.layout import Layout, Node

__all__ = ["bridge_up", "links", "namespaces", "node_up", "remove_links", "remove_namespaces"]

NETNS = Path("/run/netns")
LINKS = Path("/sys/class/net")


def bridge_up(layout: Layout) -> None:
    """Make the bridge device with the control plane's address."""
    device = layout.bridge
    if not (LINKS / device).exists():
        shell.run(["ip", "link", "add", device, "type", "bridge"])
    address = f"{layout.control_address}/{layout.machine_network.prefixlen}"
    shell.run(["ip", "address", "replace", address, "dev", device])
    shell.run(["ip", "link", "set", device, "up"])


def node_up(layout: Layout, node: Node) -> None:
    """Make a node's namespace, its link to the bridge, its address and everyone's routes.

    There is no default route: nothing of a node leaves the machine. Cluster addresses need some
    route for the service proxy to see packets to them, so they go towards the control plane.
    """
    if not namespace_works(node):
        discard(node)
        shell.run(["ip", "netns", "add", node.name])
    link_up(layout, node)
    gateway = str(layout.control_address)
    inside = ["link set lo up", f"route replace {layout.service_network} via {gateway}"]
    inside += [
        # By its device: the way to another region's node may be the router's, which may end.
        f"route replace {other.pod_network} via {other.address} dev eth0"
        for other in layout.nodes
        if other.index != node.index
    ]
    batch(inside, node)
    batch([f"route replace {node.pod_network} via {node.address}"])
    enter = ["nsenter", f"--net={node.namespace_path}", "--"]
    shell.run([*enter, "sysctl", "-qw", "net.ipv4.ip_forward=1"])


def namespace_works(node: Node) -> bool:
    """Tell whether a node's namespace file holds a namespace (a crash may leave an empty file)."""
    return node.namespace_path.exists() and shell.succeeds(
        ["nsenter", f"--net={node.namespace_path}", "--", "true"]
    )


def link_up(layout: Layout, node: Node) -> None:
    """Join a node to the bridge by a pair of links, its own end called eth0."""
    pair = ["type", "veth", "peer", "name", "eth0", "netns", node.name]
    if not (LINKS / node.link).exists():
        shell.run(["ip", "link", "add", node.link, *pair])
    batch([f"link set {node.link} master {layout.bridge} up"])
    address = f"{node.address}/{layout.machine_network.prefixlen}"
    batch([f"address replace {address} dev eth0", "link set eth0 up"], node)


def batch(lines: Iterable[str], node: Node | None = None) -> None:
    """Run several `ip` commands at once, in a node's namespace if one is given."""
    where = [] if node is None else ["-n", node.name]
    shell.run(["ip", *where, "-batch", "-"], text="\n".join(lines) + "\n")


def links(name: str) -> tuple[str, ...]:
    """Return a lab's links in this namespace."""
    return leftovers.links_of(os.listdir(LINKS), name)


def namespaces(name: str) -> tuple[str, ...]:
    """Return the names of a lab's network namespaces."""
    return leftovers.namespaces_of(os.listdir(NETNS) if NETNS.exists() else [], name)


def remove_links(name: str) -> None:
    """Remove a lab's links; a link's other end goes with it."""
    for link in links(name):
        if (LINKS / link).exists():
            shell.succeeds(["ip", "link", "delete", link])


def remove_namespaces(name: str) -> None:
    """Remove a lab's network namespaces."""
    for namespace in namespaces(name):
        if not shell.succeeds(["ip", "netns", "delete", namespace]):
            (NETNS / namespace).unlink(missing_ok=True)
    # `ip netns add` mounts this folder over itself. Without lazy: one in use stays.
    if NETNS.is_dir() and os.path.ismount(NETNS) and not os.listdir(NETNS):
        shell.succeeds(["umount", NETNS])


def discard(node: Node) -> None:
    """Remove what a crash left in the place of a node's namespace."""
    if node.namespace_path.exists():
        shell.succeeds(["umount", "--lazy", node.namespace_path])
        node.namespace_path.unlink(missing_ok=True)
