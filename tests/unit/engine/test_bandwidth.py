"""What a peer's line carries: estimated from its feedback, told to it of what it sends."""

import struct
from collections.abc import Callable, Iterator

import pytest
from aiortc.rtp import RtcpPsfbPacket, unpack_remb_fci
from tests.unit.engine.lines import Line, keep_all
from tests.unit.engine.peers import GCM, Peer, Server, connect, eventually, rtcp_header

from octoengine import Command, Engine, Event

KEYS = bytes(range(28)), bytes(range(50, 78))
VIDEO, RTX, OUT, OUT_RTX = 20, 21, 30, 31
VP8, REPAIR = 100, 96
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
EXTENSIONS = [(3, ABS_SEND_TIME), (5, TRANSPORT_CC)]
TYPES = [(VP8, "VP8", -1), (REPAIR, "RTX", VP8)]


@pytest.fixture
def people() -> Iterator[Server]:
    """Return the engine of synthetic participants."""
    engine = Engine()
    number, port = engine.bind("127.0.0.1")
    yield Server(engine, number, port)
    engine.close()


@pytest.fixture
def stretch() -> Iterator[Callable[..., Line]]:
    """Return how to connect transport 1 of two engines by a line; lines end with the test."""
    lines: list[Line] = []

    def make(
        sender: Server,
        receiver: Server,
        lose: Callable[[bytes], bool] = keep_all,
        rate: float = 1e9,
        transport: int = 1,
    ) -> Line:
        line = Line(lose, rate)
        lines.append(line)
        for at, (end, keys) in enumerate([(sender, KEYS), (receiver, KEYS[::-1])]):
            line.targets[at] = end.port
            end.engine.submit(
                [
                    Command.AddTransport(transport, 1, sink=end is receiver),
                    Command.SelectAddress(transport, end.socket, "127.0.0.1", line.ports[at]),
                    Command.SetKeys(transport, GCM, *keys),
                    *negotiated(transport),
                ]
            )
        line.start()
        return line

    yield make
    for line in lines:
        line.stop()


def negotiated(transport: int) -> list[Command]:
    return [
        Command.SetPayloadTypes(transport, TYPES),
        Command.SetExtensions(transport, EXTENSIONS),
        Command.SetFeedback(transport, True, False, True),
    ]


def stream(bitrate: int, transport: int = 1) -> Command:
    return Command.StartStream(
        transport,
        VIDEO,
        "video",
        VP8,
        1_000,
        frames_per_second=30,
        bitrate_bps=bitrate,
        rtx_ssrc=RTX,
        rtx_payload_type=REPAIR,
        temporal_layers=3,
        width=640,
        height=360,
    )


def bandwidths(server: Server) -> list[Event.Bandwidth]:
    return [event for event in server.engine.poll() if isinstance(event, Event.Bandwidth)]


