"""The probe that asks the cluster's DNS: what it sends, and that no answer breaks it."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from octolab import dns

NAME = "kubernetes.default.svc.cluster.local"
QUERY = dns.question(NAME)


def reply(*records: tuple[int, bytes], code: int = 0) -> bytes:
    header = struct.pack("!2s6H", QUERY[:2], 0x8400 | code, 1, len(records), 0, 0, 0)[:12]
    body = b"".join(
        struct.pack("!3HIH", 0xC00C, kind, 1, 5, len(data)) + data for kind, data in records
    )
    return header + QUERY[12:] + body


def test_an_address_is_read() -> None:
    assert dns.answer_in(reply((1, socket.inet_aton("10.77.240.1"))), QUERY) == "10.77.240.1"


def test_an_address_behind_an_alias_is_read() -> None:
    records = ((5, b"\x03abc\x00"), (1, socket.inet_aton("10.0.0.7")))
    assert dns.answer_in(reply(*records), QUERY) == "10.0.0.7"


def test_no_address_is_no_answer() -> None:
    assert dns.answer_in(reply(), QUERY) == ""
    assert dns.answer_in(reply(code=3), QUERY) == ""
    assert dns.answer_in(reply((28, bytes(16))), QUERY) == ""


def test_an_answer_to_another_question_is_none() -> None:
    answer = bytearray(reply((1, bytes(4))))
    answer[0] ^= 0xFF
    assert dns.answer_in(bytes(answer), QUERY) == ""


@given(st.binary(max_size=120))
def test_no_answer_breaks_the_probe(noise: bytes) -> None:
    dns.answer_in(noise, QUERY)
    dns.answer_in(reply((1, bytes(4)))[: len(noise)] + noise, QUERY)
