"""What bridges and Jicofo answer is bounded in size and time: one sick server holds nobody up."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from octofleet.core.observation import Timestamp
from octofleet.shell import rest
from octofleet.shell.bridges import BridgeAddress, BridgeClient
from octofleet.shell.errors import Unreachable
from octofleet.shell.jicofo import JicofoClient

BRIDGE = BridgeAddress("http://bridge", "token")


class Endless(httpx.AsyncByteStream):
    """A body that never ends."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self.pause)
            self.sent += 2**16
            yield b" " * 2**16


def client(body: Endless) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    )


async def test_bridge_that_answers_without_end_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("octofleet.shell.bridges.ANSWER_LIMIT_BYTES", 2**18)
    body = Endless(pause=0)
    with pytest.raises(Unreachable, match="too large"):
        await BridgeClient(client(body)).stats(BRIDGE)
    assert body.sent <= 2**18 + 2**16, "no more is read than is allowed"


async def test_jicofo_that_answers_without_end_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("octofleet.shell.jicofo.ANSWER_LIMIT_BYTES", 2**18)
    body = Endless(pause=0)
    with pytest.raises(Unreachable, match="too large"):
        await JicofoClient(client(body)).view("http://jicofo", Timestamp(0.0))
    assert body.sent <= 2**18 + 2**16


async def test_answer_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece comes in time, and the whole never does."""
    monkeypatch.setattr("octofleet.shell.bridges.WHOLE_SECONDS", 0.3)
    async with asyncio.timeout(10):
        with pytest.raises(Unreachable, match=r"0\.3 s"):
            await BridgeClient(client(Endless(pause=0.05))).stats(BRIDGE)


async def test_refusal_says_what_was_asked_and_never_the_token() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(401))
    with pytest.raises(Unreachable) as found:
        await BridgeClient(httpx.AsyncClient(transport=transport)).stats(BRIDGE)
    assert "401" in str(found.value)
    assert "http://bridge/colibri/stats" in str(found.value)
    assert "token" not in str(found.value).lower()


async def test_whole_answer_is_returned() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="whole"))
    request = httpx.Request("GET", "http://any")
    limits = rest.Limits(100, 5.0, httpx.Timeout(1.0))
    async with httpx.AsyncClient(transport=transport) as http:
        assert await rest.answer(http, request, limits, "it") == b"whole"
