"""Peers of an engine under test: plain UDP sockets with libsrtp, the independent witness."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from aiortc.rtp import AnyRtcpPacket, HeaderExtensionsMap, RtcpPacket, RtpPacket
from pylibsrtp import Policy, Session
from tests.unit.engine.lines import make_room

from octoengine import Command, Engine, SourceStats, TransportStats


def _constant(name: str) -> int:
    # The binding's constants have no types.
    return int(getattr(Policy, name))


GCM = "SRTP_AEAD_AES_128_GCM"
PROFILES: dict[str, tuple[int, int]] = {
    GCM: (_constant("SRTP_PROFILE_AEAD_AES_128_GCM"), 28),
    "SRTP_AEAD_AES_256_GCM": (_constant("SRTP_PROFILE_AEAD_AES_256_GCM"), 44),
    "SRTP_AES128_CM_SHA1_80": (_constant("SRTP_PROFILE_AES128_CM_SHA1_80"), 30),
}
"""libsrtp's number of each profile, and the length of its key and salt."""
PATIENCE = 20.0


class Reachable(Protocol):
    """Where peers find an engine, be it in this process or in another."""

    socket: int
    port: int
    peers: list["Peer"]


@dataclass
class Server:
    """An engine with one socket."""

    engine: Engine
    socket: int
    port: int
    peers: list["Peer"] = field(default_factory=list["Peer"])
    """Every peer made for it; closed with it."""

    def close(self) -> None:
        self.engine.close()
        for peer in self.peers:
            peer.close()

    @property
    def counters(self) -> dict[str, int]:
        return self.engine.stats().counters

    def transport(self, number: int) -> TransportStats:
        return self.engine.transport_stats([number])[0]

    def source(self, transport: int, ssrc: int) -> SourceStats:
        sources = self.engine.source_stats([transport])
        return next(source for source in sources if source.ssrc == ssrc)


class Peer:
    """A remote peer with its own socket, keys and libsrtp sessions."""

    def __init__(self, server: Reachable, transport: int, profile: str = GCM) -> None:
        self.transport = transport
        self.profile = profile
        self._server = server
        server.peers.append(self)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        make_room(self._socket)
        self.port: int = self._socket.getsockname()[1]
        self.rekey()

    def rekey(self) -> None:
        number, length = PROFILES[self.profile]
        self.sends, self.receives = os.urandom(length), os.urandom(length)
        self._out = Session(_policy(number, self.sends, _constant("SSRC_ANY_OUTBOUND")))
        self._in = Session(_policy(number, self.receives, _constant("SSRC_ANY_INBOUND")))

    def commands(self, group: int = 1, mesh: int = 0, sink: bool = False) -> list[Command]:
        return [
            Command.AddTransport(self.transport, group, mesh, sink),
            Command.SelectAddress(self.transport, self._server.socket, "127.0.0.1", self.port),
            self.keys(),
        ]

    def keys(self) -> Command:
        return Command.SetKeys(self.transport, self.profile, self.sends, self.receives)

    def close(self) -> None:
        self._socket.close()

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, ("127.0.0.1", self._server.port))

    def protected(self, ssrc: int, sequence: int, payload: bytes, timestamp: int = 0) -> bytes:
        packet = RtpPacket(payload_type=96, sequence_number=sequence, timestamp=timestamp)
        packet.ssrc, packet.payload = ssrc, payload
        return self._out.protect(packet.serialize())

    def send_rtp(self, ssrc: int, sequence: int, payload: bytes, timestamp: int = 0) -> None:
        self.send(self.protected(ssrc, sequence, payload, timestamp))

    def protect_rtp(self, packet: bytes) -> bytes:
        return self._out.protect(packet)

    def send_packet(self, packet: RtpPacket, known: HeaderExtensionsMap | None = None) -> None:
        """Send a packet, its extensions numbered as in `known`."""
        self.send(self._out.protect(packet.serialize(known or HeaderExtensionsMap())))

    def protect_rtcp(self, compound: bytes) -> bytes:
        return self._out.protect_rtcp(compound)

    def send_rtcp(self, *packets: AnyRtcpPacket) -> None:
        self.send(self.protect_rtcp(b"".join(bytes(packet) for packet in packets)))

    def receive(self) -> bytes:
        return self._socket.recv(65_536)

    def _received(self) -> Iterator[bytes]:
        """Yield datagrams until patience ends: the engine's own reports never do."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            yield self.receive()
        raise TimeoutError("nothing of the kind came")

    def receive_plain(self) -> bytes:
        """Return the bytes of the next RTP packet, decrypted."""
        for datagram in self._received():
            if not 192 <= datagram[1] <= 223:
                return self._in.unprotect(datagram)
        raise AssertionError

    def receive_rtp(self, known: HeaderExtensionsMap | None = None) -> RtpPacket:
        """Return the next RTP packet, passing over RTCP."""
        return RtpPacket.parse(self.receive_plain(), known or HeaderExtensionsMap())

    def receive_rtcp(self, kind: type[AnyRtcpPacket]) -> AnyRtcpPacket:
        """Return the next RTCP packet of this kind, passing over everything else."""
        for datagram in self._received():
            if 192 <= datagram[1] <= 223:
                compound = RtcpPacket.parse(self._in.unprotect_rtcp(datagram))
                found = [packet for packet in compound if isinstance(packet, kind)]
                if found:
                    return found[0]
        raise AssertionError

    def receive_feedback(self, kind: int, fmt: int) -> bytes:
        """Return the body of the next such RTCP packet, without its padding."""
        while True:
            datagram = self.receive()
            rest = self._in.unprotect_rtcp(datagram) if 192 <= datagram[1] <= 223 else b""
            while rest:
                end = 4 * (1 + struct.unpack("!H", rest[2:4])[0])
                packet, rest = rest[:end], rest[end:]
                if packet[1] == kind and packet[0] & 0x1F == fmt:
                    return packet[4 : end - packet[-1] if packet[0] & 0x20 else end]


def _policy(profile: int, key: bytes, direction: int) -> Policy:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = 1024
    policy.allow_repeat_tx = True
    return policy


def connect(server: Server, count: int, profile: str = GCM) -> list[Peer]:
    """Return peers that are transports 1..count of one group."""
    peers = [Peer(server, number, profile) for number in range(1, count + 1)]
    server.engine.submit([command for peer in peers for command in peer.commands()])
    return peers


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until `condition` holds; fail when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)


def binding_request(username: str, password: str, *, use_candidate: bool = False) -> bytes:
    """Return a STUN Binding request made by aioice, not by us."""
    from aioice import stun

    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = username
    request.attributes["PRIORITY"] = 1
    if use_candidate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


def rtcp_header(kind: int, count: int, words: int) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, words)
