"""Whatever a peer puts into SCTP packets: nothing is raised, and what is kept stays bounded."""

import asyncio
import struct
from typing import Any, cast

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octoengine import dtls, sctp
from octoengine.sctp_packets import is_safe

KINDS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192, 255])
"""The chunk types aiortc knows, and some that nobody does."""


def chunk(kind: int, flags: int, body: bytes, lie: int) -> bytes:
    """A chunk whose length may be wrong by `lie`."""
    length = max(0, min(0xFFFF, 4 + len(body) + lie))
    return struct.pack("!BBH", kind, flags, length) + body + bytes(-len(body) % 4)


def data_chunk(tsn: int, stream: int, flags: int, kind: int, body: bytes) -> bytes:
    head = struct.pack("!IHHI", tsn, stream, 0, kind)
    return chunk(0, flags, head + body, 0)


CHUNK = st.builds(
    chunk,
    KINDS,
    st.integers(0, 255),
    st.binary(max_size=64),
    st.sampled_from([0, 0, 0, 0, -4, -1, 1, 4, 1000]),
)
DATA = st.builds(
    data_chunk,
    st.integers(0, 40) | st.integers(0, 2**32 - 1),
    st.integers(0, 3) | st.integers(0, 65535),
    st.integers(0, 7),
    st.sampled_from([50, 51, 53, 56, 57, 99]),
    st.binary(max_size=40) | st.just(b"\x03" + bytes(11)),
)


def packet(tag: int, chunks: list[bytes]) -> bytes:
    header = struct.pack("!HHI", 5000, 5000, tag)
    body = b"".join(chunks)
    checksum = struct.pack("<I", cast(Any, google_crc32c).value(header + bytes(4) + body))
    return header + checksum + body


class Peer:
    """An association in front of somebody who says anything."""

    def __init__(self) -> None:
        own = dtls.fingerprint(dtls.process_certificate())
        end = dtls.Dtls("server", [own], lambda _: None, lambda _: None)
        self.association = sctp.Association(end)

    async def begin(self) -> None:
        await self.association.begin()
        self.tag: int = self.association._local_verification_tag  # pyright: ignore[reportPrivateUsage]

    async def say(self, data: bytes) -> None:
        await self.association._handle_data(data)  # pyright: ignore[reportPrivateUsage]

    async def establish(self) -> None:
        """Go as far as an honest peer does: INIT-ACK, COOKIE-ACK."""
        init_ack = struct.pack("!IIHHI", 7, 100_000, 8, 8, 1) + struct.pack("!HHI", 7, 8, 0)
        await self.say(packet(self.tag, [chunk(2, 0, init_ack, 0)]))
        await self.say(packet(self.tag, [chunk(11, 0, b"", 0)]))

    def is_bounded(self) -> bool:
        inside = vars(self.association)
        return (
            len(inside["_inbound_streams"]) <= sctp.MAX_STREAMS_HEARD + 64
            and len(inside["_sack_misordered"]) <= sctp.MAX_GAPS + 64
            and len(inside["_data_channels"]) <= sctp.MAX_CHANNELS + 64
        )


def converse(packets: list[tuple[bool, list[bytes]]], *, established: bool) -> None:
    async def talk() -> None:
        peer = Peer()
        await peer.begin()
        if established:
            await peer.establish()
            assert peer.association.state == "connected"
        for is_tagged, chunks in packets:
            await peer.say(packet(peer.tag if is_tagged else 0, chunks))
            assert peer.is_bounded()
        await asyncio.sleep(0)
        await peer.association.stop()

    asyncio.run(talk())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.lists(CHUNK | DATA, max_size=4)), max_size=8),
    st.booleans(),
)
def test_any_chunks_raise_nothing(packets: list[tuple[bool, list[bytes]]], up: bool) -> None:
    converse(packets, established=up)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_raise_nothing(datagrams: list[bytes]) -> None:
    async def talk() -> None:
        peer = Peer()
        await peer.begin()
        for data in datagrams:
            await peer.say(data)
        await peer.association.stop()

    asyncio.run(talk())


