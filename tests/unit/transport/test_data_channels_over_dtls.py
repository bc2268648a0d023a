"""aiortc's SCTP over the adapter, as a bridge uses it for its message channel."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

import google_crc32c
import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters

from octoengine import dtls
from octoengine.sctp import Association


@pytest.fixture
async def ends() -> AsyncIterator[tuple[dtls.Dtls, dtls.Dtls]]:
    own = dtls.fingerprint(dtls.process_certificate())
    made: list[dtls.Dtls] = []

    def sender(receiver: int) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            asyncio.get_running_loop().call_soon(made[receiver].receive, data)

        return send

    made.append(dtls.Dtls("client", [own], sender(1), lambda _: None))
    made.append(dtls.Dtls("server", [own], sender(0), lambda _: None))
    await asyncio.gather(*(end.handshake() for end in made))
    yield made[0], made[1]
    for end in made:
        await end.close()


@contextlib.asynccontextmanager
async def associations(
    ends: tuple[dtls.Dtls, dtls.Dtls],
) -> AsyncGenerator[tuple[Association, Association]]:
    first, second = (Association(end) for end in ends)
    yield first, second
    for association in (first, second):
        await association.stop()


def said(channel: RTCDataChannel, got: "asyncio.Queue[Any]") -> None:
    def take(message: Any) -> None:
        got.put_nowait(message)

    channel.on("message", take)  # pyright: ignore[reportUnknownMemberType]


async def test_messages_go_both_ways(ends: tuple[dtls.Dtls, dtls.Dtls]) -> None:
    async with associations(ends) as (client, server):
        at_client: asyncio.Queue[Any] = asyncio.Queue()
        at_server: asyncio.Queue[Any] = asyncio.Queue()

        def opened(channel: RTCDataChannel) -> None:
            said(channel, at_server)
            channel.send("hello")

        server.on("datachannel", opened)  # pyright: ignore[reportUnknownMemberType]
        await asyncio.gather(client.begin(), server.begin())
        channel = RTCDataChannel(client, RTCDataChannelParameters(label="JVB", id=0))
        said(channel, at_client)
        channel.on(  # pyright: ignore[reportUnknownMemberType]
            "open", lambda: channel.send("x" * 100_000)
        )
        assert await asyncio.wait_for(at_client.get(), 30) == "hello"
        assert await asyncio.wait_for(at_server.get(), 30) == "x" * 100_000


async def test_sctp_that_breaks_on_input_leaves_dtls_alive(
    ends: tuple[dtls.Dtls, dtls.Dtls],
) -> None:
    client, server = ends
    async with associations(ends) as (_, association):
        await association.begin()

        async def broken(_: object) -> None:
            raise AssertionError("duplicate OPEN")

        # What SCTP raises on some input is aiortc's affair; that it may raise is what counts.
        association._receive_chunk = broken  # pyright: ignore
        association._local_verification_tag = 0  # pyright: ignore
        abort = bytes.fromhex("1388138800000000") + bytes(4) + bytes([6, 0, 0, 4])
        checksum = cast(Any, google_crc32c).value(abort)
        await client.send_application_data(abort[:8] + struct.pack("<I", checksum) + abort[12:])
        await asyncio.sleep(0.05)
        assert association.dropped == {"malformed": 1}
        assert server.state == "connected"
