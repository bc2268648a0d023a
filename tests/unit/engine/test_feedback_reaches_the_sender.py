"""RTCP: requests go to the source they name, reports end in statistics or go on to receivers."""

import struct
import time

import pytest
from aiortc.rtp import (
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    unpack_remb_fci,
)
from tests.unit.engine.peers import Peer, Server, connect, eventually

from octoengine import Command, Event

SSRC, OUT = 1_111, 2_222
PLI, FIR, REMB = 1, 4, 15


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    alice, bob = connect(server, 2)
    server.engine.submit([Command.AddSource(1, SSRC, "video"), Command.Subscribe(2, 1, SSRC, OUT)])
    alice.send_rtp(SSRC, 100, b"x")
    bob.receive_rtp()
    return alice, bob


def pli(media_ssrc: int) -> RtcpPsfbPacket:
    return RtcpPsfbPacket(fmt=PLI, ssrc=5, media_ssrc=media_ssrc)


def fir(media_ssrc: int, number: int) -> RtcpPsfbPacket:
    return RtcpPsfbPacket(
        fmt=FIR, ssrc=5, media_ssrc=0, fci=struct.pack("!IBxxx", media_ssrc, number)
    )


def reported(peer: Peer) -> RtcpReceiverInfo:
    """Return the block of the next receiver report that has one."""
    while True:
        report = peer.receive_rtcp(RtcpRrPacket)
        assert isinstance(report, RtcpRrPacket)
        if report.reports:
            return report.reports[0]


def received(peer: Peer, fmt: int) -> RtcpPsfbPacket:
    while True:
        packet = peer.receive_rtcp(RtcpPsfbPacket)
        assert isinstance(packet, RtcpPsfbPacket)
        if packet.fmt == fmt:
            return packet


def test_a_picture_loss_names_the_senders_own_ssrc(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    bob.send_rtcp(pli(OUT))
    assert received(alice, PLI).media_ssrc == SSRC


def test_many_requests_in_a_moment_become_one(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    began = time.monotonic()
    for _ in range(20):
        bob.send_rtcp(pli(OUT))
    assert received(alice, PLI).media_ssrc == SSRC
    eventually(lambda: server.counters["pli_received"] == 20)
    counters, passed = server.counters, time.monotonic() - began
    assert counters["pli_forwarded"] + counters["keyframe_requests_coalesced"] == 20
    assert counters["pli_forwarded"] <= 1 + passed / 0.2


def test_an_intra_request_becomes_a_picture_loss(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    bob.send_rtcp(fir(OUT, 200))
    assert received(alice, PLI).media_ssrc == SSRC


def test_intra_requests_have_numbers_of_our_own(server: Server, pair: tuple[Peer, Peer]) -> None:
    """Who negotiated no feedback by NACK has no PLI either."""
    alice, bob = pair
    server.engine.submit([Command.SetFeedback(1, False, True, False)])
    bob.send_rtcp(fir(OUT, 200))
    first = received(alice, FIR)
    assert struct.unpack("!IB", first.fci[:5]) == (SSRC, 1)


def test_a_senders_report_goes_to_its_receivers(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    info = RtcpSenderInfo(
        ntp_timestamp=0x1234_5678_9ABC_DEF0, rtp_timestamp=90_000, packet_count=7, octet_count=8
    )
    alice.send_rtcp(RtcpSrPacket(ssrc=SSRC, sender_info=info))
    report = bob.receive_rtcp(RtcpSrPacket)
    assert isinstance(report, RtcpSrPacket)
    assert report.ssrc == OUT
    assert report.sender_info.ntp_timestamp == info.ntp_timestamp
    assert report.sender_info.rtp_timestamp == info.rtp_timestamp
    assert report.sender_info.packet_count == 1


def test_what_a_receiver_reports_ends_in_statistics(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    info = RtcpSenderInfo(
        ntp_timestamp=0x1234_5678_9ABC_DEF0, rtp_timestamp=0, packet_count=7, octet_count=8
    )
    alice.send_rtcp(RtcpSrPacket(ssrc=SSRC, sender_info=info))
    bob.receive_rtcp(RtcpSrPacket)
    block = RtcpReceiverInfo(
        ssrc=OUT,
        fraction_lost=64,
        packets_lost=11,
        highest_sequence=100,
        jitter=3,
        lsr=0x5678_9ABC,
        dlsr=0,
    )
    bob.send_rtcp(RtcpRrPacket(ssrc=5, reports=[block]))
    eventually(lambda: server.transport(2).remote_packets_lost == 11)
    stats = server.transport(2)
    assert stats.remote_fraction_lost == 0.25
    assert 0 <= stats.rtt_ms < 3_000
    assert server.transport(1).rtt_ms == -1


def test_senders_get_reports_and_a_bandwidth(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    alice.send_rtp(SSRC, 103, b"x")
    block = reported(alice)
    assert (block.ssrc, block.highest_sequence, block.packets_lost) == (SSRC, 103, 2)
    assert block.fraction_lost == 128
    alice.send_rtp(SSRC, 104, b"x")
    bitrate, ssrcs = unpack_remb_fci(received(alice, REMB).fci)
    assert (bitrate, ssrcs) == (10_000_000, [SSRC])
    assert server.transport(1).packets_lost == 2


def test_feedback_about_nothing_known_goes_to_python(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    _, bob = pair
    bob.send_rtcp(pli(404))
    eventually(lambda: server.counters["rtcp_reported"] == 1)
    (event,) = (event for event in server.engine.poll() if isinstance(event, Event.Rtcp))
    assert (event.transport, event.data) == (2, bytes(pli(404)))


def test_a_flood_of_unknown_feedback_is_bounded(server: Server, pair: tuple[Peer, Peer]) -> None:
    _, bob = pair
    for _ in range(100):
        bob.send_rtcp(pli(404))
    eventually(lambda: server.counters["pli_received"] == 100)
    counters = server.counters
    assert counters["rtcp_reported"] + counters["feedback_dropped_rate"] == 100
    assert counters["rtcp_reported"] < 60


def test_a_flood_of_sender_reports_is_thinned_out(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    info = RtcpSenderInfo(ntp_timestamp=1 << 32, rtp_timestamp=0, packet_count=1, octet_count=1)
    for _ in range(100):
        alice.send_rtcp(RtcpSrPacket(ssrc=SSRC, sender_info=info))
    eventually(lambda: server.counters["rtcp_received"] == 100)
    assert 1 <= server.counters["sender_reports_forwarded"] < 50
