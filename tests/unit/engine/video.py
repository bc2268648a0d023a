"""Simulcast VP8 as a browser sends it, built and read with aiortc, the independent witness."""

from dataclasses import dataclass

from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from tests.unit.engine.peers import Peer, Server

from octoengine import Command

VP8, RTX = 100, 96
TYPES = [(VP8, "VP8", -1), (RTX, "RTX", VP8)]
ENCODINGS = [1_001, 1_002, 1_003]
REPAIRS = [2_001, 2_002, 2_003]
SIZES = [(320, 180), (640, 360), (1280, 720)]
KEY_START = bytes.fromhex("9d012a")
URIS = {
    "audio_level": "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "abs_send_time": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "transport_sequence_number": (
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    ),
    "mid": "urn:ietf:params:rtp-hdrext:sdes:mid",
}


def extensions(**ids: int) -> tuple[HeaderExtensionsMap, list[tuple[int, str]]]:
    """Return aiortc's map of these extensions, and the engine's."""
    named = [(number, URIS[name]) for name, number in ids.items()]
    parameters = [RTCRtpHeaderExtensionParameters(id=number, uri=uri) for number, uri in named]
    known = HeaderExtensionsMap()
    known.configure(RTCRtpParameters(headerExtensions=parameters))
    return known, named


@dataclass
class Encoder:
    """One encoding: its own sequence, timestamp, picture id and TL0PICIDX."""

    peer: Peer
    place: int
    sequence: int = 100
    picture: int = 5
    tl0: int = 9

    def __post_init__(self) -> None:
        self.sequence += 1_000 * self.place
        self.picture += 50 * self.place

    @property
    def ssrc(self) -> int:
        return ENCODINGS[self.place]

    def frame(
        self, timestamp: int, *, key: bool = False, layer: int = 0, packets: int = 1
    ) -> list[RtpPacket]:
        """Return the packets of the next frame, unsent."""
        self.picture += 1
        self.tl0 += layer == 0
        return [self._packet(timestamp, key, layer, at, packets) for at in range(packets)]

    def send(self, timestamp: int, *, key: bool = False, layer: int = 0, packets: int = 1) -> None:
        for packet in self.frame(timestamp, key=key, layer=layer, packets=packets):
            self.peer.send_packet(packet)

    def _packet(self, timestamp: int, key: bool, layer: int, at: int, packets: int) -> RtpPacket:
        descriptor = VpxPayloadDescriptor(
            partition_start=int(at == 0),
            partition_id=0,
            picture_id=self.picture,
            tl0picidx=self.tl0 % 256,
            tid=(layer, 1),
        )
        width, height = SIZES[self.place]
        head = bytes([0x10 | (not key), 0, 0])
        if key:
            head += KEY_START + width.to_bytes(2, "little") + height.to_bytes(2, "little")
        body = (head if at == 0 else b"") + bytes([self.place, at]) * 20
        self.sequence += 1
        return RtpPacket(
            payload_type=VP8,
            sequence_number=self.sequence % 65_536,
            timestamp=timestamp,
            ssrc=self.ssrc,
            marker=int(at + 1 == packets),
            payload=bytes(descriptor) + body,
        )


def watching(
    server: Server, sender: Peer, *receivers: Peer, out: int = 77, out_rtx: int = 78
) -> Encoder:
    """Announce three encodings and their repairs; let receivers subscribe to the picture."""
    number = sender.transport
    server.engine.submit(
        [
            *[Command.SetPayloadTypes(peer.transport, TYPES) for peer in (sender, *receivers)],
            *[Command.AddSource(number, ssrc, "video") for ssrc in ENCODINGS],
            *[
                Command.AddSource(number, rtx, "rtx", ssrc)
                for rtx, ssrc in zip(REPAIRS, ENCODINGS, strict=True)
            ],
            Command.SetEncodings(number, ENCODINGS),
            *[
                Command.Subscribe(peer.transport, number, ENCODINGS[0], out, out_rtx)
                for peer in receivers
            ],
        ]
    )
    return Encoder(sender, 0)


@dataclass(frozen=True)
class Seen:
    """What a receiver saw of a packet."""

    sequence: int
    timestamp: int
    ssrc: int
    place: int
    picture: int
    tl0: int
    layer: int


def seen(packet: RtpPacket) -> Seen:
    """Read a forwarded packet."""
    descriptor, body = VpxPayloadDescriptor.parse(packet.payload)
    assert descriptor.picture_id is not None
    assert descriptor.tl0picidx is not None
    assert descriptor.tid is not None
    return Seen(
        packet.sequence_number,
        packet.timestamp,
        packet.ssrc,
        body[-2],
        descriptor.picture_id,
        descriptor.tl0picidx,
        descriptor.tid[0],
    )
