"""Colibri2 as XML: requests, replies and errors, to elements and back.

Parsing is total: what breaks the schema raises RemoteProtocolError that names element, attribute
and value; unknown children and attributes are ignored. Building is the exact inverse: whatever it
returns parses back to the same model, and a model for which that isn't true (an SSRC too large, a
blank id, text that XML can't carry) raises LocalProtocolError instead of reaching the wire.

    request (iq get or set)   conference-modify     parse_request  build_request
    reply (iq result)         conference-modified   parse_reply    build_reply
    refusal (iq error)        the stanza's error    parse_error    build_error
"""

from collections.abc import Callable
from typing import TypeVar
from xml.etree.ElementTree import Element

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModified,
    ConferenceModify,
    Connect,
    Endpoint,
    ForceMute,
    Reason,
    Relay,
)
from jitsiwire.colibri2_media import read_media, read_sources, write_media, write_sources
from jitsiwire.colibri2_transport import read_transport, write_transport
from jitsiwire.elements import Reader, Writer, check_size, qualified
from jitsiwire.errors import LocalProtocolError, RemoteProtocolError
from jitsiwire.namespaces import COLIBRI2, JABBER_CLIENT, STANZAS

__all__ = [
    "MODIFIED",
    "MODIFY",
    "build_error",
    "build_reply",
    "build_request",
    "parse_error",
    "parse_reply",
    "parse_request",
]

MODIFY = qualified(COLIBRI2, "conference-modify")
"""Name of a request's element."""

MODIFIED = qualified(COLIBRI2, "conference-modified")
"""Name of a reply's element."""

_ENDPOINT = qualified(COLIBRI2, "endpoint")
_ENDPOINTS = qualified(COLIBRI2, "endpoints")
_RELAY = qualified(COLIBRI2, "relay")
_CONNECTS = qualified(COLIBRI2, "connects")
_CONNECT = qualified(COLIBRI2, "connect")
_CAPABILITY = qualified(COLIBRI2, "capability")
_FORCE_MUTE = qualified(COLIBRI2, "force-mute")
_LAST_N = qualified(COLIBRI2, "initial-last-n")
_REASON = qualified(COLIBRI2, "error")
_ERROR = qualified(JABBER_CLIENT, "error")
_TEXT = qualified(STANZAS, "text")

_LAST_N_RANGE = (-1, 2**31 - 1)
_PROTOCOLS = frozenset({"mediajson"})
_CONNECT_TYPES = frozenset({"recorder", "transcriber", "translator"})

_ERROR_TYPES = {
    Condition.BAD_REQUEST: "modify",
    Condition.FORBIDDEN: "auth",
}
"""The `type` that goes with a condition (RFC 6120 §8.3.3); "cancel" for all others."""

_Model = TypeVar("_Model")


# -- requests -------------------------------------------------------------------------------------


def parse_request(element: Element) -> ConferenceModify:
    """Read a `conference-modify`."""
    check_size(element)
    reader = Reader(element)
    reader.expect(MODIFY)
    connects = reader.child(_CONNECTS)
    return ConferenceModify(
        meeting_id=reader.text("meeting-id"),
        name=reader.optional_text("name"),
        create=reader.boolean("create"),
        expire=reader.boolean("expire"),
        rtcstats_enabled=reader.boolean("rtcstats-enabled", default=True),
        endpoints=_read_endpoints(reader),
        relays=tuple(_read_relay(child) for child in reader.children(_RELAY)),
        connects=()
        if connects is None
        else tuple(_read_connect(child) for child in connects.children(_CONNECT)),
    )


def build_request(request: ConferenceModify) -> Element:
    """Write a `conference-modify`."""
    writer = Writer(MODIFY, meeting_id=request.meeting_id, name=request.name)
    if not request.rtcstats_enabled:
        writer.exact("rtcstats-enabled", value=False)
    writer.set({"create": request.create, "expire": request.expire})
    for endpoint in request.endpoints:
        _write_endpoint(writer, endpoint)
    for relay in request.relays:
        _write_relay(writer, relay)
    if request.connects:
        connects = writer.child(_CONNECTS)
        for connect in request.connects:
            _write_connect(connects, connect)
    return _proved(writer.element, request, parse_request)


# -- replies --------------------------------------------------------------------------------------


def parse_reply(element: Element) -> ConferenceModified:
    """Read a `conference-modified`."""
    check_size(element)
    reader = Reader(element)
    reader.expect(MODIFIED)
    return ConferenceModified(
        endpoints=_read_endpoints(reader),
        relays=tuple(_read_relay(child) for child in reader.children(_RELAY)),
        sources=read_sources(reader),
    )


def build_reply(reply: ConferenceModified) -> Element:
    """Write a `conference-modified`."""
    writer = Writer(MODIFIED)
    for endpoint in reply.endpoints:
        _write_endpoint(writer, endpoint)
    for relay in reply.relays:
        _write_relay(writer, relay)
    write_sources(writer, reply.sources)
    return _proved(writer.element, reply, parse_reply)


# -- errors ---------------------------------------------------------------------------------------


def parse_error(element: Element) -> Colibri2Error:
    """Read a stanza's `error` element; a condition we don't name counts as undefined.

    Jicofo treats every condition it doesn't list alike, so those become INTERNAL_SERVER_ERROR.
    """
    check_size(element)
    reader = Reader(element)
    if reader.name != "error":
        raise reader.error("expected a stanza's error")
    # The library of recorded bridges leaves the text's namespace out.
    text = reader.child(_TEXT) or reader.child(qualified(JABBER_CLIENT, "text"))
    reason = reader.child(_REASON)
    return Colibri2Error(
        condition=_read_condition(reader),
        text="" if text is None else text.content(),
        reason=None if reason is None else _read_reason(reason),
        endpoints=tuple(child.text("id") for child in reader.children(_ENDPOINT)),
    )


