"""Synthetic participants: what a stream sends, a sink counts, and both mend what gets lost."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.unit.engine.lines import make_room
from tests.unit.engine.peers import GCM, Server, connect, eventually

from octoengine import Command, Engine, SourceStats

AUDIO, VIDEO = 10, 20
KEYS = bytes(range(28)), bytes(range(50, 78))


class Relay:
    """Passes datagrams between two engines, but for those that `lose` picks."""

    def __init__(self, lose: Callable[[bytes], bool]) -> None:
        self.lost = 0
        self._lose = lose
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for side in self._sockets:
            side.bind(("127.0.0.1", 0))
            side.settimeout(0.05)
            make_room(side)
        self.ports = [int(side.getsockname()[1]) for side in self._sockets]
        self.targets = [0, 0]
        self._running = True
        self._threads = [threading.Thread(target=self._run, args=(at,)) for at in range(2)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._running = False
        for thread in self._threads:
            thread.join()
        for side in self._sockets:
            side.close()

    def _run(self, at: int) -> None:
        while self._running:
            try:
                datagram = self._sockets[at].recv(2_048)
            except TimeoutError:
                continue
            if at == 0 and self._lose(datagram):
                self.lost += 1
                continue
            self._sockets[1 - at].sendto(datagram, ("127.0.0.1", self.targets[1 - at]))


def joined(sender: Server, receiver: Server, lose: Callable[[bytes], bool]) -> Relay:
    """Connect a sending and a receiving engine through a relay; transport 1 on both."""
    relay = Relay(lose)
    for at, (server, keys) in enumerate([(sender, KEYS), (receiver, KEYS[::-1])]):
        relay.targets[at] = server.port
        server.engine.submit(
            [
                Command.AddTransport(1, 1, sink=server is receiver),
                Command.SelectAddress(1, server.socket, "127.0.0.1", relay.ports[at]),
                Command.SetKeys(1, GCM, *keys),
            ]
        )
    relay.start()
    return relay


@pytest.fixture
def sink() -> Iterator[Server]:
    engine = Engine()
    number, port = engine.bind("127.0.0.1")
    yield Server(engine, number, port)
    engine.close()


def start_video(server: Server) -> None:
    server.engine.submit(
        [
            Command.StartStream(
                1, VIDEO, "video", 100, 1_100, frames_per_second=60, bitrate_bps=3_000_000
            )
        ]
    )


def seen(sink: Server, ssrc: int) -> SourceStats | None:
    sources = sink.engine.source_stats([1])
    return next((source for source in sources if source.ssrc == ssrc), None)


def keep_all(_: bytes) -> bool:
    return False


def test_a_sink_counts_what_a_stream_sends(server: Server, sink: Server) -> None:
    relay = joined(server, sink, keep_all)
    server.engine.submit([Command.StartStream(1, AUDIO, "audio", 111, 80)])
    start_video(server)
    eventually(lambda: server.counters["stream_packets"] > 200)
    server.engine.submit([Command.StopStream(1, AUDIO), Command.StopStream(1, VIDEO)])
    sent = server.transport(1).packets_sent
    eventually(lambda: sink.transport(1).packets_received == sent)
    relay.stop()
    audio, video = seen(sink, AUDIO), seen(sink, VIDEO)
    assert audio is not None
    assert video is not None
    assert (audio.kind, audio.keyframes, audio.lost) == ("audio", 0, 0)
    assert (video.kind, video.lost, video.duplicates) == ("video", 0, 0)
    assert video.keyframes >= 1
    assert audio.packets + video.packets == sent
    assert 0 <= video.delay_ms_mean <= video.delay_ms_max < 60_000
    assert audio.gap_ms >= 10


def test_both_ends_report_to_each_other(server: Server, sink: Server) -> None:
    relay = joined(server, sink, keep_all)
    start_video(server)
    eventually(lambda: server.transport(1).rtt_ms >= 0, seconds=30)
    relay.stop()
    assert server.transport(1).remote_packets_lost == 0
    assert sink.counters["receiver_reports_sent"] >= 1


def test_lost_video_is_asked_for_and_sent_again(server: Server, sink: Server) -> None:
    count = 0

    def every_tenth(datagram: bytes) -> bool:
        nonlocal count
        count += not 192 <= datagram[1] <= 223
        return count % 10 == 5 and not 192 <= datagram[1] <= 223

    relay = joined(server, sink, every_tenth)
    start_video(server)
    eventually(lambda: relay.lost > 20, seconds=30)
    server.engine.submit([Command.StopStream(1, AUDIO)])

    def mended() -> bool:
        video = seen(sink, VIDEO)
        return video is not None and video.reordered >= 10

    eventually(mended, seconds=30)
    relay.stop()
    assert server.counters["stream_retransmissions"] >= 10
    assert sink.counters["sink_nacks"] >= 1


def test_a_sink_that_missed_the_start_gets_a_keyframe(server: Server, sink: Server) -> None:
    lost = 0

    def first_frames(_: bytes) -> bool:
        nonlocal lost
        lost += 1
        return lost <= 40

    relay = joined(server, sink, first_frames)
    start_video(server)

    def has_keyframe() -> bool:
        video = seen(sink, VIDEO)
        return video is not None and video.keyframes >= 1

    eventually(has_keyframe, seconds=30)
    relay.stop()
    assert sink.counters["sink_plis"] >= 1
    assert server.counters["stream_keyframes"] >= 2


def test_a_stream_goes_on_counting_when_it_starts_again(server: Server) -> None:
    (peer,) = connect(server, 1)
    start = Command.StartStream(1, AUDIO, "audio", 111, 80)
    server.engine.submit([start])
    first = peer.receive_rtp()
    server.engine.submit([Command.StopStream(1, AUDIO)])
    sent = server.transport(1).packets_sent
    numbers = [first.sequence_number] + [
        peer.receive_rtp().sequence_number for _ in range(sent - 1)
    ]
    server.engine.submit([start])
    assert peer.receive_rtp().sequence_number == numbers[-1] + 1


def test_a_stream_keeps_its_bitrate(server: Server) -> None:
    connect(server, 1)
    start_video(server)
    eventually(lambda: server.counters["stream_packets"] > 1_000, seconds=60)
    stats = server.transport(1)
    bits = stats.bytes_sent * 8
    # 3 Mbit/s of payload; headers and tags add under 6 %, the first keyframe three frames.
    frames = stats.packets_sent * 1_100 * 8 / 3_000_000
    assert 0.7 < bits / (frames * 3_000_000) < 1.1


def test_counting_goes_on_over_new_keys(server: Server, sink: Server) -> None:
    relay = joined(server, sink, keep_all)
    audio = Command.StartStream(1, AUDIO, "audio", 111, 80, packets_per_second=200)

    def play(wanted: int) -> None:
        server.engine.submit([audio])
        eventually(lambda: server.transport(1).packets_sent >= wanted)
        server.engine.submit([Command.StopStream(1, AUDIO)])
        sent = server.transport(1).packets_sent
        eventually(lambda: sink.transport(1).packets_received == sent)

    play(50)
    new = KEYS[0][::-1], KEYS[1][::-1]
    sink.engine.submit([Command.SetKeys(1, GCM, *new[::-1])])
    server.engine.submit([Command.SetKeys(1, GCM, *new)])
    play(100)
    relay.stop()
    source = seen(sink, AUDIO)
    assert source is not None
    assert (source.lost, source.reordered) == (0, 0)
    assert source.packets == server.transport(1).packets_sent >= 100
