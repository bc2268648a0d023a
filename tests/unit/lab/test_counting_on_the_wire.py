"""Packets between bridges, read from a wire and followed one by one."""

import socket
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from octodemo.relay_wire import Packet, judge, read

PERSON, A, B, C = "10.99.0.1", "10.99.1.1", "10.99.2.1", "10.99.3.1"
BRIDGES = {A, B, C}


def datagram(rtp: bytes, protocol: int = 17, options: int = 0) -> bytes:
    """An IPv4 packet with UDP from PERSON to A, as far as `read` looks at it."""
    header = bytearray(20 + 4 * options)
    header[0], header[9] = 0x45 + options, protocol
    header[12:16], header[16:20] = socket.inet_aton(PERSON), socket.inet_aton(A)
    return bytes(header) + bytes(8) + rtp


def rtp(sequence: int, ssrc: int, first: int = 0x80, second: int = 100) -> bytes:
    return struct.pack("!BBHII", first, second, sequence, 7, ssrc)


def test_an_rtp_packet_is_known_by_its_ssrc_and_number() -> None:
    assert read(datagram(rtp(65_535, 0xFFFF_FFFF))) == Packet(PERSON, A, 0xFFFF_FFFF, 65_535)
    assert read(datagram(rtp(1, 2, 0x90, 0xE4), options=2)) == Packet(PERSON, A, 2, 1)


def test_what_is_no_rtp_is_left_out() -> None:
    assert read(datagram(rtp(1, 2, second=200))) is None, "RTCP"
    assert read(datagram(rtp(1, 2, first=22))) is None, "DTLS"
    assert read(datagram(rtp(1, 2, first=0))) is None, "STUN"
    assert read(datagram(rtp(1, 2), protocol=6)) is None, "TCP"
    assert read(datagram(rtp(1, 2))[:30]) is None, "too short"


@settings(deadline=None)
@given(st.binary(max_size=128))
def test_anything_on_the_wire_can_be_read(data: bytes) -> None:
    found = read(data)
    assert found is None or 0 <= found.sequence <= 65_535


def sent(sequence: int, to: str = A) -> Packet:
    return Packet(PERSON, to, 1, sequence)


def crossed(sequence: int, to: str, ssrc: int = 1) -> Packet:
    return Packet(A, to, ssrc, sequence)


def test_each_packet_crosses_once_to_each_other_bridge() -> None:
    during = [sent(1), crossed(1, B), crossed(1, C), sent(2), crossed(2, B)]
    found = judge(during, [crossed(2, C)], BRIDGES)
    assert (found.sent, found.due, found.made, found.missing) == (2, 4, 4, 0)
    assert found.copies_per_bridge == 1


def test_a_packet_that_misses_a_bridge_and_one_that_crosses_twice_are_both_told() -> None:
    found = judge([sent(1), crossed(1, B), crossed(1, B)], [], BRIDGES)
    assert (found.due, found.made, found.missing) == (2, 2, 1)


def test_what_was_sent_before_or_after_the_window_does_not_count() -> None:
    found = judge([crossed(0, B), crossed(0, C)], [sent(1), crossed(1, B)], BRIDGES)
    assert (found.sent, found.due, found.made, found.missing) == (0, 0, 0, 0)
    assert found.copies_per_bridge == 0


def test_what_bridges_send_to_people_is_no_crossing_and_repairs_are_told_apart() -> None:
    down = Packet(B, PERSON, 1, 1)
    found = judge([sent(1), crossed(1, B), crossed(1, C), crossed(9, B, ssrc=5), down], [], BRIDGES)
    assert (found.made, found.foreign) == (2, 1)
