"""Whoever is connected to this bridge, a client or another bridge: its transport and its media.

What `endpoint` and `relay` have in common: a transport with ICE, DTLS and maybe a message channel,
and what was negotiated about RTP. A plain mutable record with the few rules that concern it alone.
"""

from dataclasses import dataclass, field
from enum import Enum

from jitsiwire.colibri2 import (
    Candidate,
    Fingerprint,
    HeaderExtension,
    IceTransport,
    Media,
    PayloadType,
)
from octobridge.core.effects import MediaEffect
from octobridge.core.negotiated import negotiated
from octobridge.core.pacing import Inbox

__all__ = ["IceRestart", "IceState", "Peer"]


class IceState(Enum):
    """How far a peer's transport has come."""

    NEW = "new"
    CONNECTED = "connected"
    """ICE found an address; DTLS runs or has failed."""
    SECURED = "secured"
    """DTLS is done: media flows."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IceRestart:
    """Credentials of an agent that may replace the one in use; generations count from 1."""

    generation: int
    ufrag: str
    pwd: str = field(repr=False)


@dataclass(slots=True)
class Peer:
    """State of one peer; times are the caller's `now`, seconds."""

    id: str
    transport: int
    ufrag: str
    pwd: str = field(repr=False)
    created_at: float
    sctp: bool = False

    payload_types: dict[tuple[str, int], PayloadType] = field(
        default_factory=dict[tuple[str, int], PayloadType]
    )
    header_extensions: dict[tuple[str, int], HeaderExtension] = field(
        default_factory=dict[tuple[str, int], HeaderExtension]
    )

    ice_controlling: bool = True
    own_candidates: tuple[Candidate, ...] = ()
    """Of its transport's own port; empty when it shares the bridge's."""
    fingerprints: tuple[Fingerprint, ...] = ()
    dtls_server: bool | None = None
    candidates_taken: int = 0
    generation: int = 0
    """Of the ICE agent in use; 0 is the first."""
    last_generation: int = 0
    """Given out last."""
    restart: IceRestart | None = None
    """Under way."""

    ice: IceState = IceState.NEW
    dtls_failed: bool = False
    secured_at: float | None = None
    """When DTLS was done; None = not yet."""
    consent_lost: bool = False
    """The peer no longer says it wants our packets (RFC 7675): nothing is sent to it."""
    last_activity: float | None = None
    message_channel: bool = False
    channel_lateness_counted: bool = False
    inbox: Inbox | None = None
    """What it may still write, once it has written."""
    outgoing_loss: float = 0.0
    rtt_ms: float = -1.0

    @property
    def takes_audio(self) -> bool:
        """Whether any audio payload type is known, so audio may be sent to it."""
        return any(kind == "audio" for kind, _ in self.payload_types)

    @property
    def takes_video(self) -> bool:
        """Whether any video payload type is known."""
        return any(kind == "video" for kind, _ in self.payload_types)

    @property
    def repairs(self) -> bool:
        """Whether it takes retransmissions on SSRCs of their own."""
        return any((p.name or "").lower() == "rtx" for p in self.payload_types.values())

    @property
    def is_estimated(self) -> bool:
        """Whether it is found out what its line carries."""
        return True

    def learn_media(self, media: tuple[Media, ...]) -> None:
        """Add payload types and header extensions; nothing is ever taken away."""
        for section in media:
            if section.type not in ("audio", "video"):
                continue
            for payload_type in section.payload_types:
                self.payload_types[section.type, payload_type.id] = payload_type
            for extension in section.header_extensions:
                self.header_extensions[section.type, extension.id] = extension

    def negotiated(self) -> tuple[MediaEffect, ...]:
        """Return what the engine must know of its media."""
        return negotiated(
            self.transport,
            self.payload_types.values(),
            self.header_extensions.values(),
            estimated=self.is_estimated,
        )

    def learn_fingerprints(self, ice: IceTransport) -> None:
        """Take the peer's fingerprints, and the DTLS role from the first one's setup."""
        if not ice.fingerprints:
            return
        self.fingerprints = ice.fingerprints
        setup = (ice.fingerprints[0].setup or "").lower()
        if setup in ("active", "passive"):
            self.dtls_server = setup == "active"

    def heard(self, at: float) -> None:
        """Note that something came from the peer at that time."""
        if self.last_activity is None or at > self.last_activity:
            self.last_activity = at