@pytest.mark.parametrize("kind", [1, 2, 4, 5, 6, 9, 130])
@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_parameter_shorter_than_its_head_is_refused(kind: int, length: int) -> None:
    # aiortc would read it for ever.
    body = bytes(16 if kind in (1, 2) else 0) + struct.pack("!HH", 7, length)
    assert not is_safe(packet(1, [chunk(kind, 0, body, 0)]))
    assert not is_safe(packet(1, [chunk(11, 0, b"", 0), chunk(kind, 0, body, 0)]))
    sound = body[:-2] + struct.pack("!H", 4)
    assert is_safe(packet(1, [chunk(kind, 0, sound, 0)]))


@pytest.mark.parametrize(
    ("gaps", "is_sound"),
    [
        ([], True),
        ([(2, 2)], True),
        ([(2, 5), (7, 4_096)], True),
        ([(2, 4_097)], False),
        ([(5, 2)], False),
        ([(0, 2)], False),
        ([(2, 5), (5, 9)], False),
        ([(1, 4_000)] * 250, False),
    ],
)
def test_gaps_that_nobody_can_have_seen_are_refused(
    gaps: list[tuple[int, int]], is_sound: bool
) -> None:
    body = struct.pack("!IIHH", 1, 1, len(gaps), 0)
    body += b"".join(struct.pack("!HH", *gap) for gap in gaps)
    assert is_safe(packet(1, [chunk(3, 0, body, 0)])) is is_sound
    assert not is_safe(packet(1, [chunk(3, 0, struct.pack("!IIHH", 1, 1, 9, 0), 0)]))


async def test_a_peer_that_costs_too_much_is_dropped_until_it_has_rested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = Peer()
    await peer.begin()
    await peer.establish()
    cpu, clock = 0.0, 100.0
    monkeypatch.setattr(sctp.time, "thread_time", lambda: cpu)
    monkeypatch.setattr(sctp.time, "monotonic", lambda: clock)
    peer.association._worked_at = clock  # pyright: ignore[reportPrivateUsage]
    handle = peer.association._receive_chunk  # pyright: ignore[reportPrivateUsage]

    async def dear(chunk: Any) -> None:
        nonlocal cpu
        cpu += 0.05
        await handle(chunk)

    monkeypatch.setattr(peer.association, "_receive_chunk", dear)
    heartbeat = packet(peer.tag, [chunk(4, 0, b"", 0)])
    for _ in range(30):
        await peer.say(heartbeat)
    assert 15 <= peer.association.dropped["too_much_work"] <= 21
    clock += 1.0
    before = peer.association.dropped["too_much_work"]
    for _ in range(30):
        await peer.say(heartbeat)
    # A second earns a tenth of one: two or three more.
    assert 27 <= peer.association.dropped["too_much_work"] - before <= 28
    assert peer.association.state == "connected"


async def test_fragments_without_end_end_the_association() -> None:
    peer = Peer()
    await peer.begin()
    await peer.establish()
    for first in range(1, 6_000, 50):
        flags = 2 if first == 1 else 0
        chunks = [data_chunk(tsn, 0, flags, 51, b"x") for tsn in range(first, first + 50)]
        await peer.say(packet(peer.tag, chunks))
    assert peer.association.dropped["overfull"] == 1


async def test_gaps_without_end_end_the_association() -> None:
    peer = Peer()
    await peer.begin()
    await peer.establish()
    for first in range(3, 8_000, 50):
        chunks = [data_chunk(tsn, 0, 3, 51, b"x") for tsn in range(first, first + 50, 2)]
        await peer.say(packet(peer.tag, chunks))
    assert peer.association.dropped["overfull"] == 1
    assert peer.association.state == "closed"


async def test_streams_without_end_end_the_association() -> None:
    peer = Peer()
    await peer.begin()
    await peer.establish()
    for number in range(600):
        await peer.say(packet(peer.tag, [data_chunk(1 + number, number, 3, 53, b"x")]))
    assert peer.association.dropped["overfull"] == 1
    assert len(vars(peer.association)["_inbound_streams"]) <= sctp.MAX_STREAMS_HEARD + 1
