"""XML of how a Colibri2 endpoint or relay connects: ICE, DTLS, SCTP, the old WebSocket.

The ICE part (XEP-0176, XEP-0320) is the same that clients see in Jingle, and what a client says
there a focus passes on unseen. So parts of it that can't be read are left out and counted: one
client's broken candidate must not have a request refused, for which Jicofo takes everyone of the
conference off the bridge.
"""

from dataclasses import replace

from jitsiwire.colibri2 import (
    Candidate,
    Fingerprint,
    IceTransport,
    Sctp,
    Transport,
    WebSocket,
)
from jitsiwire.elements import INT32, UINT32, Reader, Writer, qualified
from jitsiwire.errors import RemoteProtocolError
from jitsiwire.namespaces import COLIBRI, COLIBRI2, DTLS, ICE

__all__ = ["read_ice", "read_transport", "write_ice", "write_transport"]

_TRANSPORT = qualified(COLIBRI2, "transport")
_SCTP = qualified(COLIBRI2, "sctp")
_ICE_TRANSPORT = qualified(ICE, "transport")
_CANDIDATE = qualified(ICE, "candidate")
_RTCP_MUX = qualified(ICE, "rtcp-mux")
_FINGERPRINT = qualified(DTLS, "fingerprint")
_WEB_SOCKET = qualified(COLIBRI, "web-socket")

_ROLES = frozenset({"client", "server"})
_GENERATION = (-1, 2**31 - 1)


def read_transport(reader: Reader) -> Transport | None:
    """The `transport` child of an endpoint or relay."""
    child = reader.child(_TRANSPORT)
    if child is None:
        return None
    return Transport(
        ice_controlling=child.boolean("ice-controlling"),
        use_unique_port=child.boolean("use-unique-port"),
        ice_restart=child.boolean("ice-restart"),
        ice=read_ice(child),
        sctp=_read_sctp(child.child(_SCTP)),
    )


def _read_sctp(reader: Reader | None) -> Sctp | None:
    if reader is None:
        return None
    return Sctp(port=reader.optional_integer("port", 0, 65535), role=reader.one_of("role", _ROLES))


def read_ice(reader: Reader) -> IceTransport | None:
    """The ICE `transport` child, as far as it can be read, of whatever holds one."""
    found, lost = reader.readable(_ICE_TRANSPORT, _read_ice)
    if found:
        return replace(found[0], unreadable=found[0].unreadable + len(found) - 1 + lost)
    return IceTransport(unreadable=lost) if lost else None


def _read_ice(reader: Reader) -> IceTransport:
    candidates, lost_candidates = reader.readable(_CANDIDATE, _read_candidate)
    fingerprints, lost_fingerprints = reader.readable(_FINGERPRINT, _read_fingerprint)
    web_sockets, lost_web_sockets = reader.readable(_WEB_SOCKET, _read_web_socket)
    ufrag, pwd, generation, lost_credentials = _read_credentials(reader)
    return IceTransport(
        ufrag=ufrag,
        pwd=pwd,
        ice_generation=generation,
        candidates=candidates,
        rtcp_mux=_RTCP_MUX in reader.tags(),
        fingerprints=fingerprints,
        web_sockets=web_sockets,
        unreadable=lost_candidates + lost_fingerprints + lost_web_sockets + lost_credentials,
    )


def _read_credentials(reader: Reader) -> tuple[str | None, str | None, int | None, int]:
    """User fragment, password and generation belong together: all of them can be read, or none."""
    try:
        ufrag, pwd = reader.optional_text("ufrag"), reader.optional_text("pwd")
        return ufrag, pwd, reader.optional_integer("ice-generation", *_GENERATION), 0
    except RemoteProtocolError:
        return None, None, None, 1


def _read_web_socket(reader: Reader) -> WebSocket:
    return WebSocket(reader.text("url"), reader.optional_boolean("active"))


def _read_candidate(reader: Reader) -> Candidate:
    return Candidate(
        component=reader.integer("component", 1, 256),
        foundation=reader.text("foundation"),
        generation=reader.integer("generation", *INT32, default=0),
        id=reader.optional_text("id") or "",
        network=reader.integer("network", *INT32, default=0),
        ip=reader.text("ip"),
        port=reader.integer("port", 0, 65535),
        priority=reader.integer("priority", *UINT32),
        protocol=reader.text("protocol"),
        type=reader.text("type"),
        rel_addr=reader.optional_text("rel-addr"),
        rel_port=reader.optional_integer("rel-port", 0, 65535),
        tcptype=reader.optional_text("tcptype"),
    )


def _read_fingerprint(reader: Reader) -> Fingerprint:
    value = reader.content()
    if not value:
        raise reader.error("no fingerprint in it")
    return Fingerprint(
        hash=reader.text("hash"),
        value=value,
        setup=reader.optional_text("setup"),
        required=reader.optional_boolean("required"),
        cryptex=reader.optional_boolean("cryptex"),
    )


def write_transport(parent: Writer, transport: Transport | None) -> None:
    """Append `transport`."""
    if transport is None:
        return
    writer = parent.child(
        _TRANSPORT,
        ice_controlling=transport.ice_controlling,
        use_unique_port=transport.use_unique_port,
        ice_restart=transport.ice_restart,
    )
    if transport.ice is not None:
        write_ice(writer, transport.ice)
    if transport.sctp is not None:
        writer.child(_SCTP, port=transport.sctp.port, role=transport.sctp.role)


def write_ice(parent: Writer, ice: IceTransport) -> None:
    """Append the ICE `transport`."""
    writer = parent.child(
        _ICE_TRANSPORT, ufrag=ice.ufrag, pwd=ice.pwd, ice_generation=ice.ice_generation
    )
    if ice.rtcp_mux:
        writer.child(_RTCP_MUX)
    for fingerprint in ice.fingerprints:
        child = writer.child(_FINGERPRINT, hash=fingerprint.hash, setup=fingerprint.setup)
        child.exact("required", fingerprint.required).exact("cryptex", fingerprint.cryptex)
        child.content(fingerprint.value)
    for web_socket in ice.web_sockets:
        writer.child(_WEB_SOCKET, url=web_socket.url).exact("active", web_socket.active)
    for candidate in ice.candidates:
        _write_candidate(writer, candidate)


def _write_candidate(parent: Writer, candidate: Candidate) -> None:
    parent.child(
        _CANDIDATE,
        component=candidate.component,
        foundation=candidate.foundation,
        generation=candidate.generation,
        id=candidate.id or None,
        network=candidate.network,
        ip=candidate.ip,
        port=candidate.port,
        priority=candidate.priority,
        protocol=candidate.protocol,
        type=candidate.type,
        rel_addr=candidate.rel_addr,
        rel_port=candidate.rel_port,
        tcptype=candidate.tcptype,
    )
