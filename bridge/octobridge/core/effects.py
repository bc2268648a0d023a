"""What the bridge's core asks its shell to do, as plain data.

The core decides and returns these in the order they must be done; the shell does them with one
`match`. Transports and groups are numbers the core hands out, never used twice in a process.
"""

from dataclasses import dataclass

from jitsiwire.colibri2 import Candidate, Fingerprint

__all__ = [
    "AddSource",
    "CreateTransport",
    "Effect",
    "MuteSource",
    "RemoveSource",
    "RemoveTransport",
    "RestartIce",
    "SendMessage",
    "SetRemote",
    "Subscribe",
    "Unsubscribe",
]


@dataclass(frozen=True, slots=True)
class CreateTransport:
    """Open an endpoint's transport: answer its STUN, wait for its DTLS."""

    transport: int
    group: int
    conference_id: str
    endpoint_id: str
    ufrag: str
    pwd: str
    sctp: bool
    """Run an SCTP association over it, as the passive side."""
    controlling: bool = True
    """Nominate the pair of addresses; else the peer does."""

    def __repr__(self) -> str:
        return f"CreateTransport({self.transport}, group={self.group}, sctp={self.sctp})"


@dataclass(frozen=True, slots=True)
class SetRemote:
    """The peer's side, as far as it is known; what is None or empty says nothing new."""

    transport: int
    ufrag: str | None = None
    pwd: str | None = None
    candidates: tuple[Candidate, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    dtls_server: bool | None = None
    """Whether the bridge is the DTLS server; None while the peer's setup hasn't decided it."""
    generation: int | None = None
    """Which ICE agent's peer it is about; None for the one in use."""

    def __repr__(self) -> str:
        return f"SetRemote({self.transport}, candidates={len(self.candidates)})"


@dataclass(frozen=True, slots=True)
class RestartIce:
    """Begin an ICE agent of new credentials beside the one in use; it takes over if it connects.

    One that was begun before and hasn't connected yet is given up.
    """

    transport: int
    generation: int
    ufrag: str
    pwd: str

    def __repr__(self) -> str:
        return f"RestartIce({self.transport}, generation={self.generation})"


@dataclass(frozen=True, slots=True)
class RemoveTransport:
    """Close the transport and forget all that hangs on it."""

    transport: int


@dataclass(frozen=True, slots=True)
class AddSource:
    """Accept RTP of this SSRC from the transport."""

    transport: int
    ssrc: int
    kind: str


@dataclass(frozen=True, slots=True)
class RemoveSource:
    """Stop accepting it; every subscription to it ends with it."""

    transport: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class MuteSource:
    """Drop what it sends (or stop dropping)."""

    transport: int
    ssrc: int
    muted: bool


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Forward `sender`'s SSRC to `receiver`."""

    receiver: int
    sender: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Stop forwarding it to this receiver."""

    receiver: int
    sender: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send a text over the transport's message channel; dropped when that isn't open."""

    transport: int
    text: str

    def __repr__(self) -> str:
        return f"SendMessage({self.transport}, {len(self.text)} characters)"


Effect = (
    CreateTransport
    | SetRemote
    | RestartIce
    | RemoveTransport
    | AddSource
    | RemoveSource
    | MuteSource
    | Subscribe
    | Unsubscribe
    | SendMessage
)
