"""What a brewery client bears: servers that say nothing or aren't there, faults of our own."""

import asyncio
from xml.etree.ElementTree import Element

import pytest

from octobridge.shell import settings
from octobridge.shell.brewery import Brewery
from octobridge.shell.iq import Answer


async def test_silent_server_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octobridge.shell.brewery.NEGOTIATION_SECONDS", 0.2)
    monkeypatch.setattr("octobridge.shell.brewery.RECONNECT_SECONDS", 0.1)
    monkeypatch.setattr("octobridge.shell.brewery.RETRY_SECONDS", 0.1)
    connections = 0
    enough = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writers.append(writer)
        if connections >= 3:
            enough.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    brewery = Brewery(
        ("127.0.0.1", port),
        settings.read({"JVB_AUTH_PASSWORD": "x"}, "n").xmpp,
        lambda: Element("stats"),
        lambda _payload, _origin: Answer(),
    )
    brewery.start()
    try:
        await asyncio.wait_for(enough.wait(), 30)
        assert not brewery.connected
    finally:
        await brewery.close()
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_server_that_is_not_there_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr("octobridge.shell.brewery.RETRY_SECONDS", 0.1)
    brewery = Brewery(
        ("127.0.0.1", unused_tcp_port),
        settings.read({"JVB_AUTH_PASSWORD": "x"}, "n").xmpp,
        lambda: Element("stats"),
        lambda _payload, _origin: Answer(),
    )
    brewery.start()
    await asyncio.sleep(0.3)
    came = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        came.set()

    server = await asyncio.start_server(take, "127.0.0.1", unused_tcp_port)
    try:
        await asyncio.wait_for(came.wait(), 30)
    finally:
        await brewery.close()
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_fault_in_the_statistics_does_not_end_publishing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0
    enough = asyncio.Event()

    def broken() -> Element:
        nonlocal asked
        asked += 1
        if asked == 3:
            enough.set()
        raise ValueError("no number")

    monkeypatch.setattr("octobridge.shell.brewery.PRESENCE_INTERVAL", 0.01)
    brewery = Brewery(
        ("127.0.0.1", 9),
        settings.read({"JVB_AUTH_PASSWORD": "x"}, "n").xmpp,
        broken,
        lambda _payload, _origin: Answer(),
    )
    brewery.connected = brewery.joined = True
    brewery.start()
    brewery.publish()
    await asyncio.wait_for(enough.wait(), 30)
    brewery.joined = False
    await brewery.close()
