"""A call across two bridges: sender, engine, relay, engine, receiver."""

from collections.abc import Iterator

import pytest
from aiortc.rtp import (
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    unwrap_rtx,
)
from tests.unit.engine.lines import Line
from tests.unit.engine.peers import Peer, Server, eventually
from tests.unit.engine.relays import ALICE, BOB, TO_FAR, TO_NEAR, Pair, relayed, simulcast
from tests.unit.engine.video import ENCODINGS, TYPES, VP8, Encoder, seen

from octoengine import Command, Engine

OUT, OUT_RTX = 77, 78
PLI, NACK = 1, 1
FRAME = 3_000


class Dropping:
    """Loses the datagrams that it is told to, counted from when it is told."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self, datagram: bytes) -> bool:
        if 192 <= datagram[1] <= 223 or not self.left:
            return False
        self.left -= 1
        return True


@pytest.fixture
def dropping() -> Dropping:
    return Dropping()


@pytest.fixture
def pair(server: Server, dropping: Dropping) -> Iterator[Pair]:
    """Alice shows her picture on one bridge, Bob watches it on the other."""
    engine = Engine()
    socket, port = engine.bind("127.0.0.1")
    far = Server(engine, socket, port)
    pair = Pair(server, far, Peer(server, ALICE), Peer(far, BOB), Line(dropping))
    server.engine.submit([*pair.alice.commands(), *simulcast(ALICE)])
    far.engine.submit([*pair.bob.commands(), Command.SetPayloadTypes(BOB, TYPES)])
    pair.link()
    server.engine.submit(relayed(TO_FAR, ALICE))
    far.engine.submit(
        [*simulcast(TO_NEAR), Command.Subscribe(BOB, TO_NEAR, ENCODINGS[0], OUT, OUT_RTX)]
    )
    yield pair
    pair.line.stop()
    far.close()


def shown(pair: Pair, count: int) -> list[RtpPacket]:
    """Return what Bob gets of a keyframe of so many packets in the lowest encoding."""
    Encoder(pair.alice, 0).send(0, key=True, packets=count)
    return [pair.bob.receive_rtp() for _ in range(count)]


def test_each_receiver_has_the_layer_it_wants(pair: Pair) -> None:
    encoders = [Encoder(pair.alice, place) for place in range(3)]
    frames = iter(range(1_000))
    numbers: list[int] = []

    def show() -> int:
        frame = next(frames)
        for encoder in encoders:
            encoder.send(frame * FRAME, key=True)
        packet = seen(pair.bob.receive_rtp())
        assert packet.ssrc == OUT
        numbers.append(packet.sequence)
        return packet.place

    for wanted in (2, 0, 1):
        pair.far.engine.submit([Command.SetTarget(BOB, TO_NEAR, ENCODINGS[0], wanted, 2)])
        while show() != wanted:
            pass
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_keyframe_request_comes_to_the_owner(pair: Pair) -> None:
    shown(pair, 1)
    pair.bob.send_rtcp(RtcpPsfbPacket(fmt=PLI, ssrc=5, media_ssrc=OUT))
    request = pair.alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(request, RtcpPsfbPacket)
    assert (request.fmt, request.media_ssrc) == (PLI, ENCODINGS[0])


def test_a_keyframe_for_a_higher_layer_is_asked_of_the_owner(pair: Pair) -> None:
    shown(pair, 1)
    Encoder(pair.alice, 1).send(0)
    eventually(lambda: len(active(pair.far)) == 2)
    pair.far.engine.submit([Command.SetTarget(BOB, TO_NEAR, ENCODINGS[0], 1, 2)])
    request = pair.alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(request, RtcpPsfbPacket)
    assert request.media_ssrc == ENCODINGS[1]


def active(server: Server) -> list[int]:
    sources = server.engine.source_stats([TO_NEAR])
    return [source.ssrc for source in sources if source.kind == "video" and source.packets]


def test_what_is_lost_between_bridges_is_mended_there(pair: Pair, dropping: Dropping) -> None:
    low = Encoder(pair.alice, 0)
    low.send(0, key=True)
    before = seen(pair.bob.receive_rtp())
    dropping.left = 1
    low.send(FRAME)
    eventually(lambda: pair.line.lost == 1)
    low.send(2 * FRAME)
    numbers = {seen(pair.bob.receive_rtp()).sequence for _ in range(2)}
    assert numbers == {before.sequence + 1, before.sequence + 2}
    assert pair.far.source(TO_NEAR, ENCODINGS[0]).recovered == 1
    assert pair.near.transport(TO_FAR).retransmitted == 1
    # Nothing of it comes to Alice: she has sent it.
    assert pair.near.counters["nacks_sent"] == 0


def test_what_is_lost_on_the_last_hop_is_mended_by_the_last_bridge(pair: Pair) -> None:
    media = shown(pair, 3)
    lost = media[1]
    nack = RtcpRtpfbPacket(fmt=NACK, ssrc=5, media_ssrc=OUT, lost=[lost.sequence_number])
    pair.bob.send_rtcp(nack)
    restored = unwrap_rtx(pair.bob.receive_rtp(), payload_type=VP8, ssrc=OUT)
    assert restored.serialize() == lost.serialize()
    assert pair.near.counters["nack_received"] == 0


def test_the_senders_clock_reaches_the_receiver(pair: Pair) -> None:
    (media,) = shown(pair, 1)
    info = RtcpSenderInfo(
        ntp_timestamp=0x1234_5678_9ABC_DEF0, rtp_timestamp=90_000, packet_count=7, octet_count=8
    )
    pair.alice.send_rtcp(RtcpSrPacket(ssrc=ENCODINGS[0], sender_info=info))
    report = pair.bob.receive_rtcp(RtcpSrPacket)
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.ntp_timestamp) == (OUT, info.ntp_timestamp)
    assert report.sender_info.rtp_timestamp == 90_000 + media.timestamp


def test_each_hop_reports_for_itself(pair: Pair) -> None:
    shown(pair, 2)
    times = iter(range(1 << 60, 1 << 61, 1 << 20))

    def measured() -> bool:
        info = RtcpSenderInfo(
            ntp_timestamp=next(times), rtp_timestamp=0, packet_count=2, octet_count=8
        )
        pair.alice.send_rtcp(RtcpSrPacket(ssrc=ENCODINGS[0], sender_info=info))
        return pair.near.transport(TO_FAR).rtt_ms >= 0

    eventually(measured, 30)
