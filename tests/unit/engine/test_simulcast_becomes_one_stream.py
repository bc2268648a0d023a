"""Three encodings in, one stream out: switches on keyframes, layers left out, nothing jumps."""

import time
from itertools import count

import pytest
from aiortc.rtp import RtcpPsfbPacket, RtcpSenderInfo, RtcpSrPacket
from tests.unit.engine.peers import Peer, Server, connect, eventually
from tests.unit.engine.video import ENCODINGS, SIZES, Encoder, Seen, seen, watching

from octoengine import Command, DowntrackStats, Event

OUT = 77
FRAME = 3_000


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    alice, bob = connect(server, 2)
    watching(server, alice, bob)
    return alice, bob


def encoders(alice: Peer) -> list[Encoder]:
    return [Encoder(alice, place) for place in range(3)]


def received(bob: Peer, count: int) -> list[Seen]:
    return [seen(bob.receive_rtp()) for _ in range(count)]


def downtrack(server: Server) -> DowntrackStats:
    (stats,) = server.engine.downtrack_stats([2])
    return stats


def arrived(server: Server, count: int) -> None:
    """Wait until the engine has taken in this many packets."""
    eventually(lambda: server.counters["packets_received"] == count)


def aim(server: Server, encoding: int, temporal: int = 2) -> None:
    server.engine.submit([Command.SetTarget(2, 1, ENCODINGS[0], encoding, temporal)])


