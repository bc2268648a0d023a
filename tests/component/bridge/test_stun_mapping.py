"""The public address learned from a STUN server, and from nobody else."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from octobridge.core.candidates import Mapping
from octobridge.shell.media import MediaEngine
from octobridge.shell.stun_mapping import discover
from octoengine import stun

COOKIE = 0x2112A442


class StunServer(asyncio.DatagramProtocol):
    """Says that everybody is 203.0.113.9, port 4444; not before the `skip`th question."""

    def __init__(self, skip: int = 0) -> None:
        self.asked = 0
        self._skip = skip
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        message = stun.parse(data)
        if message is None or self.asked <= self._skip or self._transport is None:
            return
        forged = stun.binding_response(b"n" * 12, ("198.51.100.1", 1), "p" * 22)
        answer = stun.binding_response(message.transaction_id, ("203.0.113.9", 4444), "p" * 22)
        error = stun.binding_error(message.transaction_id, 500, "No", "p" * 22)
        for datagram in (b"\x00", struct.pack("!HHI", 0x0101, 4, COOKIE), forged, error, answer):
            self._transport.sendto(datagram, addr)


@pytest.fixture
async def media() -> AsyncGenerator[MediaEngine]:
    engine = MediaEngine()
    engine.open(["127.0.0.1"], 0)
    yield engine
    engine.close()


async def serve(server: StunServer) -> tuple[asyncio.DatagramTransport, int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    return transport, int(transport.get_extra_info("sockname")[1])


async def test_mapping_is_what_the_server_saw(media: MediaEngine) -> None:
    transport, port = await serve(StunServer())
    try:
        assert await discover(media, [("localhost", port)]) == (Mapping("203.0.113.9", 4444),)
    finally:
        transport.close()


async def test_lost_question_is_asked_again(media: MediaEngine) -> None:
    server = StunServer(skip=1)
    transport, port = await serve(server)
    try:
        assert await discover(media, [("127.0.0.1", port)]) == (Mapping("203.0.113.9", 4444),)
        assert server.asked >= 2
    finally:
        transport.close()


async def test_silent_and_unknown_servers_cost_nothing_but_time(
    media: MediaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octobridge.shell.stun_mapping.SEND_AT", (0.0, 0.05))
    monkeypatch.setattr("octobridge.shell.stun_mapping.GIVE_UP_AFTER", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = int(silent.getsockname()[1])
        assert await discover(media, [("127.0.0.1", port), ("no.such.invalid", 3478)]) == ()
