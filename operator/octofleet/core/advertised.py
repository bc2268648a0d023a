"""Do the addresses that bridges give their participants lead to them? The checks of Advertised.

Pure, and from what is written down alone: whether anything answers there is for `Reachable`.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core import addresses
from octofleet.core.addresses import Origin, Told, Untold
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said, names_of
from octofleet.core.observation import Bridge, BridgeState
from octofleet.core.wording import first_of

__all__ = ["CHECKS", "is_public", "is_wrong"]

S = BridgeState
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
THERE: Final = (S.PENDING, S.STARTING, S.READY, S.UNREGISTERED)
LISTED: Final = 3


def is_wrong(address: str) -> bool:
    """Return whether nobody anywhere could use an address: loopback, multicast and the like."""
    found = ipaddress.ip_address(address)
    return found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local


def is_public(address: str) -> bool:
    """Return whether an address may be reached from the Internet."""
    return ipaddress.ip_address(address).is_global


def _waiting(found: Findings) -> Said | None:
    nodes = {node.name: node for node in found.snapshot.nodes}
    for bridge in found.of(S.PENDING):
        node = nodes.get(bridge.node or "")
        if node is None or not bridge.awaits_address:
            continue
        told = addresses.resolve(found.region.bridge.addresses, node)
        if isinstance(told, Untold):
            return FALSE, Reason.NO_ADDRESS, f"{bridge.name} waits to start: {told.message}"
    return None


def _outdated(found: Findings) -> Said | None:
    nodes = {node.name: node for node in found.snapshot.nodes}
    for bridge in found.of(*THERE):
        node = nodes.get(bridge.node or "")
        if node is None or bridge.address_origin is None:
            continue
        now = addresses.resolve(found.region.bridge.addresses, node)
        if isinstance(now, Told) and _differs(bridge, now):
            was = ", ".join(bridge.advertised) or "its node's own addresses"
            should = ", ".join(now.advertise) or "others"
            text = (
                f"{bridge.name} advertises {was}, but {should} hold for node {node.name} by now"
                f" ({now.origin}): octofleet drain {bridge.name} has it replaced"
            )
            return FALSE, Reason.ADDRESS_CHANGED, text
    return None


def _differs(bridge: Bridge, now: Told) -> bool:
    return (bridge.address_origin, bridge.advertised) != (now.origin.value, now.advertise)


def _wrong(found: Findings) -> Said | None:
    bad = [(bridge, one) for bridge, one in _all(found) if is_wrong(addresses.address_text(one))]
    if not bad:
        return None
    text = (
        f"{_listed(bad)}: nobody can send anything there; mend bridge.addresses.static or the"
        " node's ExternalIP or annotation"
    )
    return FALSE, Reason.WRONG_ADDRESS, text


def _private(found: Findings) -> Said | None:
    if found.region.bridge.addresses.private_network:
        return None
    bad = [
        (bridge, advertised_privately)
        for bridge in found.of(*THERE)
        if (advertised_privately := _only_private(bridge)) is not None
    ]
    if not bad:
        return None
    text = (
        f"{_listed(bad)}: private, so nobody on the Internet reaches it; give the nodes an"
        f" ExternalIP or the annotation {found.region.bridge.addresses.annotation}, name"
        " bridge.addresses.stunServers, or list bridge.addresses.static; where everyone is in"
        " this network, set bridge.addresses.audience: PrivateNetwork"
    )
    return FALSE, Reason.PRIVATE_ADDRESS, text


def _only_private(bridge: Bridge) -> str | None:
    """Return an address of a bridge that has private ones only."""
    known = addresses.advertised_by(bridge)
    public = any(is_public(addresses.address_text(each)) for each in known)
    return None if public or not known else known[0]


def _unknown(found: Findings) -> Said | None:
    there = found.of(*THERE)
    if not there:
        return UNKNOWN, Reason.NO_BRIDGES, "no bridge runs"
    silent = [bridge for bridge in there if not addresses.advertised_by(bridge)]
    if not silent:
        return None
    if any(bridge.address_origin == Origin.STUN for bridge in silent):
        text = f"{names_of(silent)}: what the STUN server says isn't known yet"
    else:
        text = f"{names_of(silent)}: not known yet"
    return UNKNOWN, Reason.ADDRESS_UNKNOWN, text


def _right(found: Findings) -> Said:
    origins = sorted({bridge.address_origin or "?" for bridge in found.of(*THERE)})
    return TRUE, Reason.ADDRESSES_FIT, f"addresses come from {', '.join(origins)}"


CHECKS: Final[tuple[Check, ...]] = (_waiting, _outdated, _wrong, _private, _unknown, _right)
"""In order; the last always has something to say. Whoever mended a node hears what is left."""


def _all(found: Findings) -> Iterator[tuple[Bridge, str]]:
    for bridge in found.of(*THERE):
        for each in addresses.advertised_by(bridge):
            yield bridge, each


def _listed(of: Iterable[tuple[Bridge, str]]) -> str:
    said = [f"{bridge.name} advertises {address}" for bridge, address in of]
    return first_of(said, LISTED)
