"""Nonsense thrown at a live bridge is dropped and counted, and the call goes on."""

import asyncio
import json
import random
import socket
import struct
from collections.abc import Iterator
from typing import Any, cast

import aiohttp
import google_crc32c
import pytest
from tests.integration.bridge.conversation import Conversation
from tests.integration.bridge.running import TOKEN, RunningBridge, running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.prosody import Prosody

from octoengine.stun import binding_request

pytestmark = pytest.mark.slow
COOKIE = 0x2112A442


def datagrams(seed: int) -> Iterator[bytes]:
    """Datagrams of every kind the port takes, each broken in its own way."""
    chance = random.Random(seed)
    for size in (1, 2, 3, 12, 19, 20, 21, 100, 1400):
        yield chance.randbytes(size)
    for first in (0, 1, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255):
        yield bytes([first]) + chance.randbytes(60)
        yield bytes([first])
    for kind in (0x0001, 0x0101, 0x0111, 0x0011, 0x0003):
        body = chance.randbytes(40)
        yield struct.pack("!HHI", kind, len(body), COOKIE) + chance.randbytes(12) + body
        yield struct.pack("!HHI", kind, 0xFFFC, COOKIE) + chance.randbytes(12) + body
        attribute = struct.pack("!HH", 0x0006, 0xFFFF) + b"u" * 20
        yield struct.pack("!HHI", kind, len(attribute), COOKIE) + chance.randbytes(12) + attribute
    yield binding_request(
        chance.randbytes(12), "nobody:here", "p" * 22, {"PRIORITY": 1, "USE-CANDIDATE": None}
    )
    yield b"\x16\xfe\xfd" + bytes(10)
    yield b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"


async def bombard(bridge: RunningBridge, ufrags: list[str], rounds: int) -> int:
    """Send them all, some with real user names; return how many were sent."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.connect(("127.0.0.1", bridge.udp_port))
        for number in range(rounds):
            for data in datagrams(number):
                source.send(data)
                sent += 1
            for ufrag in ufrags:
                forged = binding_request(
                    number.to_bytes(12, "big"), f"{ufrag}:evil", "w" * 22, {"PRIORITY": 1}
                )
                source.send(forged)
                sent += 1
            await asyncio.sleep(0.005)
    return sent


async def test_malformed_datagrams_are_dropped_and_counted(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a")
            await conversation.join("b")
            await conversation.flows()
            view = await debug(bridge)
            assert await bombard(bridge, ["AAAA", "BBBB"], 60) > 1000
            await conversation.flows()
            after = await debug(bridge)
            assert drops(after) > drops(view) + 1000
            await conversation.join("c")
            await conversation.flows()
        finally:
            await conversation.hang_up()


async def test_nonsense_of_a_trusted_client_hurts_nobody(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            evil = await conversation.join("evil", sctp=True)
            await conversation.join("b")
            await conversation.flows()
            view = await debug(bridge)
            for number in range(20):
                for data in datagrams(number):
                    evil.misbehave(data)
                await asyncio.sleep(0.01)
            await conversation.flows()
            assert drops(await debug(bridge)) > drops(view)

            chance = random.Random(1)
            for size in (0, 1, 11, 12, 13, 100, 1200):
                await evil.misbehave_inside(chance.randbytes(size) or b"\x00")
            for packet in broken_sctp():
                await evil.misbehave_inside(packet)
            channel, messages = await evil.open_channel()
            channel.send('{"colibriClass": "ClientHello"}')
            async with asyncio.timeout(30):
                while "ServerHello" not in await messages.get():
                    pass
            evil.ask(channel)
            await conversation.join("c")
            await conversation.flows()
        finally:
            await conversation.hang_up()


def broken_sctp() -> Iterator[bytes]:
    """SCTP packets with a right checksum that aiortc's parser or state machine chokes on."""
    header = struct.pack("!HHI", 5000, 5000, 0)
    init = bytes([1, 0]) + struct.pack("!H", 20) + struct.pack("!IIHHI", 1, 1, 1, 1, 1)
    for chunks in (
        init + init,
        init + bytes([10, 0, 0, 4]),
        bytes([1, 0, 0, 4]),
        bytes([0, 3, 0, 4]),
        bytes([10, 0, 0xFF, 0xFF]),
        bytes([130, 0, 0, 5, 1, 0, 0, 0]),
        bytes([192, 0, 0, 4]),
        bytes([3, 0, 0, 6, 0, 0, 0, 0]),
    ):
        checksum = struct.pack("<I", cast(Any, google_crc32c).value(header + bytes(4) + chunks))
        yield header + checksum + chunks


async def debug(bridge: RunningBridge) -> dict[str, Any]:
    status, text = await bridge.get("/debug")
    assert status == 200
    return json.loads(text)


def drops(view: dict[str, Any]) -> int:
    engine = sum(n for name, n in view["engine"].items() if "dropped" in name)
    return engine + sum(view["dropped"].values())


async def test_nonsense_over_http_is_refused_and_nothing_dies() -> None:
    async with running(None) as bridge:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for body in (b"", b"{", b"[]", b'{"graceful-shutdown": 1}', b"[" * 50_000, b"\xff"):
                async with session.post(bridge.rest + "/colibri/shutdown", data=body) as answer:
                    assert answer.status == 400
            big = b"x" * 200_000
            async with session.post(bridge.rest + "/colibri/shutdown", data=big) as answer:
                assert answer.status == 413
            for path in ("/colibri/nothing", "/debug/../../etc/passwd", "/debug/x/y", "/%00"):
                async with session.get(bridge.rest + path) as answer:
                    assert answer.status == 404
            async with session.post(bridge.rest + "/about/health") as answer:
                assert answer.status == 405
        reader, writer = await asyncio.open_connection("127.0.0.1", int(bridge.rest[-5:]))
        writer.write(b"\x00\x01\x02 not http\r\n\r\n")
        await writer.drain()
        assert b"400" in await reader.read(1000)
        writer.close()
        assert (await bridge.get("/about/health"))[0] == 200
