"""The engine's SRTP and libsrtp's understand each other, in both directions."""

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPsfbPacket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.engine.peers import PROFILES, Peer, Server, connect, eventually

from octoengine import Command

SSRC = 0x1234_5678
PLI = 1


@pytest.fixture(params=PROFILES)
def pair(server: Server, request: pytest.FixtureRequest) -> list[Peer]:
    peers = connect(server, 2, request.param)
    server.engine.submit([Command.AddSource(1, SSRC, "video"), Command.Subscribe(2, 1, SSRC)])
    return peers


def test_media_arrives_as_it_was_sent_across_a_roll_over(server: Server, pair: list[Peer]) -> None:
    alice, bob = pair
    # What begins above half the range would go out below it.
    for index in (32_767, *range(65_500, 65_600)):
        payload = bytes([index & 0xFF]) * (index % 1_200)
        alice.send_rtp(SSRC, index & 0xFFFF, payload, timestamp=index * 90)
        packet = bob.receive_rtp()
        assert packet.ssrc == SSRC
        assert packet.sequence_number == index & 0xFFFF
        assert packet.timestamp == index * 90
        assert packet.payload == payload


def test_a_late_subscriber_starts_with_a_fresh_roll_over_counter(
    server: Server, pair: list[Peer]
) -> None:
    alice, bob = pair
    for index in (32_700, 65_000, 65_535, 65_536, 65_537):
        alice.send_rtp(SSRC, index & 0xFFFF, b"early")
        bob.receive_rtp()
    carol = Peer(server, 3, bob.profile)
    server.engine.submit([*carol.commands(), Command.Subscribe(3, 1, SSRC)])
    alice.send_rtp(SSRC, 2, b"late")
    assert carol.receive_rtp().sequence_number == 2
    assert bob.receive_rtp().sequence_number == 2


def test_who_misses_a_roll_over_with_the_first_packets_still_gets_the_stream(
    server: Server, pair: list[Peer]
) -> None:
    alice, bob = pair
    alice.protected(SSRC, 65_534, b"lost")
    alice.protected(SSRC, 65_535, b"lost")
    alice.send_rtp(SSRC, 0, b"first")
    assert bob.receive_rtp().payload == b"first"
    alice.send_rtp(SSRC, 1, b"second")
    assert bob.receive_rtp().payload == b"second"


def test_no_stream_begins_near_its_roll_over(server: Server, pair: list[Peer]) -> None:
    alice, bob = pair
    alice.send_rtp(SSRC, 65_534, b"first")
    assert bob.receive_rtp().sequence_number == 65_534 - 32_768
    alice.send_rtp(SSRC, 65_535, b"second")
    assert bob.receive_rtp().sequence_number == 65_535 - 32_768


def test_feedback_is_read_and_written(server: Server, pair: list[Peer]) -> None:
    alice, bob = pair
    bob.send_rtcp(RtcpPsfbPacket(fmt=PLI, ssrc=9, media_ssrc=SSRC))
    request = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(request, RtcpPsfbPacket)
    assert (request.fmt, request.media_ssrc) == (PLI, SSRC)


def test_python_may_send_rtcp_of_its_own(server: Server, pair: list[Peer]) -> None:
    alice, _ = pair
    server.engine.submit([Command.SendRtcp(1, bytes(RtcpByePacket(sources=[7])))])
    bye = alice.receive_rtcp(RtcpByePacket)
    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [7]


def test_replayed_and_forged_packets_are_dropped_and_counted(
    server: Server, pair: list[Peer]
) -> None:
    alice, bob = pair
    packet = alice.protected(SSRC, 7, b"once")
    forged = bytearray(alice.protected(SSRC, 8, b"forged"))
    forged[-1] ^= 1
    for datagram in (packet, packet, bytes(forged)):
        alice.send(datagram)
    alice.send_rtp(SSRC, 9, b"last")
    assert [bob.receive_rtp().payload for _ in range(2)] == [b"once", b"last"]
    eventually(lambda: server.counters["datagrams_dropped_replayed"] == 1)
    assert server.counters["datagrams_dropped_srtp_auth"] == 1
    assert server.source(1, SSRC).duplicates == 1


@given(st.permutations(range(40)))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_reordered_packets_arrive_in_the_order_they_came(server: Server, order: list[int]) -> None:
    alice, bob = connect(server, 2)
    server.engine.submit([Command.AddSource(1, SSRC, "audio"), Command.Subscribe(2, 1, SSRC)])
    try:
        for sequence in order:
            alice.send_rtp(SSRC, 1_000 + sequence, b"x")
        assert [bob.receive_rtp().sequence_number - 1_000 for _ in order] == order
    finally:
        server.engine.submit([Command.RemoveTransport(1), Command.RemoveTransport(2)])
        alice.close()
        bob.close()
