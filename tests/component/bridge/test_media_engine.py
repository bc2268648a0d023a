"""The engine's adapter: what can't be bound, refused commands, listeners that fail."""

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest
from tests.integration.bridge.caller import eventually

from octobridge.shell.media import MediaEngine, PortTakenError
from octoengine import Command, Event


@pytest.fixture
async def media() -> AsyncGenerator[MediaEngine]:
    engine = MediaEngine()
    yield engine
    engine.close()


async def test_addresses_that_cannot_be_bound_are_skipped(media: MediaEngine) -> None:
    media.open(["192.0.2.1", "127.0.0.1"], 0)
    assert [s.address.ip for s in media.sockets] == ["127.0.0.1"]


async def test_no_address_at_all_is_an_error_that_names_all(media: MediaEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            media.open(["192.0.2.1", "127.0.0.1"], port)
    assert "192.0.2.1" in str(caught.value)
    assert f"127.0.0.1:{port}" in str(caught.value)


async def test_malformed_command_does_not_take_its_batch_along(media: MediaEngine) -> None:
    media.open(["127.0.0.1"], 0)
    media.submit(
        [
            Command.AddTransport(1, 1),
            Command.SetKeys(1, "SRTP_NONSENSE", b"", b""),
            Command.AddTransport(2, 1),
        ]
    )
    assert media.commands_refused >= 1
    await eventually(lambda: len(media.transport_stats()) == 2, "both transports")


class Failing:
    """A listener with a bug."""

    def __init__(self) -> None:
        self.calls = 0

    def engine_event(self, event: Event) -> None:
        self.calls += 1
        raise RuntimeError("a bug")


async def test_listener_that_fails_is_counted_and_asked_again(media: MediaEngine) -> None:
    media.open(["127.0.0.1"], 0)
    listener = Failing()
    media.listen(listener)
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(3):
            sender.sendto(request, ("127.0.0.1", media.sockets[0].address.port))
            await asyncio.sleep(0.02)
    await eventually(lambda: media.events_failed >= 3, "three failures")
    assert listener.calls == media.events_failed


async def test_closing_twice_and_using_it_afterwards_is_harmless() -> None:
    engine = MediaEngine()
    engine.open(["127.0.0.1"], 0)
    engine.listen(Failing())
    engine.close()
    engine.close()
    engine.submit([Command.AddTransport(1, 1)])
    assert not engine.is_running
