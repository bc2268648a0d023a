"""Keyframes are dear: who asks, how often, and what the sender gets to hear of it."""

import time

from aiortc.rtp import RtcpPsfbPacket
from tests.unit.engine.peers import Server, connect, eventually
from tests.unit.engine.video import ENCODINGS, Encoder, watching

from octoengine import Command

OUT = 77


def pli() -> RtcpPsfbPacket:
    return RtcpPsfbPacket(fmt=1, ssrc=5, media_ssrc=OUT)


def test_a_receiver_gets_three_in_ten_seconds(server: Server) -> None:
    alice, bob = connect(server, 2)
    watching(server, alice, bob)
    Encoder(alice, 0).send(0, key=True)
    bob.receive_rtp()
    # More than 200 ms apart, as each on its own may be.
    for _ in range(5):
        bob.send_rtcp(pli())
        time.sleep(0.21)
    eventually(lambda: server.counters["pli_received"] == 5)
    assert server.counters["pli_forwarded"] == 3
    assert server.counters["keyframe_requests_coalesced"] == 2
    assert server.transport(2).plis_received == 5
    (stats,) = server.engine.downtrack_stats([2])
    assert stats.keyframe_requests == 3


def test_a_sender_hears_of_many_receivers_once(server: Server) -> None:
    alice, *others = connect(server, 8)
    watching(server, alice, *others)
    Encoder(alice, 0).send(0, key=True)
    for other in others:
        other.receive_rtp()
        other.send_rtcp(pli())
    eventually(lambda: server.counters["pli_received"] == 7)
    counters = server.counters
    assert counters["pli_forwarded"] + counters["keyframe_requests_coalesced"] == 7
    assert counters["pli_forwarded"] <= 2


def test_policy_may_ask_too(server: Server) -> None:
    (alice,) = connect(server, 1)
    watching(server, alice)
    server.engine.submit([Command.RequestKeyframe(1, ENCODINGS[1])])
    packet = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(packet, RtcpPsfbPacket)
    assert (packet.fmt, packet.media_ssrc) == (1, ENCODINGS[1])


def test_our_reports_carry_the_conferences_ssrc(server: Server) -> None:
    (alice,) = connect(server, 1)
    server.engine.submit(
        [
            Command.RemoveTransport(1),
            Command.AddTransport(1, 1, rtcp_ssrc=4_242),
            Command.SelectAddress(1, server.socket, "127.0.0.1", alice.port),
            alice.keys(),
            Command.AddSource(1, 5, "video"),
            Command.RequestKeyframe(1, 5),
        ]
    )
    packet = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(packet, RtcpPsfbPacket)
    assert packet.ssrc == 4_242
