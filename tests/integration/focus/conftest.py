"""A focus in this process, and scripted bridges and participants around it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from tests.integration.focus.scripted_bridge import ScriptedBridge
from tests.integration.prosody import Prosody

from octoload import signalling
from octoload.focus.app import Running, running
from octoload.focus.settings import FocusSettings

PRINT = ":".join(["CD"] * 32)
CLIENT = signalling.TransportDescription(
    ufrag="abcd", pwd="q" * 24, fingerprint=PRINT, setup="active"
)


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; fail when it doesn't come."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.05)


@dataclass
class Client:
    """One participant by hand."""

    socket: aiohttp.ClientWebSocketResponse
    said: list[signalling.FocusMessage] = field(default_factory=list[signalling.FocusMessage])
    reader: "asyncio.Task[None] | None" = None

    async def say(self, message: signalling.ClientMessage) -> None:
        await self.socket.send_str(signalling.build(message))

    async def follow(self) -> None:
        """Answer offers and ping, until the connection ends."""
        number = 0
        while not self.socket.closed:
            try:
                frame = await self.socket.receive(timeout=signalling.PING_SECONDS)
            except TimeoutError:
                number += 1
                await self.say(signalling.Ping(id=number))
                continue
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return
            message = signalling.parse_focus(str(frame.data))
            self.said.append(message)
            if isinstance(message, signalling.Offer):
                await self.say(signalling.Answer(session_id=message.session_id, transport=CLIENT))
                await self.say(signalling.Connected(session_id=message.session_id))

    @property
    def offers(self) -> list[signalling.Offer]:
        return [m for m in self.said if isinstance(m, signalling.Offer)]

    @property
    def bridge(self) -> str | None:
        return self.offers[-1].bridge if self.offers else None


class Lab:
    """Prosody, a focus, bridges, participants."""

    def __init__(self, prosody: Prosody, focus: Running, stack: AsyncExitStack) -> None:
        self.prosody = prosody
        self.focus = focus
        self._stack = stack
        self._http = aiohttp.ClientSession()
        stack.push_async_callback(self._http.close)

    async def bridge(self, nickname: str) -> ScriptedBridge:
        made = ScriptedBridge(self.prosody, nickname)
        await made.start()
        self._stack.push_async_callback(made.stop)
        jid = f"{self.focus.shell.focus.settings.room}/{nickname}"
        await until(lambda: jid in self.focus.shell.focus.bridges)
        return made

    async def client(self, **join: Any) -> Client:
        url = f"http://127.0.0.1:{self.focus.signal_port}/signal"
        client = Client(await self._http.ws_connect(url))
        await client.say(signalling.Join.model_validate({"conference": "call", **join}))
        client.reader = asyncio.create_task(client.follow())
        self._stack.push_async_callback(client.socket.close)
        return client

    async def get(self, path: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.focus.rest_port}{path}"
        async with self._http.get(url) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if is_json else text


def settings(prosody: Prosody, **more: str) -> FocusSettings:
    environ = {
        **prosody.environ("focus"),
        "OCTOFOCUS_REST_PORT": "0",
        "OCTOFOCUS_SIGNAL_PORT": "0",
        "OCTOFOCUS_SIGNAL_HOST": "127.0.0.1",
        **more,
    }
    # Port 0 lets the system choose, so tests can run side by side.
    return FocusSettings.from_env(environ)


@pytest.fixture
async def lab(prosody: Prosody) -> AsyncGenerator[Lab]:
    async with AsyncExitStack() as stack:
        focus = await stack.enter_async_context(running(settings(prosody)))
        await until(lambda: focus.shell.xmpp.joined)
        yield Lab(prosody, focus, stack)
