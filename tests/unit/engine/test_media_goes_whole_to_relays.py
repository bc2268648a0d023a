"""What a relay gets: each stream as its sender sent it, repaired on its own hop."""

import struct

import pytest
from aiortc.rtp import (
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtpPacket,
    unpack_header_extensions,
    unwrap_rtx,
)
from tests.unit.engine.peers import Peer, Server, eventually
from tests.unit.engine.relays import relayed, simulcast
from tests.unit.engine.video import ENCODINGS, REPAIRS, RTX, TYPES, VP8, Encoder

from octoengine import Command

AUDIO, FEC = 9, 10
PLI, NACK = 1, 1
ALLOCATION = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    """Alice, and a relay that is given her picture."""
    alice, relay = Peer(server, 1), Peer(server, 2)
    server.engine.submit([*alice.commands(), *relay.commands(mesh=1)])
    server.engine.submit([*simulcast(1), Command.SetPayloadTypes(2, TYPES), *relayed(2, 1)])
    return alice, relay


def plain(packet: RtpPacket) -> bytes:
    return packet.serialize()


def test_every_encoding_passes_as_it_is(pair: tuple[Peer, Peer]) -> None:
    alice, relay = pair
    encoders = [Encoder(alice, place) for place in range(3)]
    for at in range(6):
        for encoder in encoders:
            # No keyframe is waited for, and no layer is left out.
            for packet in encoder.frame(3_000 * at, layer=at % 3, packets=2):
                alice.send_packet(packet)
                assert plain(relay.receive_rtp()) == plain(packet)


def test_packets_that_come_in_disorder_keep_their_numbers(pair: tuple[Peer, Peer]) -> None:
    alice, relay = pair
    first, second, third = Encoder(alice, 0).frame(0, packets=3)
    for packet in (second, third, first):
        alice.send_packet(packet)
        assert plain(relay.receive_rtp()) == plain(packet)


@pytest.mark.parametrize("kind", ["audio", "fec"])
def test_sound_and_fec_pass_likewise(server: Server, pair: tuple[Peer, Peer], kind: str) -> None:
    alice, relay = pair
    server.engine.submit(
        [Command.AddSource(1, FEC, kind), Command.Subscribe(2, 1, FEC, whole=True)]
    )
    for sequence in (65_534, 65_535, 0, 1):
        alice.send_rtp(FEC, sequence, b"x", timestamp=sequence)
        packet = relay.receive_rtp()
        assert (packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload) == (
            FEC,
            sequence,
            sequence,
            b"x",
        )


