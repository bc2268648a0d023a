"""What an ICE agent is given and what comes out of it: limits, datagrams, events."""

from dataclasses import dataclass

__all__ = ["ConsentLost", "Event", "Failed", "IceLimits", "Selected", "Transmit", "Validated"]


@dataclass(frozen=True, slots=True)
class IceLimits:
    """What bounds an agent's memory and patience."""

    remote_candidates: int = 32
    pairs: int = 64
    transactions: int = 128
    establish_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Transmit:
    """A datagram to send."""

    socket: int
    address: str
    port: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Validated:
    """The peer proved itself from this address: DTLS and media from it may be believed."""

    socket: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Selected:
    """Send there from now on."""

    socket: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was selected in time (told once)."""

    reason: str


@dataclass(frozen=True, slots=True)
class ConsentLost:
    """The selected pair was silent for 30 s: sending must stop."""


Event = Validated | Selected | Failed | ConsentLost
