"""Where everything of one lab lives: names, addresses and paths, all derived from a few choices.

Pure. Every name starts with the lab's own name, so that leftovers can be found without state.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from octolab.distances import Distance
from octolab.errors import UnmetError

__all__ = [
    "DEFAULT_NAME",
    "DEFAULT_NETWORK",
    "MARKER",
    "STATE_HOME",
    "Layout",
    "Node",
    "home_of",
    "plan",
]

DEFAULT_NAME = "octo"
DEFAULT_NETWORK = "10.77.0.0/16"
MARKER = "OCTOLAB_COMPONENT"
"""Environment variable every process of a lab carries, as NAME/COMPONENT."""
STATE_HOME = Path("/var/lib/octofleet-lab")
MAX_NODES = 64
# A link's name holds 15 characters, and "NAME-n64" must fit.
NAME = re.compile(r"[a-z][a-z0-9]{0,8}")
REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")
ZONES = "abc"


@dataclass(frozen=True, slots=True)
class Node:
    """One node: a network namespace with a kubelet in it."""

    index: int
    name: str
    region: str
    zone: str
    address: IPv4Address
    pod_network: IPv4Network
    link: str
    directory: Path

    @property
    def namespace_path(self) -> Path:
        """Return the file that holds the node's network namespace."""
        return Path("/run/netns") / self.name

    @property
    def cgroup(self) -> str:
        """Return the cgroup that everything the kubelet starts lives under."""
        return f"/{self.name}"

    @property
    def containerd_socket(self) -> Path:
        """Return the node's own containerd socket."""
        return self.directory / "run" / "containerd.sock"


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole lab."""

    name: str
    network: IPv4Network
    directory: Path
    nodes: tuple[Node, ...]
    regions: tuple[str, ...] = field(default=())
    distances: tuple[Distance, ...] = field(default=())
    """What lies between the regions; none: nothing does."""

    @property
    def bridge(self) -> str:
        """Return the bridge device that joins the nodes and the control plane."""
        return f"{self.name}0"

    @property
    def machine_network(self) -> IPv4Network:
        """Return the network of the nodes' own addresses: the first /24."""
        return next(self.network.subnets(new_prefix=24))

    @property
    def control_address(self) -> IPv4Address:
        """Return the control plane's address, that of the bridge device."""
        return self.machine_network[1]

    @property
    def pod_network(self) -> IPv4Network:
        """Return the network that holds every pod's address."""
        return next(self.network.subnets(new_prefix=self.network.prefixlen + 1))

    @property
    def service_network(self) -> IPv4Network:
        """Return the network of cluster addresses: the last /20."""
        return list(self.network.subnets(new_prefix=20))[-1]

    @property
    def api_service_address(self) -> IPv4Address:
        """Return the cluster address of the API server."""
        return self.service_network[1]

    @property
    def dns_address(self) -> IPv4Address:
        """Return the cluster address of CoreDNS."""
        return self.service_network[10]

    @property
    def server(self) -> str:
        """Return the API server's URL."""
        return f"https://{self.control_address}:6443"

    @property
    def pki(self) -> Path:
        """Return the folder of certificates and keys."""
        return self.directory / "pki"

    @property
    def logs(self) -> Path:
        """Return the folder of the components' logs."""
        return self.directory / "logs"

    @property
    def kubeconfig(self) -> Path:
        """Return the path of the administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    def kubeconfig_of(self, component: str) -> Path:
        """Return the path of a component's kubeconfig."""
        return self.directory / "kubeconfigs" / component


def plan(
    name: str,
    network: str,
    nodes: int,
    regions: tuple[str, ...],
    distances: tuple[Distance, ...] = (),
) -> Layout:
    """Return the layout of a lab.

    Args:
        name: The lab's name, the prefix of everything it makes.
        network: An IPv4 /16 for nodes (its first /24), pods (a /24 a node) and services.
        nodes: How many nodes, 1 to 64.
        regions: Regions given to the nodes in turn.
        distances: What lies between them.

    Raises:
        UnmetError: one of them can't be used; the message says why.
    """
    directory = home_of(name)
    if not 1 <= nodes <= MAX_NODES:
        raise UnmetError(f"nodes {nodes}: use 1 to {MAX_NODES}")
    if not regions or not all(REGION.fullmatch(region) for region in regions):
        raise UnmetError(f"regions {','.join(regions)!r}: use lower-case names joined by commas")
    whole = parse_network(network)
    members = tuple(
        node_of(name, whole, directory, index, regions) for index in range(1, nodes + 1)
    )
    return Layout(name, whole, directory, members, regions, distances)


def home_of(name: str) -> Path:
    """Return the folder of a lab's state.

    Raises:
        UnmetError: the name isn't one a lab can have.
    """
    if not NAME.fullmatch(name):
        raise UnmetError(f"name {name!r}: use 1 to 9 lower-case letters and digits, a letter first")
    return STATE_HOME / name


def parse_network(text: str) -> IPv4Network:
    """Return `text` as a private IPv4 /16."""
    try:
        network = IPv4Network(text)
    except (ipaddress.AddressValueError, ipaddress.NetmaskValueError, ValueError) as error:
        raise UnmetError(f"network {text!r}: {error}") from error
    if network.prefixlen != 16 or not network.is_private:
        raise UnmetError(f"network {text!r}: use a private /16, such as {DEFAULT_NETWORK}")
    return network


def node_of(
    name: str, network: IPv4Network, directory: Path, index: int, regions: tuple[str, ...]
) -> Node:
    """Return the node with an index, counted from one."""
    region = regions[(index - 1) % len(regions)]
    turn = (index - 1) // len(regions)
    base = network.network_address
    node = f"{name}-node{index}"
    return Node(
        index=index,
        name=node,
        region=region,
        zone=f"{region}-{ZONES[turn % len(ZONES)]}",
        address=base + 10 + index,
        pod_network=IPv4Network((int(base) + (index << 8), 24)),
        link=f"{name}-n{index}",
        directory=directory / node,
    )