def test_what_is_lost_to_a_relay_comes_as_rtx_of_that_hop(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, relay = pair
    sent = Encoder(alice, 2).frame(0, packets=4)
    for packet in sent:
        alice.send_packet(packet)
    received = [relay.receive_rtp() for _ in sent]
    lost = [received[1].sequence_number, received[2].sequence_number]
    relay.send_rtcp(RtcpRtpfbPacket(fmt=NACK, ssrc=5, media_ssrc=ENCODINGS[2], lost=lost))
    repairs = [relay.receive_rtp() for _ in lost]
    assert {(packet.ssrc, packet.payload_type) for packet in repairs} == {(REPAIRS[2], RTX)}
    assert repairs[1].sequence_number == repairs[0].sequence_number + 1
    restored = [unwrap_rtx(repair, payload_type=VP8, ssrc=ENCODINGS[2]) for repair in repairs]
    assert [plain(packet) for packet in restored] == [plain(packet) for packet in sent[1:3]]
    assert server.transport(2).retransmitted == 2


def test_a_relays_keyframe_request_goes_to_the_owner_as_often_as_it_asks(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    """Many stand behind a relay, so the pace of one receiver isn't theirs."""
    alice, relay = pair
    for _ in range(5):
        before = server.counters["pli_forwarded"]

        def again(before: int = before) -> bool:
            relay.send_rtcp(RtcpPsfbPacket(fmt=PLI, ssrc=5, media_ssrc=ENCODINGS[1]))
            return server.counters["pli_forwarded"] > before

        eventually(again, 30)
        request = alice.receive_rtcp(RtcpPsfbPacket)
        assert isinstance(request, RtcpPsfbPacket)
        assert (request.fmt, request.media_ssrc) == (PLI, ENCODINGS[1])


def block(*elements: tuple[int, bytes], wide: bool) -> bytes:
    """Return an extension block of these elements."""
    body = b""
    for number, data in elements:
        body += bytes([number, len(data)] if wide else [number << 4 | len(data) - 1]) + data
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0x1000 if wide else 0xBEDE, len(body) // 4) + body


@pytest.mark.parametrize("descriptor", [b"abc", bytes(range(60))])
def test_what_a_sender_tells_of_its_layers_goes_along(
    server: Server, pair: tuple[Peer, Peer], descriptor: bytes
) -> None:
    alice, relay = pair
    server.engine.submit(
        [
            Command.SetExtensions(1, [(1, LEVEL), (2, DESCRIPTOR), (3, ALLOCATION)]),
            Command.SetExtensions(2, [(11, ALLOCATION), (12, DESCRIPTOR), (13, LEVEL)]),
            Command.AddSource(1, AUDIO, "audio"),
            Command.Subscribe(2, 1, AUDIO, whole=True),
        ]
    )
    header = struct.pack("!BBHII", 0x90, 111, 7, 0, AUDIO)
    wide = len(descriptor) > 16
    told = block((1, b"\x1e"), (2, descriptor), (3, b"layers"), wide=wide)
    alice.send(alice.protect_rtp(header + told + b"speech"))
    packet = relay.receive_plain()
    profile, words = struct.unpack("!HH", packet[12:16])
    end = 16 + 4 * words
    assert packet[end:] == b"speech"
    elements = dict(unpack_header_extensions(profile, packet[16:end]))
    assert elements == {13: b"\x1e", 12: descriptor, 11: b"layers"}


def test_nothing_can_be_chosen_of_what_comes_whole(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, relay = pair
    server.engine.submit([Command.SetTarget(2, 1, ENCODINGS[0], -1, 0)])
    assert server.counters["commands_refused_route"] == 1
    packet = Encoder(alice, 0).frame(0)[0]
    alice.send_packet(packet)
    assert plain(relay.receive_rtp()) == plain(packet)


def test_a_stream_given_again_goes_on_without_a_gap(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    """However much passed meanwhile: no index serves twice, and none is jumped to."""
    alice, relay = pair
    low = Encoder(alice, 0)
    low.send(0)
    last = relay.receive_rtp().sequence_number
    server.engine.submit([Command.Unsubscribe(2, 1, ENCODINGS[0])])
    low.sequence += 30_000
    low.send(3_000)
    low.sequence += 30_000
    low.send(6_000)
    eventually(lambda: server.transport(1).packets_received == 3)
    server.engine.submit(relayed(2, 1)[:1])
    low.send(9_000)
    packet = relay.receive_rtp()
    assert (packet.sequence_number, packet.timestamp) == (last + 1, 9_000)


def test_silence_that_is_dropped_leaves_no_gap(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, relay = pair
    server.engine.submit(
        [
            Command.SetExtensions(1, [(1, LEVEL)]),
            Command.SetExtensions(2, []),
            Command.AddSource(1, AUDIO, "audio"),
            Command.Subscribe(2, 1, AUDIO, whole=True),
        ]
    )
    for sequence in range(100):
        level = bytes([20 if sequence in {0, 99} else 127])
        header = struct.pack("!BBHII", 0x90, 111, sequence, 960 * sequence, AUDIO)
        alice.send(alice.protect_rtp(header + block((1, level), wide=False) + b"x"))
    packets = [relay.receive_rtp() for _ in range(5)]
    assert [packet.sequence_number for packet in packets] == [0, 1, 2, 3, 4]
    assert packets[4].timestamp == 99 * 960


def test_a_source_that_ends_ends_at_the_relay(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, relay = pair
    server.engine.submit([Command.RemoveSource(1, ENCODINGS[0])])
    low, middle = Encoder(alice, 0), Encoder(alice, 1)
    low.send(0)
    middle.send(0)
    assert relay.receive_rtp().ssrc == ENCODINGS[1]
    assert [stats.ssrc for stats in server.engine.downtrack_stats([2])] == ENCODINGS[1:]
    server.engine.submit([Command.RemoveTransport(1)])
    assert server.engine.downtrack_stats([2]) == []


@pytest.mark.parametrize(("mesh", "passes"), [(1, False), (2, True)])
def test_from_relay_to_relay_only_across_meshes(server: Server, mesh: int, passes: bool) -> None:
    one, other = Peer(server, 1), Peer(server, 2)
    server.engine.submit([*one.commands(mesh=1), *other.commands(mesh=mesh)])
    server.engine.submit(
        [Command.AddSource(1, AUDIO, "audio"), Command.Subscribe(2, 1, AUDIO, whole=True)]
    )
    one.send_rtp(AUDIO, 1, b"x")
    eventually(lambda: server.counters["packets_received"] == 1)
    assert server.counters["commands_refused_route"] == int(not passes)
    assert server.counters["packets_sent"] == int(passes)
