"""What participants and the focus say to each other: JSON text frames on one WebSocket.

The lab's stand-in for Jingle: as much of it as participants need, synthetic or in a browser. One
WebSocket (`/signal` of the focus) carries one participant. Every frame is one object with a `type`
and `version`; both sides drop the connection on a frame they can't parse (`parse_*` raise
`SignallingError`, which names the field). Frames are at most `FRAME_LIMIT` bytes.

The sequence:

1. The client connects and sends `join` once, before all else. `endpointId` is absent at first;
   after a reconnect it is the id that an earlier `offer` gave, and `sessionId` is that of the
   transport still in use, if any.
2. The focus answers with one of
   * `offer`: a bridge was found and the endpoint allocated there (the bridge is the ICE
     controlling side, the offered DTLS setup is "actpass", or "active"/"passive");
   * `resumed`: it still knows this endpoint and session. The running transport stays; `sources`
     is the whole list, replacing what the client knew;
   * `waiting`: no bridge can take the participant now. The client stays connected and waits;
     the focus tries again by itself, and an `offer` follows when it worked. It may be repeated
     with another reason;
   * `ended`: refused (bad name, conference full …); the client doesn't come back.
3. The client replies to each `offer` with `answer` (same `sessionId`), starts ICE at once and
   sends `connected` when ICE and DTLS stand. The focus gives the answer's transport to the
   bridge as soon as it comes, and tells the other participants of the sources with `sources`.
4. `sources` changes the list of the others' sources: `removed` are applied before `added`.
   A participant's own sources are never in its list. They're announced when the endpoint
   that sends them has answered, and removed when it leaves or its session ends.
5. A move (the bridge shuts down, failed its health check, vanished, `/move-endpoints`, or the
   client asked with `restart`): the focus sends a new `offer` with a new `sessionId`, the same
   `endpointId` and the whole list of sources. It replaces the session before it: the client
   answers, connects, and tears the old transport down once the new one carries its media or
   the old one is dead. SSRCs stay. As Jicofo does, the focus gives up the old place before it asks
   for the new one, so the old transport soon falls silent; the others' lists keep the sources.
   When no bridge can take it, `waiting` comes first, and the old transport is used while it lives.
   An offer that comes while an earlier one isn't connected yet replaces that one, too.
6. `restart` says that a session's ICE or DTLS failed (or consent was lost): the focus gives a new
   `offer`, on the same bridge or another one, or `waiting`. A `sessionId` that isn't the newest
   is ignored.
7. `ping` every `PING_SECONDS`; the focus answers `pong` with the same id. Either side takes
   `SILENCE_SECONDS` without any frame for a dead connection. The client then reconnects with
   `join` (backoff 0.2 s … 2 s), media going on meanwhile. The focus keeps a participant whose
   WebSocket closed without `leave` for `RECONNECT_GRACE_SECONDS`.
8. `leave` ends it: the focus expires the endpoint and takes its sources from the others.
   `ended` is the same from the focus' side (conference ended, kicked).

Unknown fields are ignored, so that either side may grow; another `version` is refused.

A browser says `wishes` in `join` and does a little more:

* The SSRCs it sends are known once it has the offer: its `answer` holds them. `publish` replaces
  them at any time (screen share, mute); the others hear of it by `sources`, where a source that
  changed is in `removed` and in `added`.
* It answers before it knows all its candidates; `trickle` brings the rest.
* `ice-restart` asks for new ICE credentials of a transport whose DTLS and media stay. The focus
  brings them as `new-ice`, and the browser replies with an `answer` of the same session whose
  transport names the same generation. A bridge that refuses costs a new `offer`.
"""

from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from octoload.signalling_media import (
    Candidate,
    CandidateList,
    EndpointId,
    IceToken,
    Kind,
    MediaDescription,
    Name,
    PayloadType,
    Record,
    RemoteSource,
    RemoteSources,
    SessionId,
    SourceDescription,
    SourceGroup,
    SourceList,
    SourcesOffered,
    Ssrc,
    Text,
    TransportDescription,
    VideoType,
    Wishes,
)

__all__ = [
    "FRAME_LIMIT",
    "PING_SECONDS",
    "RECONNECT_GRACE_SECONDS",
    "SILENCE_SECONDS",
    "VERSION",
    "Answer",
    "Candidate",
    "ClientMessage",
    "Connected",
    "Ended",
    "FocusMessage",
    "IceRestart",
    "Join",
    "Kind",
    "Leave",
    "MediaDescription",
    "Message",
    "NewIce",
    "Offer",
    "PayloadType",
    "Ping",
    "Pong",
    "Publish",
    "RemoteSource",
    "Restart",
    "Resumed",
    "SignallingError",
    "SourceDescription",
    "SourceGroup",
    "Sources",
    "SourcesOffered",
    "TransportDescription",
    "Trickle",
    "VideoType",
    "Waiting",
    "Wishes",
    "build",
    "parse_client",
    "parse_focus",
]

VERSION: Final = 1
FRAME_LIMIT: Final = 1_048_576
"""Bytes in one frame: an offer for a conference of 1,000 with two sources each fits."""
PING_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 6.0
RECONNECT_GRACE_SECONDS: Final = 15.0


