"""ICE's nouns: credentials, candidates, priorities, and which remote candidates are usable.

Pure data and rules of RFC 8445 §5; `octoengine.ice` runs the checks.
"""

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

__all__ = [
    "CandidateType",
    "Credentials",
    "LocalCandidate",
    "RemoteCandidate",
    "Role",
    "bases_towards",
    "candidate_priority",
    "complete",
    "normalized_address",
    "pair_priority",
    "peer_reflexive_priority",
    "refusal",
    "usable_address",
]

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UFRAG_CHARS: Final = 8
_PWD_CHARS: Final = 28
Entropy = Callable[[int], bytes]


class Role(StrEnum):
    """Who nominates the pair."""

    CONTROLLING = "controlling"
    CONTROLLED = "controlled"


class CandidateType(StrEnum):
    """RFC 8445 §5.1.1."""

    HOST = "host"
    SERVER_REFLEXIVE = "srflx"
    PEER_REFLEXIVE = "prflx"
    RELAYED = "relay"


_TYPE_PREFERENCE: Final = {
    CandidateType.HOST: 126,
    CandidateType.PEER_REFLEXIVE: 110,
    CandidateType.SERVER_REFLEXIVE: 100,
    CandidateType.RELAYED: 0,
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name fragment (4..256 characters) and its password (22..256)."""

    ufrag: str
    pwd: str = field(repr=False)

    def __post_init__(self) -> None:
        for text, least in ((self.ufrag, 4), (self.pwd, 22)):
            if not least <= len(text) <= 256 or not set(text) <= set(_ALPHABET):
                raise ValueError("malformed ICE credentials")

    @classmethod
    def generate(cls, entropy: Entropy = secrets.token_bytes) -> "Credentials":
        """Return new ones: 48 bits of ufrag, 168 of password."""
        raw = entropy(_UFRAG_CHARS + _PWD_CHARS)
        text = "".join(_ALPHABET[byte & 63] for byte in raw)
        return cls(text[:_UFRAG_CHARS], text[_UFRAG_CHARS:])


@dataclass(frozen=True, slots=True)
class LocalCandidate:
    """An address of ours, and the engine's socket that sends from it."""

    socket: int
    address: str
    port: int
    type: CandidateType = CandidateType.HOST
    priority: int = 0
    """0: that of its type."""


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """An address the peer says it has; may be a hostname or nonsense."""

    address: str
    port: int
    priority: int = 0
    type: str = "host"
    generation: int = 0
    protocol: str = "udp"
    component: int = 1


def candidate_priority(kind: CandidateType, local_preference: int = 65535) -> int:
    """Return RFC 8445 §5.1.2.1's priority for component 1; `local_preference` 0..65535."""
    return (_TYPE_PREFERENCE[kind] << 24) | (local_preference << 8) | 255


def peer_reflexive_priority(priority: int) -> int:
    """Return the PRIORITY a check from a candidate of this priority carries (§7.1.1)."""
    return (_TYPE_PREFERENCE[CandidateType.PEER_REFLEXIVE] << 24) | (priority & 0xFFFFFF)


def pair_priority(role: Role, local: int, remote: int) -> int:
    """Return a pair's priority (§6.1.2.3)."""
    controlling, controlled = (local, remote) if role is Role.CONTROLLING else (remote, local)
    return (
        (min(controlling, controlled) << 32)
        + 2 * max(controlling, controlled)
        + (controlling > controlled)
    )


def normalized_address(text: str) -> str | None:
    """Return an IP address in its one canonical form; None for a hostname or nonsense."""
    if len(text) > 64 or "%" in text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def refusal(candidate: RemoteCandidate, generation: int) -> str | None:
    """Return why a signalled candidate is ignored, None when it isn't."""
    if candidate.generation != generation:
        return "generation"
    if candidate.protocol.lower() != "udp" or candidate.component != 1:
        return "protocol"
    return "hostname" if normalized_address(candidate.address) is None else None


def complete(candidate: LocalCandidate) -> LocalCandidate:
    """Return a local candidate with its address in canonical form and a priority.

    Raises:
        ValueError: The address isn't an IP address.
    """
    address = normalized_address(candidate.address)
    if address is None:
        raise ValueError(f"local candidate {candidate.address!r} is not an IP address")
    priority = candidate.priority or candidate_priority(candidate.type)
    return LocalCandidate(candidate.socket, address, candidate.port, candidate.type, priority)


def bases_towards(
    candidates: tuple[LocalCandidate, ...], address: str, port: int
) -> list[LocalCandidate]:
    """Return the best candidate of each of our sockets that may send to this address."""
    best: dict[int, LocalCandidate] = {}
    for local in candidates:
        if usable_address(local.address, address, port):
            known = best.get(local.socket)
            if known is None or known.priority < local.priority:
                best[local.socket] = local
    return list(best.values())


def usable_address(local: str, remote: str, remote_port: int) -> bool:
    """Return whether `local` may send checks to this signalled address.

    A peer can name any address: those that no peer can have (multicast, unspecified) and our
    own loopback, as seen from a real interface, are never sent to.
    """
    try:
        ours, theirs = ipaddress.ip_address(local), ipaddress.ip_address(remote)
    except ValueError:
        return False
    return (
        1 <= remote_port <= 65535
        and ours.version == theirs.version
        and ours.is_loopback == theirs.is_loopback
        and not theirs.is_multicast
        and not theirs.is_unspecified
        and theirs != ipaddress.IPv4Address("255.255.255.255")
        and not (theirs.version == 6 and theirs.is_link_local)
    )
