"""The bridge as its users have it: a process with an environment, an HTTP port and a log."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tests.integration.prosody import Prosody, free_port

TOKEN = "t0ken-of-the-tests"


@dataclass
class RunningBridge:
    """One bridge process."""

    process: asyncio.subprocess.Process
    rest: str
    environ: dict[str, str]
    lines: list[str] = field(default_factory=list[str])
    reader: "asyncio.Task[None] | None" = None

    @property
    def nickname(self) -> str:
        """Its name in the brewery."""
        return self.environ["JVB_MUC_NICKNAME"]

    @property
    def udp_port(self) -> int:
        """Its media port."""
        return int(self.environ["JVB_PORT"])

    async def get(self, path: str, *, token: str | None = TOKEN) -> tuple[int, str]:
        """GET a route: status and text."""
        return await self._ask("GET", path, None, token)

    async def post(self, path: str, body: Any = None, *, token: str | None = TOKEN) -> int:
        """POST to a route: status."""
        return (await self._ask("POST", path, body, token))[0]

    async def stats(self) -> dict[str, Any]:
        """What /colibri/stats says."""
        status, text = await self.get("/colibri/stats")
        assert status == 200, text
        return json.loads(text)

    async def _ask(self, method: str, path: str, body: Any, token: str | None) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.request(method, self.rest + path, json=body, headers=headers) as response,
        ):
            return response.status, await response.text()

    def events(self) -> list[str]:
        """The messages it logged."""
        return [json.loads(line)["event"] for line in self.lines if line.startswith("{")]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def exit_status(self, seconds: float = 60.0) -> int:
        """Wait for its end."""
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def follow(self) -> None:
        """Collect its log until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode())


def free_udp_port() -> int:
    """A UDP port of loopback that nobody uses now."""
    return free_port(socket.SOCK_DGRAM)


def environment(prosody: Prosody | None, nickname: str, **more: str) -> dict[str, str]:
    """The variables of a bridge on loopback."""
    brewery = {"JVB_DISABLE_XMPP": "1"} if prosody is None else prosody.environ("jvb")
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        **brewery,
        "JVB_MUC_NICKNAME": nickname,
        "JVB_PORT": str(free_udp_port()),
        "OCTOBRIDGE_BIND_ADDRESSES": "127.0.0.1",
        "OCTOBRIDGE_REST_ADDRESS": "127.0.0.1",
        "OCTOBRIDGE_REST_PORT": str(free_port()),
        "OCTOBRIDGE_REST_TOKEN": TOKEN,
        "COLIBRI_REST_ENABLED": "1",
        "SHUTDOWN_REST_ENABLED": "1",
        **more,
    }


async def spawn(environ: dict[str, str]) -> RunningBridge:
    """Start a process; it may not be ready yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "octobridge",
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    bridge = RunningBridge(
        process,
        f"http://127.0.0.1:{environ['OCTOBRIDGE_REST_PORT']}",
        environ,
    )
    bridge.reader = asyncio.create_task(bridge.follow())
    return bridge


@asynccontextmanager
async def running(
    prosody: Prosody | None, nickname: str = "jvb-1", **more: str
) -> AsyncGenerator[RunningBridge]:
    """A bridge that is healthy; killed at the end if it is still there."""
    async with running_in(environment(prosody, nickname, **more)) as bridge:
        yield bridge


@asynccontextmanager
async def running_in(environ: dict[str, str]) -> AsyncGenerator[RunningBridge]:
    """The same, with these variables."""
    bridge = await spawn(environ)
    try:
        await until_healthy(bridge)
        yield bridge
    finally:
        if bridge.process.returncode is None:
            bridge.process.kill()
            await bridge.process.wait()
        if bridge.reader is not None:
            await bridge.reader


async def until_healthy(bridge: RunningBridge) -> None:
    """Wait until it answers its health check; a busy machine takes its time."""
    async with asyncio.timeout(60):
        while True:
            if bridge.process.returncode is not None:
                raise AssertionError("the bridge ended: " + "".join(bridge.lines))
            try:
                if (await bridge.get("/about/health"))[0] == 200:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