class SignallingError(ValueError):
    """The other side sent a frame that isn't a message of this protocol."""


class Message(Record):
    """One frame."""

    version: Literal[1] = VERSION


class Join(Message):
    """Client: let me into this conference. First frame of every connection."""

    type: Literal["join"] = "join"
    conference: Name
    endpoint_id: EndpointId | None = None
    session_id: SessionId | None = None
    display: Text = ""
    region: Name | None = None
    sources: SourcesOffered = SourcesOffered()
    wishes: Wishes | None = None
    """Of a browser; its sources come with its answer."""


class Answer(Message):
    """Client: how I connect for this session."""

    type: Literal["answer"] = "answer"
    session_id: SessionId
    transport: TransportDescription
    sources: SourceList | None = None
    """What a browser sends; None: what `join` said, or what was published since."""


class Publish(Message):
    """Browser: from now on I send exactly these sources."""

    type: Literal["publish"] = "publish"
    session_id: SessionId
    sources: SourceList


class Trickle(Message):
    """Browser: more candidates of mine, of the answer with these credentials."""

    type: Literal["trickle"] = "trickle"
    session_id: SessionId
    ufrag: Annotated[IceToken, Field(min_length=4)]
    pwd: Annotated[IceToken, Field(min_length=22, repr=False)]
    candidates: CandidateList


class IceRestart(Message):
    """Browser: my network changed, give me new ICE credentials for this session."""

    type: Literal["ice-restart"] = "ice-restart"
    session_id: SessionId


class Connected(Message):
    """Client: ICE and DTLS of this session stand."""

    type: Literal["connected"] = "connected"
    session_id: SessionId


class Restart(Message):
    """Client: this session's transport failed, give me another one."""

    type: Literal["restart"] = "restart"
    session_id: SessionId
    reason: Text = ""


class Leave(Message):
    """Client: goodbye."""

    type: Literal["leave"] = "leave"
    reason: Text = ""


class Ping(Message):
    """Client: are you there."""

    type: Literal["ping"] = "ping"
    id: Annotated[int, Field(ge=0, le=2**53)]


class Offer(Message):
    """Focus: your place is on this bridge; connect to it. Replaces every session before."""

    type: Literal["offer"] = "offer"
    session_id: SessionId
    endpoint_id: EndpointId
    bridge: Annotated[str, Field(min_length=1, max_length=1024)]
    """Which bridge (its brewery nickname or JID): equal for equal bridges, else opaque."""
    bridge_region: Text = ""
    transport: TransportDescription
    sources: RemoteSources = ()
    media: tuple[MediaDescription, ...] = ()
    """What may be sent, and in which payload types."""
    feedback: tuple[RemoteSource, ...] = ()
    """To browsers: the bridge's own SSRCs, which its RTCP and its probes come from."""


class NewIce(Message):
    """Focus: here are the credentials of the bridge's new ICE; answer as you do an offer."""

    type: Literal["new-ice"] = "new-ice"
    session_id: SessionId
    transport: TransportDescription


class Resumed(Message):
    """Focus: I know you and your session; go on. `sources` is the whole list."""

    type: Literal["resumed"] = "resumed"
    session_id: SessionId
    endpoint_id: EndpointId
    sources: RemoteSources = ()


class Sources(Message):
    """Focus: the others' sources changed; `removed` (by SSRC) first, then `added`."""

    type: Literal["sources"] = "sources"
    added: RemoteSources = ()
    removed: Annotated[tuple[Ssrc, ...], Field(max_length=4096)] = ()


class Waiting(Message):
    """Focus: no bridge can take you now; stay, an offer follows."""

    type: Literal["waiting"] = "waiting"
    reason: Text


class Ended(Message):
    """Focus: you're out; don't come back by yourself."""

    type: Literal["ended"] = "ended"
    reason: Text


class Pong(Message):
    """Focus: I'm here."""

    type: Literal["pong"] = "pong"
    id: Annotated[int, Field(ge=0, le=2**53)]


ClientMessage = Join | Answer | Publish | Trickle | IceRestart | Connected | Restart | Leave | Ping
FocusMessage = Offer | NewIce | Resumed | Sources | Waiting | Ended | Pong

_T = TypeVar("_T")
_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)
_FOCUS: TypeAdapter[FocusMessage] = TypeAdapter(
    Annotated[FocusMessage, Field(discriminator="type")]
)


def build(message: ClientMessage | FocusMessage) -> str:
    """Return the JSON text of one message."""
    return message.model_dump_json(by_alias=True, exclude_none=True)


def parse_client(text: str | bytes) -> ClientMessage:
    """Return what a client said; raise `SignallingError` if it isn't in the protocol."""
    return _parse(_CLIENT, text)


def parse_focus(text: str | bytes) -> FocusMessage:
    """Return what the focus said; raise `SignallingError` if it isn't in the protocol."""
    return _parse(_FOCUS, text)


def _parse(adapter: TypeAdapter[_T], text: str | bytes) -> _T:
    if len(text) > FRAME_LIMIT:
        raise SignallingError(f"frame of {len(text)} bytes, limit {FRAME_LIMIT}")
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "frame"
        raise SignallingError(f"{field}: {first['msg']}") from None