def test_a_wide_line_is_thought_wide(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    stretch(server, people)
    server.engine.submit([stream(2_000_000)])
    told: list[Event.Bandwidth] = []

    # A pause of the machine looks like a queue on the line, for a while.
    def is_wide() -> bool:
        told.extend(bandwidths(server))
        heard = server.counters["transport_feedback_received"] > 20
        return heard and bool(told) and told[-1].bps >= 2_000_000 and told[-1].loss == 0

    eventually(is_wide, seconds=60)
    assert {event.transport for event in told} == {1}


def test_a_narrow_line_is_found_out(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    stretch(server, people, rate=600_000)
    server.engine.submit([stream(1_500_000)])
    eventually(lambda: 0 < server.transport(1).bandwidth_bps < 900_000, seconds=60)
    assert min(event.bps for event in bandwidths(server)) < 2_000_000


def test_news_of_a_line_is_no_flood(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    stretch(server, people, rate=1_000_000)
    server.engine.submit([stream(1_500_000)])
    eventually(lambda: server.counters["transport_feedback_received"] > 30, seconds=60)
    seconds = server.engine.stats().uptime_ns / 1e9
    assert 1 <= len(bandwidths(server)) <= 10 * seconds + 1


def test_repairs_make_a_lossy_line_whole(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    count = 0

    def every_tenth(datagram: bytes) -> bool:
        nonlocal count
        count += not 192 <= datagram[1] <= 223
        return count % 10 == 5 and not 192 <= datagram[1] <= 223

    line = stretch(server, people, every_tenth)
    people.engine.submit(
        [Command.AddSource(1, VIDEO, "video"), Command.AddSource(1, RTX, "rtx", VIDEO)]
    )
    server.engine.submit([stream(1_000_000)])
    eventually(lambda: line.lost > 20, seconds=60)

    def is_whole() -> bool:
        video = people.source(1, VIDEO)
        many = video.recovered >= 10 and video.frames_expected > 30
        return many and video.frames >= 0.9 * video.frames_expected - 2

    eventually(is_whole, seconds=60)
    server.engine.submit([Command.StopStream(1, VIDEO)])
    video = people.source(1, VIDEO)
    assert (video.width, video.height) == (640, 360)
    eventually(lambda: people.counters["sink_repaired"] == people.source(1, VIDEO).recovered)


def test_padding_shows_what_a_line_carries_beyond_its_media(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    # From one synthetic participant (1) over the bridge to another (2).
    up = connect_directly(server, people)
    stretch(server, people, transport=2)
    server.engine.submit(
        [
            Command.AddSource(1, VIDEO, "video"),
            Command.Subscribe(2, 1, VIDEO, OUT, OUT_RTX),
            Command.SetProbing(2, 500_000),
        ]
    )
    people.engine.submit([up, stream(300_000)])
    eventually(lambda: server.transport(2).padding_bytes > 50_000, seconds=60)
    eventually(lambda: server.transport(2).bandwidth_bps > 3_000_000, seconds=60)
    assert server.counters["padding_repeats"] > 0
    assert server.transport(2).retransmitted == 0
    server.engine.submit([Command.SetProbing(2, 0)])
    # What was on its way still leaves; then media flows and no padding with it.
    eventually(lambda: padding_beside_media(server, packets=50) == 0, seconds=60)
    media = people.source(2, OUT)
    assert (media.lost, media.duplicates) == (0, 0)


def test_a_line_is_padded_that_has_carried_no_video_yet(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    stretch(server, people, transport=2)
    server.engine.submit(
        [
            Command.AddTransport(1, 1),
            Command.AddSource(1, VIDEO, "video"),
            Command.Subscribe(2, 1, VIDEO, OUT, OUT_RTX),
            Command.SetProbing(2, 100_000),
        ]
    )
    eventually(lambda: server.transport(2).bandwidth_bps > 3_000_000, seconds=60)


def test_what_cannot_be_repeated_as_a_repair_is_no_padding(
    server: Server, people: Server, stretch: Callable[..., Line]
) -> None:
    up = connect_directly(server, people)
    stretch(server, people, transport=2)
    server.engine.submit(
        [
            # This client has repairs negotiated, but not for this codec.
            Command.SetPayloadTypes(2, [(VP8, "VP8", -1), (REPAIR, "RTX", VP8 + 1)]),
            Command.AddSource(1, VIDEO, "video"),
            Command.Subscribe(2, 1, VIDEO, OUT, OUT_RTX),
            Command.SetProbing(2, 500_000),
        ]
    )
    people.engine.submit([up, stream(300_000)])
    eventually(lambda: server.transport(2).bandwidth_bps > 3_000_000, seconds=60)
    assert server.counters["padding_repeats"] == 0
    assert server.counters["padding_packets"] > 0
    assert people.source(2, OUT).duplicates == 0


def padding_beside_media(server: Server, *, packets: int) -> int:
    """Bytes of padding that left transport 2 while so many packets did."""
    before = server.transport(2)
    eventually(lambda: server.transport(2).packets_sent >= before.packets_sent + packets)
    return server.transport(2).padding_bytes - before.padding_bytes


def connect_directly(server: Server, people: Server) -> Command:
    """Connect transport 1 of both engines; the command that lets the people's side send."""
    server.engine.submit(
        [
            Command.AddTransport(1, 1),
            Command.SelectAddress(1, server.socket, "127.0.0.1", people.port),
            Command.SetKeys(1, GCM, *KEYS),
            *negotiated(1),
        ]
    )
    people.engine.submit(
        [
            Command.AddTransport(1, 2, sink=True),
            Command.SelectAddress(1, people.socket, "127.0.0.1", server.port),
            *negotiated(1),
        ]
    )
    return Command.SetKeys(1, GCM, *KEYS[::-1])


def with_extension(element: bytes) -> bytes:
    padded = element + bytes(-len(element) % 4)
    return struct.pack("!HH", 0xBEDE, len(padded) // 4) + padded


def send(peer: Peer, number: int, element: bytes) -> None:
    header = struct.pack("!BBHII", 0x90, 0x80 | VP8, number, 90 * number, VIDEO)
    peer.send(peer.protect_rtp(header + with_extension(element) + b"media"))


def test_a_sender_is_told_what_arrived_and_when(server: Server) -> None:
    (alice,) = connect(server, 1)
    server.engine.submit([Command.AddSource(1, VIDEO, "video"), *negotiated(1)])
    for number in (65_534, 65_535, 1):
        send(alice, number, struct.pack("!BH", 0x51, number))
    told: list[int] = []
    while len(told) < 4:
        body = alice.receive_feedback(205, 15)
        _, media, base, count = struct.unpack("!IIHH", body[:12])
        # Reference time, then the number of the feedback packet.
        assert (media, body[15]) == (VIDEO, 0 if not told else body[15])
        told += [(base + at) % 65_536 for at in range(count)]
    assert told == [65_534, 65_535, 0, 1]


def test_without_transport_wide_feedback_senders_are_told_in_remb(server: Server) -> None:
    (alice,) = connect(server, 1)
    server.engine.submit(
        [
            Command.AddSource(1, VIDEO, "video"),
            Command.SetExtensions(1, EXTENSIONS),
            Command.SetFeedback(1, False, True, True),
        ]
    )
    for number in range(20):
        send(alice, number, b"\x32" + (number * 1_000).to_bytes(3, "big"))
    while True:
        packet = alice.receive_rtcp(RtcpPsfbPacket)
        assert isinstance(packet, RtcpPsfbPacket)
        if packet.fmt == 15:
            break
    bitrate, ssrcs = unpack_remb_fci(packet.fci)
    assert ssrcs == [VIDEO]
    assert 30_000 <= bitrate <= 20_000_000


def test_a_remb_is_believed_only_without_transport_wide_feedback(server: Server) -> None:
    alice, bob = connect(server, 2)
    server.engine.submit([Command.SetFeedback(1, False, True, True), *negotiated(2)])
    remb = struct.pack("!4sII", b"REMB", 0x01 << 24 | 3 << 18 | 125_000, 1)
    for peer in (alice, bob):
        peer.send_rtcp(RtcpPsfbPacket(fmt=15, ssrc=5, media_ssrc=0, fci=remb))
    eventually(lambda: server.counters["remb_received"] == 2)
    eventually(lambda: server.transport(1).bandwidth_bps == 1_000_000)
    assert server.transport(2).bandwidth_bps == -1
    told: list[Event.Bandwidth] = []
    eventually(lambda: bool(told.extend(bandwidths(server)) or told))
    assert [(event.transport, event.bps) for event in told] == [(1, 1_000_000)]


def test_a_flood_of_feedback_costs_little(server: Server) -> None:
    (alice,) = connect(server, 1)
    server.engine.submit(negotiated(1))
    # Of 65,535 packets all are said to be missing: eight runs of 8,191 and one of 7.
    chunks = struct.pack("!9H", *[0x1FFF] * 8, 7) + bytes(2)
    body = struct.pack("!IIHHI", 5, VIDEO, 0, 65_535, 0) + chunks
    feedback = rtcp_header(205, 15, len(body) // 4) + body
    for _ in range(300):
        alice.send(alice.protect_rtcp(feedback))
    eventually(lambda: server.counters["transport_feedback_received"] == 300)
    assert server.counters["feedback_dropped_rate"] > 0
    assert server.counters["transport_feedback_malformed"] == 0
