"""Extensions end in the engine: few go on, under the receiver's numbers, and some are stamped."""

import pytest
from aiortc.rtp import HeaderExtensionsMap, RtcpRtpfbPacket, RtpPacket
from tests.unit.engine.peers import Peer, Server, connect, eventually
from tests.unit.engine.video import RTX, Encoder, extensions, watching

from octoengine import Command, Event

AUDIO = 9
SENDER, SENDERS = extensions(audio_level=1, abs_send_time=3, transport_sequence_number=5, mid=4)
RECEIVER, RECEIVERS = extensions(
    audio_level=7, abs_send_time=2, transport_sequence_number=6, mid=10
)
WIDE, WIDES = extensions(audio_level=200, transport_sequence_number=17, mid=30)


def speech(sequence: int, level: int) -> RtpPacket:
    packet = RtpPacket(
        payload_type=111, sequence_number=sequence, timestamp=960 * sequence, ssrc=AUDIO
    )
    packet.payload = b"speech"
    packet.extensions.audio_level = (False, level)
    packet.extensions.mid = "theirs"
    packet.extensions.abs_send_time = 1
    packet.extensions.transport_sequence_number = 9
    return packet


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    alice, bob = connect(server, 2)
    server.engine.submit(
        [
            Command.SetExtensions(1, SENDERS),
            Command.SetExtensions(2, RECEIVERS),
            Command.AddSource(1, AUDIO, "audio"),
            Command.Subscribe(2, 1, AUDIO, 77, 0, "a0"),
        ]
    )
    return alice, bob


@pytest.mark.parametrize(("known", "named"), [(RECEIVER, RECEIVERS), (WIDE, WIDES)])
def test_the_receivers_numbers_and_our_stamps(
    server: Server,
    pair: tuple[Peer, Peer],
    known: HeaderExtensionsMap,
    named: list[tuple[int, str]],
) -> None:
    alice, bob = pair
    server.engine.submit([Command.SetExtensions(2, named)])
    numbers: list[int] = []
    for sequence in range(3):
        alice.send_packet(speech(sequence, 30), SENDER)
        packet = bob.receive_rtp(known)
        assert packet.payload == b"speech"
        assert packet.extensions.audio_level == (False, 30)
        assert packet.extensions.mid == "a0"
        assert packet.extensions.transport_sequence_number is not None
        numbers.append(packet.extensions.transport_sequence_number)
        assert packet.extensions.abs_send_time != 1
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def test_a_receiver_that_negotiated_none_gets_none(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    server.engine.submit([Command.SetExtensions(2, [])])
    alice.send_packet(speech(1, 30), SENDER)
    packet = bob.receive_rtp()
    assert packet.serialize()[0] == 0x80
    assert packet.payload == b"speech"


def test_repairs_carry_the_mid_and_a_number_of_their_own(server: Server) -> None:
    alice, bob = connect(server, 2)
    watching(server, alice)
    server.engine.submit(
        [
            Command.SetPayloadTypes(2, [(100, "VP8", -1), (RTX, "RTX", 100)]),
            Command.SetExtensions(2, RECEIVERS),
            Command.Subscribe(2, 1, 1_001, 77, 78, "v3"),
        ]
    )
    Encoder(alice, 0).send(0, key=True)
    media = bob.receive_rtp(RECEIVER)
    bob.send_rtcp(RtcpRtpfbPacket(fmt=1, ssrc=5, media_ssrc=77, lost=[media.sequence_number]))
    repair = bob.receive_rtp(RECEIVER)
    assert (media.extensions.mid, repair.extensions.mid) == ("v3", "v3")
    first, second = (packet.extensions.transport_sequence_number for packet in (media, repair))
    assert first is not None
    assert second == first + 1


def test_silence_is_dropped_and_leaves_no_gap(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    for sequence in range(200):
        alice.send_packet(speech(sequence, 20 if sequence in {0, 199} else 127), SENDER)
    packets = [bob.receive_rtp(RECEIVER) for _ in range(5)]
    first = packets[0].sequence_number
    assert [packet.sequence_number - first for packet in packets] == [0, 1, 2, 3, 4]
    assert packets[4].timestamp - packets[0].timestamp == 199 * 960
    assert server.source(1, AUDIO).silent_dropped == 195
    assert server.source(1, AUDIO).lost == 0
    assert server.counters["packets_sent"] == 5


def test_levels_are_told_but_of_the_muted(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, _ = pair
    alice.send_packet(speech(1, 30), SENDER)
    alice.send_packet(speech(2, 31), SENDER)
    eventually(lambda: server.counters["packets_received"] == 2)
    server.engine.submit([Command.SetMuted(1, AUDIO, True)])
    alice.send_packet(speech(3, 5), SENDER)
    eventually(lambda: server.source(1, AUDIO).muted_dropped == 1)
    heard: list[tuple[int, int, int]] = []

    def both() -> bool:
        for event in server.engine.poll():
            if isinstance(event, Event.AudioLevels):
                heard.extend(level[:3] for level in event.levels)
        return len(heard) >= 2

    eventually(both)
    assert heard == [(1, AUDIO, 30), (1, AUDIO, 31)]
