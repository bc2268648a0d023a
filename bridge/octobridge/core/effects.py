"""What the bridge's core asks its shell to do, as plain data.

The core decides and returns these in the order they must be done; the shell does them with one
`match`. Transports and groups are numbers the core hands out, never used twice in a process.
"""

from dataclasses import dataclass

from jitsiwire import bridge_channel
from jitsiwire.colibri2 import Candidate, Fingerprint

__all__ = [
    "AddSource",
    "CreateTransport",
    "Effect",
    "MediaEffect",
    "MuteSource",
    "RemoveSource",
    "RemoveTransport",
    "RequestKeyframe",
    "RestartIce",
    "SendMessage",
    "SetEncodings",
    "SetExtensions",
    "SetFeedback",
    "SetPayloadTypes",
    "SetProbing",
    "SetRemote",
    "SetTarget",
    "Subscribe",
    "Unsubscribe",
    "say",
]


@dataclass(frozen=True, slots=True)
class CreateTransport:
    """Open a client's or a relay's transport: answer its STUN, do DTLS with it."""

    transport: int
    group: int
    conference_id: str
    peer_id: str
    ufrag: str
    pwd: str
    sctp: bool
    """Run an SCTP association over it."""
    controlling: bool = True
    """Nominate the pair of addresses; else the peer does."""
    rtcp_ssrc: int = 0
    """Whom our reports to it come from: the conference's feedback SSRC."""
    opens_channel: bool = False
    """Open the message channel; else the peer does."""
    mesh: int = 0
    """Of a relay; nothing is passed on between two of the same mesh. 0 = a client."""

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
class SetPayloadTypes:
    """How this peer numbers its payload types: (number, NAME, repaired number or -1)."""

    transport: int
    payload_types: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class SetExtensions:
    """How this peer numbers its header extensions: (id, URI)."""

    transport: int
    extensions: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class SetFeedback:
    """Which feedback this peer takes and gives."""

    transport: int
    transport_cc: bool
    remb: bool
    nack: bool


@dataclass(frozen=True, slots=True)
class AddSource:
    """Accept RTP of this SSRC from the transport; `repairs` for kinds "rtx" and "fec"."""

    transport: int
    ssrc: int
    kind: str
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class RemoveSource:
    """Stop accepting it; every subscription to it ends with it."""

    transport: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class SetEncodings:
    """These SSRCs carry one picture, lowest quality first; the first one names it."""

    transport: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MuteSource:
    """Drop what it sends (or stop dropping)."""

    transport: int
    ssrc: int
    muted: bool


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Forward `sender`'s voice or picture to `receiver`, as `out_ssrc` (0 = its own SSRC)."""

    receiver: int
    sender: int
    ssrc: int
    out_ssrc: int = 0
    out_rtx_ssrc: int = 0
    """0 = what is repaired is sent again as it was."""
    mid: str = ""
    whole: bool = False
    """To a relay: just this SSRC, any encoding, all of it and as it comes."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Stop forwarding it to this receiver."""

    receiver: int
    sender: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class SetTarget:
    """Send the receiver this encoding of a picture (-1 = none), up to these layers of it."""

    receiver: int
    sender: int
    ssrc: int
    encoding: int
    temporal: int
    spatial: int = 2
    """2 = all."""


@dataclass(frozen=True, slots=True)
class RequestKeyframe:
    """Ask the sender for a keyframe of a picture."""

    transport: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class SetProbing:
    """Send so much padding a second to find out whether there is room for more; 0 = none."""

    transport: int
    bps: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send a text over the transport's message channel; dropped when that isn't open."""

    transport: int
    text: str

    def __repr__(self) -> str:
        return f"SendMessage({self.transport}, {len(self.text)} characters)"


MediaEffect = (
    SetPayloadTypes
    | SetExtensions
    | SetFeedback
    | AddSource
    | RemoveSource
    | SetEncodings
    | MuteSource
    | Subscribe
    | Unsubscribe
    | SetTarget
    | RequestKeyframe
    | SetProbing
)
"""What the media engine does by itself (`shell.commands`)."""

Effect = CreateTransport | SetRemote | RestartIce | RemoveTransport | SendMessage | MediaEffect


def say(transport: int, message: bridge_channel.Message) -> SendMessage:
    """Return the effect of sending a message to the client on this transport."""
    return SendMessage(transport, bridge_channel.build(message))