def test_nothing_is_sent_before_a_keyframe(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    low = Encoder(alice, 0)
    low.send(0)
    asked = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(asked, RtcpPsfbPacket)
    assert (asked.fmt, asked.media_ssrc) == (1, ENCODINGS[0])
    low.send(FRAME, key=True)
    (first,) = received(bob, 1)
    assert (first.ssrc, first.sequence, first.picture) == (OUT, low.sequence, low.picture)


def test_a_switch_waits_for_a_keyframe_and_shows_no_seam(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    low, _, high = encoders(alice)
    low.send(0, key=True, packets=2)
    high.send(900_000, key=True)
    before = received(bob, 2)
    arrived(server, 3)
    aim(server, 2)
    low.send(FRAME)
    high.send(900_000 + FRAME)
    # What is shown goes on until the keyframe that the engine asks for.
    before += received(bob, 1)
    assert [packet.place for packet in before] == [0, 0, 0]
    assert downtrack(server).target_encoding == 2
    asked = alice.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(asked, RtcpPsfbPacket)
    assert asked.media_ssrc == ENCODINGS[2]
    high.send(900_000 + 2 * FRAME, key=True, packets=3)
    low.send(2 * FRAME)
    high.send(900_000 + 3 * FRAME)
    after = received(bob, 4)
    assert [packet.place for packet in after] == [2, 2, 2, 2]
    every = before + after
    first = every[0].sequence
    assert [packet.sequence for packet in every] == list(range(first, first + 7))
    pictures = [packet.picture - every[0].picture for packet in every]
    assert pictures == [0, 0, 1, 2, 2, 2, 3]
    assert [packet.tl0 - every[0].tl0 for packet in every] == pictures
    times = [packet.timestamp for packet in every]
    assert times == sorted(times)
    assert after[3].timestamp - after[0].timestamp == FRAME
    stats = downtrack(server)
    assert (stats.encoding, stats.switches, stats.packets) == (2, 2, 7)


def test_sender_reports_keep_time_over_a_switch(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    low, _, high = encoders(alice)
    second = 1 << 32
    for ssrc, timestamp in ((ENCODINGS[0], 0), (ENCODINGS[2], 900_000)):
        info = RtcpSenderInfo(
            ntp_timestamp=5 * second, rtp_timestamp=timestamp, packet_count=1, octet_count=1
        )
        alice.send_rtcp(RtcpSrPacket(ssrc=ssrc, sender_info=info))
    low.send(0, key=True)
    high.send(900_000, key=True)
    (before,) = received(bob, 1)
    arrived(server, 2)
    aim(server, 2)
    # The next picture by the sender's own clock, whatever the time on ours.
    high.send(900_000 + FRAME, key=True)
    (after,) = received(bob, 1)
    assert after.timestamp - before.timestamp == FRAME
    info = RtcpSenderInfo(
        ntp_timestamp=6 * second, rtp_timestamp=990_000, packet_count=1, octet_count=1
    )

    def passed_on() -> bool:
        # Reports of one source go on at most ten times a second.
        alice.send_rtcp(RtcpSrPacket(ssrc=ENCODINGS[2], sender_info=info))
        time.sleep(0.11)
        return server.counters["sender_reports_forwarded"] >= 1

    eventually(passed_on)
    report = bob.receive_rtcp(RtcpSrPacket)
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.rtp_timestamp) == (OUT, before.timestamp + 90_000)
    assert report.sender_info.packet_count == 2


def test_temporal_layers_are_left_out_without_gaps(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    low = Encoder(alice, 0)
    aim(server, 0, 0)
    low.send(0, key=True)
    for at, layer in enumerate([2, 1, 2, 0, 2, 1, 2, 0], start=1):
        low.send(at * FRAME, layer=layer, packets=2)
    every = received(bob, 5)
    assert {packet.layer for packet in every} == {0}
    assert [packet.sequence - every[0].sequence for packet in every] == [0, 1, 2, 3, 4]
    assert [packet.picture - every[0].picture for packet in every] == [0, 1, 1, 2, 2]
    assert [packet.timestamp - every[0].timestamp for packet in every] == [
        at * FRAME for at in (0, 4, 4, 8, 8)
    ]


def test_pausing_stops_at_once_and_resumes_with_a_keyframe(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    low = Encoder(alice, 0)
    low.send(0, key=True)
    (before,) = received(bob, 1)
    aim(server, -1)
    low.send(FRAME)
    eventually(lambda: server.counters["packets_left_out"] == 1)
    assert downtrack(server).encoding == -1
    aim(server, 0)
    low.send(2 * FRAME)
    low.send(3 * FRAME, key=True)
    (after,) = received(bob, 1)
    assert after.sequence == before.sequence + 1
    assert after.picture == before.picture + 1
    assert after.timestamp - before.timestamp == 3 * FRAME


def test_the_nearest_lower_encoding_stands_in(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    aim(server, 2)
    middle = Encoder(alice, 1)
    middle.send(0)
    middle.send(FRAME, key=True)
    assert [packet.place for packet in received(bob, 1)] == [1]
    assert downtrack(server).target_encoding == 2


def test_late_packets_from_before_a_switch_take_their_place(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    low, _, high = encoders(alice)
    low.send(0, key=True)
    high.send(0, key=True)
    first, late, last = low.frame(FRAME, packets=3)
    alice.send_packet(first)
    alice.send_packet(last)
    every = received(bob, 3)
    arrived(server, 4)
    aim(server, 2)
    high.send(FRAME, key=True)
    alice.send_packet(late)
    every += received(bob, 2)
    assert [packet.place for packet in every] == [0, 0, 0, 2, 0]
    assert [packet.sequence - every[0].sequence for packet in every] == [0, 1, 3, 4, 2]


def test_a_keyframe_whose_first_packet_came_last_is_whole(
    server: Server, pair: tuple[Peer, Peer]
) -> None:
    """Nothing can begin without the first packet; then the rest needn't come again."""
    alice, bob = pair
    low, _, high = encoders(alice)
    low.send(0, key=True)
    (before,) = received(bob, 1)
    aim(server, 2)
    first, *rest = high.frame(FRAME, key=True, packets=4)
    for packet in rest:
        alice.send_packet(packet)
    high.send(2 * FRAME)
    arrived(server, 5)
    alice.send_packet(first)
    every = received(bob, 5)
    assert [packet.sequence - before.sequence for packet in every] == [1, 2, 3, 4, 5]
    assert [packet.picture - before.picture for packet in every] == [1, 1, 1, 1, 2]
    high.send(3 * FRAME)
    (after,) = received(bob, 1)
    assert after.sequence - before.sequence == 6


def test_sizes_activity_and_rates_are_told(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    every_one = encoders(alice)
    for encoder in every_one:
        encoder.send(0, key=True)
        encoder.send(FRAME, layer=2)
    eventually(lambda: server.counters["packets_received"] == 6)
    events = server.engine.poll()
    sizes = {
        event.ssrc: (event.width, event.height)
        for event in events
        if isinstance(event, Event.Keyframe)
    }
    assert sizes == dict(zip(ENCODINGS, SIZES, strict=True))
    activity = [event for event in events if isinstance(event, Event.EncodingActivity)]
    assert [event.ssrc for event in activity if event.active] == ENCODINGS
    source = server.source(1, ENCODINGS[2])
    assert (source.width, source.height, source.keyframes) == (1_280, 720, 1)
    high, frames = every_one[2], count(2)

    def rates_are_told() -> bool:
        # They are of the last second, so it takes packets that are no older.
        for layer in (0, 2):
            high.send(next(frames) * FRAME, layer=layer)
        source = server.source(1, ENCODINGS[2])
        ((base, some, every),) = source.layer_bps
        told = 0 < base == some < every == source.bitrate_bps
        return told and source.frames_per_second >= 2

    eventually(rates_are_told)
    gone: list[int] = [event.ssrc for event in activity if not event.active]

    def all_gone() -> bool:
        news = server.engine.poll()
        gone.extend(e.ssrc for e in news if isinstance(e, Event.EncodingActivity) and not e.active)
        return sorted(gone) == ENCODINGS

    eventually(all_gone)


def test_a_slot_goes_on_with_another_persons_picture(server: Server) -> None:
    alice, bob, carol = connect(server, 3)
    theirs = Encoder(alice, 0)
    watching(server, alice, carol)
    watching(server, bob)
    theirs.send(0, key=True)
    before = seen(carol.receive_rtp())
    server.engine.submit(
        [
            Command.Unsubscribe(3, 1, ENCODINGS[0]),
            Command.Subscribe(3, 2, ENCODINGS[0], OUT, OUT + 1, "v0"),
        ]
    )
    other = Encoder(bob, 0, sequence=40_000, picture=20_000, tl0=200)
    other.send(4_000_000_000, key=True)
    other.send(4_000_000_000 + FRAME)
    after = [seen(carol.receive_rtp()) for _ in range(2)]
    assert [packet.sequence - before.sequence for packet in after] == [1, 2]
    assert [packet.picture - before.picture for packet in after] == [1, 2]
    assert [packet.tl0 - before.tl0 for packet in after] == [1, 2]
    assert 0 < after[0].timestamp - before.timestamp < 90_000 * 3
    assert after[1].timestamp - after[0].timestamp == FRAME
    # A request about the slot reaches whoever fills it now.
    carol.send_rtcp(RtcpPsfbPacket(fmt=1, ssrc=5, media_ssrc=OUT))
    asked = bob.receive_rtcp(RtcpPsfbPacket)
    assert isinstance(asked, RtcpPsfbPacket)
    assert asked.media_ssrc == ENCODINGS[0]
