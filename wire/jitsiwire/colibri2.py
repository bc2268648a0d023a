"""Colibri2 (`jitsi:colibri2`): the requests a focus makes of a bridge, and the replies.

Plain frozen data; `jitsiwire.colibri2_xml` turns it into XML elements and back. An attribute
that was absent is None (or False where the schema's default is false).

Source: jitsi-xmpp-extensions 1.0-119, package org.jitsi.xmpp.extensions.colibri2.
"""

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Candidate",
    "Capability",
    "Colibri2Error",
    "Condition",
    "ConferenceModified",
    "ConferenceModify",
    "Connect",
    "Endpoint",
    "Fingerprint",
    "ForceMute",
    "HeaderExtension",
    "IceTransport",
    "Media",
    "MediaSource",
    "PayloadType",
    "Reason",
    "Relay",
    "RtcpFeedback",
    "Sctp",
    "Source",
    "SourceGroup",
    "Transport",
    "WebSocket",
]


class Condition(StrEnum):
    """XMPP stanza error conditions that Colibri2 uses (RFC 6120 §8.3.3)."""

    BAD_REQUEST = "bad-request"
    CONFLICT = "conflict"
    FEATURE_NOT_IMPLEMENTED = "feature-not-implemented"
    FORBIDDEN = "forbidden"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    ITEM_NOT_FOUND = "item-not-found"
    SERVICE_UNAVAILABLE = "service-unavailable"


class Reason(StrEnum):
    """`<error reason=…>`: lower case on the wire, parsed in any case."""

    CONFERENCE_NOT_FOUND = "conference_not_found"
    CONFERENCE_ALREADY_EXISTS = "conference_already_exists"
    FEATURE_NOT_IMPLEMENTED = "feature_not_implemented"
    GRACEFUL_SHUTDOWN = "graceful_shutdown"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    UNSPECIFIED = "unspecified"


class Capability(StrEnum):
    """What an endpoint's client can do."""

    SOURCE_NAMES = "source-names"
    SSRC_REWRITING = "ssrc-rewriting"
    PRIVATE_ADDRESS_CONNECTIVITY = "private-address-connectivity"
    RTP_MID_DEMUX = "rtp-mid-demux"


@dataclass(frozen=True, slots=True)
class RtcpFeedback:
    """`rtcp-fb`: e.g. type "nack", subtype "pli"."""

    type: str
    subtype: str | None = None


@dataclass(frozen=True, slots=True)
class PayloadType:
    """`payload-type` (XEP-0167): id 0..127; parameters in the order given."""

    id: int
    name: str | None = None
    clockrate: int | None = None
    channels: int | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    feedback: tuple[RtcpFeedback, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """`rtp-hdrext` (XEP-0294)."""

    id: int
    uri: str


@dataclass(frozen=True, slots=True)
class Media:
    """What one kind ("audio", "video") may carry."""

    type: str
    payload_types: tuple[PayloadType, ...] = ()
    header_extensions: tuple[HeaderExtension, ...] = ()
    extmap_allow_mixed: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ICE candidate (XEP-0176), transport "udp"; port 0..65535."""

    component: int
    foundation: str
    generation: int
    id: str
    network: int
    ip: str
    port: int
    priority: int
    protocol: str
    type: str
    rel_addr: str | None = None
    rel_port: int | None = None
    tcptype: str | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's fingerprint (XEP-0320): `value` as "AA:BB:…"."""

    hash: str
    value: str
    setup: str | None = None
    required: bool | None = None
    cryptex: bool | None = None


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Where the bridge's message channel listens (absent while WebSockets are off)."""

    url: str
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class IceTransport:
    """`transport` of `urn:xmpp:jingle:transports:ice-udp:1`."""

    ufrag: str | None = None
    pwd: str | None = field(default=None, repr=False)
    ice_generation: int | None = None
    candidates: tuple[Candidate, ...] = ()
    rtcp_mux: bool = False
    fingerprints: tuple[Fingerprint, ...] = ()
    web_sockets: tuple[WebSocket, ...] = ()
    unreadable: int = field(default=0, compare=False)
    """Parts that a parser left out; nothing is written of them."""


@dataclass(frozen=True, slots=True)
class Sctp:
    """`sctp`: role "client" or "server"."""

    port: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Transport:
    """How an endpoint or relay connects."""

    ice_controlling: bool = False
    use_unique_port: bool = False
    ice_restart: bool = False
    ice: IceTransport | None = None
    sctp: Sctp | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One SSRC (0..2^32-1)."""

    ssrc: int
    name: str | None = None
    video_type: str | None = None
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """SSRCs that belong together: semantics SIM, FID or FEC-FR."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MediaSource:
    """A named source: `id` is its name, type "audio" or "video"."""

    type: str
    id: str
    sources: tuple[Source, ...] = ()
    groups: tuple[SourceGroup, ...] = ()
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class ForceMute:
    """What the moderators took away from an endpoint."""

    audio: bool = False
    video: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One participant, in a request or a reply.

    `sources` None means not mentioned; an empty tuple clears them.
    """

    id: str
    create: bool = False
    expire: bool = False
    stats_id: str | None = None
    muc_role: str | None = None
    diarize: bool | None = None
    media: tuple[Media, ...] = ()
    transport: Transport | None = None
    sources: tuple[MediaSource, ...] | None = None
    force_mute: ForceMute | None = None
    capabilities: tuple[str, ...] = ()
    initial_last_n: int | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """A link to another bridge; `id` is the remote bridge's relay id."""

    id: str
    create: bool = False
    expire: bool = False
    mesh_id: str | None = None
    media: tuple[Media, ...] = ()
    transport: Transport | None = None
    sources: tuple[MediaSource, ...] | None = None
    endpoints: tuple[Endpoint, ...] | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """`connect`: an exporter's WebSocket; kept so that it round-trips, offered by no bridge yet."""

    url: str
    protocol: str
    type: str
    id: str | None = None
    audio: bool = False
    video: bool = False
    create: bool = False
    expire: bool = False


@dataclass(frozen=True, slots=True)
class ConferenceModify:
    """One request about one conference."""

    meeting_id: str
    name: str | None = None
    create: bool = False
    expire: bool = False
    rtcstats_enabled: bool = True
    endpoints: tuple[Endpoint, ...] = ()
    relays: tuple[Relay, ...] = ()
    connects: tuple[Connect, ...] = ()


@dataclass(frozen=True, slots=True)
class ConferenceModified:
    """The reply to a request; `sources` are the bridge's own feedback sources."""

    endpoints: tuple[Endpoint, ...] = ()
    relays: tuple[Relay, ...] = ()
    sources: tuple[MediaSource, ...] | None = None


@dataclass(frozen=True, slots=True)
class Colibri2Error:
    """A stanza error: `reason` is the colibri2 `error` child; None sends none."""

    condition: Condition
    text: str = ""
    reason: Reason | None = None
    endpoints: tuple[str, ...] = ()
    """Ids echoed as `<endpoint id=…/>` beside the error (UNKNOWN_ENDPOINT)."""
