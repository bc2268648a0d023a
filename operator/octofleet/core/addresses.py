"""Which public addresses a bridge advertises, by the node it landed on. Pure.

A bridge's address depends on its node, which only the scheduler knows. So its pod waits, before
the bridge starts, until the operator has written what holds for that node on it: `resolve`
decides that, `tell` asks for it to be written. Where the source is the same for every node, the
pod is made with it and waits for nothing.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from octofleet.api.addresses import Addresses, AddressSource
from octofleet.core.actions import TellAddress
from octofleet.core.observation import Bridge, Node, Snapshot

__all__ = [
    "Origin",
    "Told",
    "Untold",
    "address_text",
    "advertised_by",
    "depends_on_node",
    "parse",
    "resolve",
    "tell",
    "told_by_all",
]

LISTED: Final = 8
SHOWN: Final = 80


class Origin(StrEnum):
    """Where an address came from."""

    STATIC = "Static"
    NODE_EXTERNAL_IP = "NodeExternalIP"
    ANNOTATION = "Annotation"
    STUN = "Stun"
    NODE_INTERNAL_IP = "NodeInternalIP"


@dataclass(frozen=True, slots=True)
class Told:
    """What a bridge is told: addresses as `ip` or `ip#port`, none where it finds them itself."""

    origin: Origin
    advertise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Untold:
    """Why a node has no address to tell, and what to do."""

    message: str


def depends_on_node(source: AddressSource) -> bool:
    """Return whether a bridge's addresses aren't known before it has a node."""
    return source in {AddressSource.AUTO, AddressSource.NODE_EXTERNAL_IP, AddressSource.ANNOTATION}


def told_by_all(addresses: Addresses) -> Told | None:
    """Return what every bridge is told whatever its node, None where that depends on it."""
    match addresses.source:
        case AddressSource.STATIC:
            return Told(Origin.STATIC, addresses.static)
        case AddressSource.STUN:
            return Told(Origin.STUN)
        case AddressSource.NODE_INTERNAL_IP:
            return Told(Origin.NODE_INTERNAL_IP)
        case _:
            return None


def resolve(addresses: Addresses, node: Node) -> Told | Untold:
    """Return what a bridge on this node is told."""
    fixed = told_by_all(addresses)
    if fixed is not None:
        return fixed
    source = addresses.source
    if source is not AddressSource.ANNOTATION and node.external_addresses:
        return Told(Origin.NODE_EXTERNAL_IP, node.external_addresses[:LISTED])
    if source is AddressSource.NODE_EXTERNAL_IP:
        return Untold(
            f"node {node.name} has no ExternalIP: have the cloud's node controller set one, or"
            " choose another bridge.addresses.source"
        )
    if node.announced is not None:
        return _announced(addresses, node.name, node.announced)
    if source is AddressSource.ANNOTATION:
        return Untold(
            f"node {node.name} has no annotation {addresses.annotation}: kubectl annotate node"
            f" {node.name} {addresses.annotation}=IP"
        )
    return Told(Origin.STUN if addresses.stun_servers else Origin.NODE_INTERNAL_IP)


def parse(text: str) -> tuple[str, ...] | None:
    """Return the addresses of a comma list of `ip` or `ip#port`, None when it isn't one."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    read = [_read(part) for part in parts[: LISTED + 1]]
    known = tuple(each for each in read if each is not None)
    return known if known and len(known) == len(read) <= LISTED else None


def tell(addresses: Addresses, snapshot: Snapshot) -> Iterable[TellAddress]:
    """Return what to write on the pods that wait for it."""
    nodes = {node.name: node for node in snapshot.nodes}
    for bridge in snapshot.bridges:
        node = nodes.get(bridge.node or "")
        if not bridge.awaits_address or bridge.deleting_since is not None or node is None:
            continue
        found = resolve(addresses, node)
        if isinstance(found, Told):
            stun = found.origin is Origin.STUN
            yield TellAddress(bridge.name, found.origin.value, ",".join(found.advertise), stun)


def advertised_by(bridge: Bridge) -> tuple[str, ...]:
    """Return the addresses a bridge gives its participants, none where they aren't known."""
    if bridge.advertised:
        return bridge.advertised
    own = bridge.node_address
    return (own,) if bridge.address_origin == Origin.NODE_INTERNAL_IP and own else ()


def address_text(advertised: str) -> str:
    """Return the address alone of `ip` or `ip#port`."""
    return advertised.partition("#")[0]


def _announced(addresses: Addresses, node: str, text: str) -> Told | Untold:
    found = parse(text)
    if found is not None:
        return Told(Origin.ANNOTATION, found)
    return Untold(
        f"annotation {addresses.annotation} of node {node} is {text[:SHOWN]!r}: it must be"
        f" a comma list of IP or IP#port, at most {LISTED}"
    )


def _read(part: str) -> str | None:
    address, separator, port = part.partition("#")
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return None
    if not separator:
        return str(found)
    fits = port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535
    return f"{found}#{int(port)}" if fits else None
