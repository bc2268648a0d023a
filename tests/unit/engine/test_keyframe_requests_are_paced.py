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
    began, sent = time.monotonic(), 0

    def asked(times: int) -> bool:
        nonlocal sent
        sent += 1
        bob.send_rtcp(pli())
        # More than 200 ms apart, as each on its own may be.
        time.sleep(0.21)
        eventually(lambda: server.counters["pli_received"] == sent)
        return server.counters["pli_forwarded"] >= times

    eventually(lambda: asked(3))
    asked(4)
    asked(4)
    counters = server.counters
    # On a machine that is very busy ten seconds may have passed.
    assert 3 <= counters["pli_forwarded"] <= 3 * (1 + (time.monotonic() - began) // 10)
    assert counters["pli_forwarded"] + counters["keyframe_requests_coalesced"] == sent
    assert server.transport(2).plis_received == sent
    (stats,) = server.engine.downtrack_stats([2])
    assert stats.keyframe_requests == counters["pli_forwarded"]


def test_a_sender_hears_of_many_receivers_once(server: Server) -> None:
    alice, *others = connect(server, 8)
    watching(server, alice, *others)
    Encoder(alice, 0).send(0, key=True)
    for other in others:
        other.receive_rtp()
    began = time.monotonic()
    for other in others:
        other.send_rtcp(pli())
    eventually(lambda: server.counters["pli_received"] == 7)
    counters = server.counters
    assert counters["pli_forwarded"] + counters["keyframe_requests_coalesced"] == 7
    assert counters["pli_forwarded"] <= 1 + (time.monotonic() - began) / 0.2


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
