"""The sidecar as it runs in a pod: a process of its own before a real bridge on loopback."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.integration.bridge.running import TOKEN, RunningBridge, running
from tests.integration.prosody import free_port

pytestmark = pytest.mark.slow

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def sidecar(upstream: str, token: str = TOKEN) -> AsyncGenerator[tuple[str, list[str]]]:
    """The base URL of a sidecar process before `upstream`, and what it has logged at the end."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "octobridge.sidecar"),
        env={
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "OCTOBRIDGE_REST_ADDRESS": "127.0.0.1",
            "OCTOBRIDGE_REST_PORT": str(port),
            "OCTOBRIDGE_REST_TOKEN": token,
            "OCTOBRIDGE_SIDECAR_UPSTREAM": upstream,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    lines: list[str] = []
    base = f"http://127.0.0.1:{port}"
    try:
        await _until_it_listens(base)
        yield base, lines
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        lines += output.decode().splitlines()
    assert process.returncode == 0, lines


async def _until_it_listens(base: str) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{base}/about/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


def _upstream(bridge: RunningBridge) -> str:
    return bridge.rest.removeprefix("http://")


async def test_a_real_bridge_is_read_drained_and_ended_through_it() -> None:
    # Without a token of its own the bridge lets only its own machine in, as the stock one would.
    async with running(None, OCTOBRIDGE_REST_TOKEN="", OCTOBRIDGE_SHUTDOWN_DELAY="1s") as bridge:
        async with sidecar(_upstream(bridge)) as (base, lines):
            async with aiohttp.ClientSession(headers=AUTHORIZED) as session:
                async with session.get(f"{base}/colibri/stats") as answer:
                    assert (await answer.json())["drain"] is False
                async with session.post(f"{base}/colibri/drain/enable") as answer:
                    assert answer.status == 200
                async with session.get(f"{base}/colibri/drain") as answer:
                    assert await answer.json() == {"drain": True}
                order = {"graceful-shutdown": True}
                async with session.post(f"{base}/colibri/shutdown", json=order) as answer:
                    assert answer.status == 200
            assert await bridge.exit_status() == 0
        assert not any(TOKEN in line for line in lines)


async def test_nobody_without_the_token_drains_a_bridge_through_it() -> None:
    async with (
        running(None, OCTOBRIDGE_REST_TOKEN="") as bridge,
        sidecar(_upstream(bridge)) as (base, lines),
    ):
        wrong = {"Authorization": "Bearer not-the-one"}
        async with aiohttp.ClientSession(headers=wrong) as session:
            async with session.post(f"{base}/colibri/drain/enable") as answer:
                assert answer.status == 401
            async with session.get(f"{base}/about/health") as answer:
                assert answer.status == 200
        assert await bridge.get("/colibri/drain", token=None) == (200, '{"drain": false}')
    assert not any("not-the-one" in line for line in lines)
    assert any("Refused" in line for line in lines)
