"""ICE candidates the bridge offers: one for each local address, and one for each mapping.

Priorities follow RFC 8445 §5.1.2.1 with the local preference falling from address to address,
so that the order in which addresses are given is the order of preference.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from jitsiwire.colibri2 import Candidate
from octobridge.core.minting import Mint

__all__ = [
    "LocalAddress",
    "Mapping",
    "PortRange",
    "is_private",
    "local_candidates",
    "parse_mapping",
    "parse_port_range",
]

HOST_PREFERENCE = 126
REFLEXIVE_PREFERENCE = 100


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address and port the bridge listens on."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A public address that leads here; port None means the same port as inside."""

    ip: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class PortRange:
    """First and last port that may be used; 0 and 0: whichever the system gives."""

    first: int = 0
    last: int = 0

    def __len__(self) -> int:
        return self.last - self.first + 1


def parse_port_range(text: str) -> PortRange:
    """Return the range of `first-last`.

    Raises:
        ValueError: It isn't one.
    """
    first, _, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise ValueError(f"{text!r} is not a range of ports")
    if not 1 <= int(first) <= int(last) <= 65535:
        raise ValueError(f"{text!r} is not a range of ports between 1 and 65535")
    return PortRange(int(first), int(last))


def parse_mapping(text: str) -> Mapping:
    """Return the mapping of `ip` or `ip#port`.

    Raises:
        ValueError: It is neither.
    """
    ip, separator, port = text.strip().partition("#")
    address = ipaddress.ip_address(ip.strip())
    if not separator:
        return Mapping(str(address))
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{port!r} is not a port between 1 and 65535")
    return Mapping(str(address), int(port))


def is_private(ip: str) -> bool:
    """Whether the address can't be reached from the Internet."""
    return not ipaddress.ip_address(ip).is_global


def local_candidates(
    addresses: Sequence[LocalAddress], mappings: Sequence[Mapping], mint: Mint
) -> tuple[Candidate, ...]:
    """Return the host candidates, then the mapped ones.

    A mapping's related address is the first local address of its family; one whose family isn't
    listened on is left out, since nothing behind it could answer. A mapping to an address the
    bridge has itself (a public address on the interface) repeats nothing.
    """
    made = [_candidate(mint, (number, number), address) for number, address in enumerate(addresses)]
    known = {(address.ip, address.port) for address in addresses}
    for mapping in mappings:
        base = next((a for a in addresses if _same_family(a.ip, mapping.ip)), None)
        if base is None or (mapping.ip, mapping.port or base.port) in known:
            continue
        public = LocalAddress(mapping.ip, mapping.port or base.port)
        known.add((public.ip, public.port))
        rank = len(made) - len(addresses)
        made.append(_candidate(mint, (len(made), rank), public, base))
    return tuple(made)


def _candidate(
    mint: Mint, place: tuple[int, int], address: LocalAddress, base: LocalAddress | None = None
) -> Candidate:
    """Return a candidate; `place` is its number among all, and its rank among its kind."""
    number, rank = place
    preference = HOST_PREFERENCE if base is None else REFLEXIVE_PREFERENCE
    return Candidate(
        component=1,
        foundation=str(number + 1),
        generation=0,
        id=mint.candidate_id(),
        network=0,
        ip=address.ip,
        port=address.port,
        priority=(preference << 24) + ((65535 - rank) << 8) + 255,
        protocol="udp",
        type="host" if base is None else "srflx",
        rel_addr=base.ip if base else None,
        rel_port=base.port if base else None,
    )


def _same_family(one: str, other: str) -> bool:
    return ipaddress.ip_address(one).version == ipaddress.ip_address(other).version