def _read_condition(reader: Reader) -> Condition:
    prefix = qualified(STANZAS, "")
    found = [tag.removeprefix(prefix) for tag in reader.tags() if tag.startswith(prefix)]
    names = [name for name in found if name != "text"]
    if not names:
        raise reader.error("no condition in it")
    known = {str(condition): condition for condition in Condition}
    return known.get(names[0], Condition.INTERNAL_SERVER_ERROR)


def _read_reason(reader: Reader) -> Reason:
    value = reader.optional_text("reason")
    if value is None:
        return Reason.UNSPECIFIED
    known = {str(reason): reason for reason in Reason}
    if value.lower() not in known:
        raise reader.invalid("reason", value, "is no reason of Colibri2")
    return known[value.lower()]


def build_error(error: Colibri2Error) -> Element:
    """Write the `error` element of an IQ of type error."""
    kind = _ERROR_TYPES.get(error.condition, "cancel")
    writer = Writer(_ERROR, type=kind)
    writer.child(qualified(STANZAS, error.condition))
    if error.text:
        writer.child(_TEXT).content(error.text)
    if error.reason is not None:
        writer.child(_REASON, reason=str(error.reason))
    for endpoint in error.endpoints:
        writer.child(_ENDPOINT, id=endpoint)
    return _proved(writer.element, error, parse_error)


# -- endpoints and relays -------------------------------------------------------------------------


def _read_endpoints(reader: Reader) -> tuple[Endpoint, ...]:
    return tuple(_read_endpoint(child) for child in reader.children(_ENDPOINT))


def _read_endpoint(reader: Reader) -> Endpoint:
    mute = reader.child(_FORCE_MUTE)
    last_n = reader.child(_LAST_N)
    return Endpoint(
        id=reader.text("id"),
        create=reader.boolean("create"),
        expire=reader.boolean("expire"),
        stats_id=reader.optional_text("stats-id"),
        muc_role=reader.optional_text("muc-role"),
        diarize=reader.optional_boolean("diarize"),
        media=read_media(reader),
        transport=read_transport(reader),
        sources=read_sources(reader),
        force_mute=None
        if mute is None
        else ForceMute(audio=mute.boolean("audio"), video=mute.boolean("video")),
        capabilities=tuple(child.text("name") for child in reader.children(_CAPABILITY)),
        initial_last_n=None if last_n is None else last_n.integer("value", *_LAST_N_RANGE),
    )


def _write_endpoint(parent: Writer, endpoint: Endpoint) -> None:
    writer = parent.child(_ENDPOINT, id=endpoint.id, create=endpoint.create, expire=endpoint.expire)
    writer.set({"stats_id": endpoint.stats_id, "muc_role": endpoint.muc_role})
    writer.exact("diarize", endpoint.diarize)
    write_media(writer, endpoint.media)
    write_transport(writer, endpoint.transport)
    write_sources(writer, endpoint.sources)
    if endpoint.force_mute is not None:
        mute = writer.child(_FORCE_MUTE)
        mute.exact("audio", endpoint.force_mute.audio).exact("video", endpoint.force_mute.video)
    for name in endpoint.capabilities:
        writer.child(_CAPABILITY, name=name)
    if endpoint.initial_last_n is not None:
        writer.child(_LAST_N, value=endpoint.initial_last_n)


def _read_relay(reader: Reader) -> Relay:
    endpoints = reader.child(_ENDPOINTS)
    return Relay(
        id=reader.text("id"),
        create=reader.boolean("create"),
        expire=reader.boolean("expire"),
        mesh_id=reader.optional_text("mesh-id"),
        media=read_media(reader),
        transport=read_transport(reader),
        sources=read_sources(reader),
        endpoints=None if endpoints is None else _read_endpoints(endpoints),
    )


def _write_relay(parent: Writer, relay: Relay) -> None:
    writer = parent.child(_RELAY, id=relay.id, create=relay.create, expire=relay.expire)
    writer.set({"mesh_id": relay.mesh_id})
    write_media(writer, relay.media)
    write_transport(writer, relay.transport)
    write_sources(writer, relay.sources)
    if relay.endpoints is not None:
        endpoints = writer.child(_ENDPOINTS)
        for endpoint in relay.endpoints:
            _write_endpoint(endpoints, endpoint)


def _read_connect(reader: Reader) -> Connect:
    url = reader.text("url")
    if not url.startswith(("ws://", "wss://")):
        raise reader.invalid("url", url, "is no ws: or wss: address")
    return Connect(
        url=url,
        protocol=reader.one_of("protocol", _PROTOCOLS) or reader.text("protocol"),
        type=reader.one_of("type", _CONNECT_TYPES) or reader.text("type"),
        id=reader.optional_text("id"),
        audio=reader.boolean("audio"),
        video=reader.boolean("video"),
        create=reader.boolean("create"),
        expire=reader.boolean("expire"),
    )


def _write_connect(parent: Writer, connect: Connect) -> None:
    writer = parent.child(_CONNECT, url=connect.url, protocol=connect.protocol, type=connect.type)
    writer.set({"id": connect.id, "audio": connect.audio, "video": connect.video})
    writer.set({"create": connect.create, "expire": connect.expire})


def _proved(element: Element, model: _Model, parse: Callable[[Element], _Model]) -> Element:
    """Return the element only when our own parser reads the model back from it."""
    try:
        same = parse(element) == model
    except RemoteProtocolError as error:
        raise LocalProtocolError(str(error)) from error
    if not same:
        raise LocalProtocolError(f"<{element.tag}> wouldn't parse back to what it was built from")
    return element
