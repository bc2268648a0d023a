"""Repair both ways: RTX from the cache to receivers, NACK to senders and RTX from them."""

import pytest
from aiortc.rtp import RtcpPsfbPacket, RtcpRtpfbPacket, RtpPacket, unwrap_rtx, wrap_rtx
from tests.unit.engine.peers import Peer, Server, connect, eventually
from tests.unit.engine.video import ENCODINGS, REPAIRS, RTX, VP8, Encoder, seen, watching

from octoengine import Command

OUT, OUT_RTX = 77, 78
FRAME = 3_000
NACK = 1


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    alice, bob = connect(server, 2)
    watching(server, alice, bob, out=OUT, out_rtx=OUT_RTX)
    return alice, bob


def nack(ssrc: int, *lost: int) -> RtcpRtpfbPacket:
    return RtcpRtpfbPacket(fmt=NACK, ssrc=5, media_ssrc=ssrc, lost=list(lost))


def asked(peer: Peer) -> RtcpRtpfbPacket:
    packet = peer.receive_rtcp(RtcpRtpfbPacket)
    assert isinstance(packet, RtcpRtpfbPacket)
    return packet


def forwarded(alice: Peer, bob: Peer, count: int) -> list[RtpPacket]:
    low = Encoder(alice, 0)
    low.send(0, key=True, packets=count)
    return [bob.receive_rtp() for _ in range(count)]


def test_a_receivers_loss_is_mended_from_the_cache(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    media = forwarded(alice, bob, 5)
    lost = [media[1], media[3]]
    bob.send_rtcp(nack(OUT, *(packet.sequence_number for packet in lost)))
    repairs = [bob.receive_rtp() for _ in lost]
    assert {(packet.ssrc, packet.payload_type) for packet in repairs} == {(OUT_RTX, RTX)}
    assert repairs[1].sequence_number == repairs[0].sequence_number + 1
    for repair, packet in zip(repairs, lost, strict=True):
        restored = unwrap_rtx(repair, payload_type=VP8, ssrc=OUT)
        assert restored.serialize() == packet.serialize()
    assert server.transport(2).retransmitted == 2
    assert server.transport(2).nacks_received == 1
    (stats,) = server.engine.downtrack_stats([2])
    assert stats.retransmitted == 2


def test_what_was_just_sent_again_is_not_sent_once_more(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    (first, *_) = forwarded(alice, bob, 2)
    for _ in range(5):
        bob.send_rtcp(nack(OUT, first.sequence_number))
    eventually(lambda: server.counters["nack_received"] == 5)
    counters = server.counters
    sent, held = counters["packets_retransmitted"], counters["retransmissions_suppressed"]
    assert sent + held == 5
    assert 1 <= sent < 5


def test_after_a_switch_and_layers_left_out_the_right_packets_are_found(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    low, high = Encoder(alice, 0), Encoder(alice, 2)
    server.engine.submit([Command.SetTarget(2, 1, ENCODINGS[0], 0, 0)])
    low.send(0, key=True)
    low.send(FRAME, layer=1)
    low.send(2 * FRAME)
    media = [bob.receive_rtp() for _ in range(2)]
    server.engine.submit([Command.SetTarget(2, 1, ENCODINGS[0], 2, 0)])
    high.send(0, key=True)
    high.send(FRAME, layer=2)
    high.send(2 * FRAME)
    media += [bob.receive_rtp() for _ in range(2)]
    bob.send_rtcp(nack(OUT, *(packet.sequence_number for packet in media)))
    restored = [unwrap_rtx(bob.receive_rtp(), payload_type=VP8, ssrc=OUT) for _ in media]
    assert [packet.serialize() for packet in restored] == [packet.serialize() for packet in media]


def test_without_rtx_the_same_bytes_are_sent_again(server: Server) -> None:
    alice, bob = connect(server, 2)
    watching(server, alice, bob, out=OUT, out_rtx=0)
    low = Encoder(alice, 0)
    low.send(0, key=True, packets=3)
    datagrams = [bob.receive() for _ in range(3)]
    bob.send_rtcp(nack(OUT, low.sequence - 1))
    # Protected, too: one number must never cover two different packets.
    assert bob.receive() == datagrams[1]


def test_a_senders_loss_is_asked_for_and_mended_for_all(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    low = Encoder(alice, 0)
    low.send(0, key=True)
    first, lost, last = low.frame(FRAME, packets=3)
    alice.send_packet(first)
    alice.send_packet(last)
    before = [seen(bob.receive_rtp()) for _ in range(3)]
    # A receiver's own request waits for the sender's repair: nothing is in the cache yet.
    bob.send_rtcp(nack(OUT, before[1].sequence + 1))
    request = asked(alice)
    assert (request.media_ssrc, request.lost) == (ENCODINGS[0], [lost.sequence_number])
    repair = wrap_rtx(lost, payload_type=RTX, sequence_number=9, ssrc=REPAIRS[0])
    alice.send_packet(repair)
    mended = seen(bob.receive_rtp())
    assert mended.sequence == before[1].sequence + 1
    assert mended.picture == before[1].picture
    # The packet itself comes late: once is enough.
    alice.send_packet(lost)
    eventually(lambda: server.counters["datagrams_dropped_replayed"] == 1)
    source = server.source(1, ENCODINGS[0])
    assert (source.recovered, source.nacks_sent) == (1, 1)
    assert server.counters["packets_sent"] == 4


def test_a_sender_without_nack_is_not_asked(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    server.engine.submit([Command.SetFeedback(1, False, True, False)])
    low = Encoder(alice, 0)
    low.send(0, key=True)
    low.frame(FRAME)
    low.send(2 * FRAME)
    assert len([bob.receive_rtp() for _ in range(2)]) == 2
    assert server.counters["nacks_sent"] == 0


def test_padding_of_a_sender_repairs_nothing(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    padding = RtpPacket(payload_type=RTX, sequence_number=1, ssrc=REPAIRS[0])
    padding.padding_size = 200
    alice.send_packet(padding)
    eventually(lambda: server.counters["padding_received"] == 1)
    assert server.counters["packets_sent"] == 0


def test_a_jump_asks_for_a_keyframe(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    low = Encoder(alice, 0)
    low.send(0, key=True)
    low.sequence += 500
    low.send(FRAME)
    packet = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(packet, RtcpPsfbPacket)
    assert packet.media_ssrc == ENCODINGS[0]
    assert server.counters["nacks_sent"] == 0


def test_memory_is_counted_and_given_back(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    idle = server.transport(1).memory_bytes
    forwarded(alice, bob, 20)
    held = server.transport(1).memory_bytes
    assert idle < held < idle + 100_000
    server.engine.submit([Command.RemoveSource(1, ssrc) for ssrc in [*REPAIRS, *ENCODINGS]])
    assert server.transport(1).memory_bytes < idle
