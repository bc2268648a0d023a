"""A cable between two labs, so that nodes and pods of one reach those of the other.

A pair of links joins their bridge devices; every node gets routes to the other lab's nodes and
pods. Cutting it takes the cable's one end down: packets vanish without a word, as on a line that is
cut. With the cable, or either lab, all is gone but routes that lead nowhere.
"""

from octolab import network, shell
from octolab.layout import Layout

__all__ = ["cut", "join", "part"]


def join(one: Layout, other: Layout) -> None:
    """Lay the cable, or mend it; do nothing where it is whole."""
    if not (network.LINKS / _end(one)).exists():
        peer = ["type", "veth", "peer", "name", _end(other)]
        shell.run(["ip", "link", "add", _end(one), *peer])
    for lab in (one, other):
        network.batch([f"link set {_end(lab)} master {lab.bridge} up"])
    for near, far in ((one, other), (other, one)):
        routes = [f"route replace {far.machine_network} dev eth0"]
        routes += [
            f"route replace {each.pod_network} via {each.address} dev eth0 onlink"
            for each in far.nodes
        ]
        for node in near.nodes:
            network.batch(routes, node)


def cut(one: Layout) -> None:
    """Let nothing pass any more."""
    network.batch([f"link set {_end(one)} down"])


def part(one: Layout, other: Layout) -> None:
    """Take the cable and the routes away."""
    if (network.LINKS / _end(one)).exists():
        shell.run(["ip", "link", "delete", _end(one)])
    for near, far in ((one, other), (other, one)):
        for node in near.nodes:
            for target in (far.machine_network, *(each.pod_network for each in far.nodes)):
                shell.succeeds(["ip", "-n", node.name, "route", "delete", str(target)])


def _end(lab: Layout) -> str:
    """Return the cable's end in a lab; its name is one of the lab's, so it goes with the lab."""
    return f"{lab.name}-x"
