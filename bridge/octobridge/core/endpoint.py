"""One participant's client on this bridge: what was signalled, and how its transport fares.

A plain mutable record with the few rules that concern it alone. It does nothing by itself:
`conference` owns it, `colibri` and the shell's reports change it.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from jitsiwire.colibri2 import (
    Candidate,
    Capability,
    Fingerprint,
    ForceMute,
    HeaderExtension,
    IceTransport,
    Media,
    PayloadType,
)
from octobridge.core.effects import MediaEffect
from octobridge.core.forwarding import Party
from octobridge.core.negotiated import negotiated
from octobridge.core.pacing import Inbox
from octobridge.core.roster import Member
from octobridge.core.sources import EMPTY, Sources

__all__ = ["Endpoint", "IceRestart", "IceState"]

VISITOR: Final = "visitor"


class IceState(Enum):
    """How far the endpoint's transport has come."""

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
class Endpoint:
    """State of one endpoint; times are the caller's `now`, seconds."""

    id: str
    transport: int
    ufrag: str
    pwd: str = field(repr=False)
    created_at: float
    stats_id: str | None = None
    visitor: bool = False
    capabilities: frozenset[str] = frozenset()
    sctp: bool = False
    initial_last_n: int | None = None

    payload_types: dict[tuple[str, int], PayloadType] = field(
        default_factory=dict[tuple[str, int], PayloadType]
    )
    header_extensions: dict[tuple[str, int], HeaderExtension] = field(
        default_factory=dict[tuple[str, int], HeaderExtension]
    )
    sources: Sources = EMPTY
    force_mute: ForceMute = field(default_factory=ForceMute)

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
    consent_lost: bool = False
    """The peer no longer says it wants our packets (RFC 7675): nothing is sent to it."""
    last_activity: float | None = None
    disconnected: bool = False
    """Not heard for long: what clients are told (`connectivity`)."""
    lost: bool = False
    """Disconnected after it had been heard."""
    message_channel: bool = False
    channel_lateness_counted: bool = False
    inbox: Inbox | None = None
    """What it may still write, once it has written."""
    sending_audio: bool = False
    sending_video: bool = False
    outgoing_loss: float = 0.0
    rtt_ms: float = -1.0
    bandwidth_bps: int = -1
    """What its downlink is estimated to carry; -1 = not known."""

    @property
    def takes_audio(self) -> bool:
        """Whether any audio payload type is known, so audio may be sent to it."""
        return any(kind == "audio" for kind, _ in self.payload_types)

    @property
    def takes_video(self) -> bool:
        """Whether any video payload type is known."""
        return any(kind == "video" for kind, _ in self.payload_types)

    @property
    def reaches_private_addresses(self) -> bool:
        """Whether the client says it can use private candidates."""
        return Capability.PRIVATE_ADDRESS_CONNECTIVITY in self.capabilities

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
            self.transport, self.payload_types.values(), self.header_extensions.values()
        )

    def learn_fingerprints(self, ice: IceTransport) -> None:
        """Take the peer's fingerprints, and the DTLS role from the first one's setup."""
        if not ice.fingerprints:
            return
        self.fingerprints = ice.fingerprints
        setup = (ice.fingerprints[0].setup or "").lower()
        if setup in ("active", "passive"):
            self.dtls_server = setup == "active"

    def party(self, sources: Sources) -> Party:
        """Return its part in the forwarding plan, with those of its sources that are its own."""
        return Party(sources, self.force_mute.audio, self.force_mute.video)

    def member(self, sources: Sources) -> Member:
        """Return its part in adaptation, with those of its sources that are its own."""
        rewrites = Capability.SSRC_REWRITING in self.capabilities
        return Member(
            id=self.id,
            transport=self.transport,
            sources=sources,
            takes_audio=self.takes_audio and not self.consent_lost,
            takes_video=self.takes_video and not self.consent_lost,
            rewrites=rewrites,
            mids=rewrites and Capability.RTP_MID_DEMUX in self.capabilities,
            repairs=any((p.name or "").lower() == "rtx" for p in self.payload_types.values()),
            last_n=-1 if self.initial_last_n is None else self.initial_last_n,
        )

    def heard(self, at: float) -> None:
        """Note that something came from the peer at that time."""
        if self.last_activity is None or at > self.last_activity:
            self.last_activity = at
