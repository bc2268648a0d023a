"""The command line, run as people run it."""

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest

if TYPE_CHECKING:
    from tests.integration.load.conftest import Focus


async def run(*arguments: str, seconds: float = 60) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "octoload",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, out.decode(), err.decode()


async def test_join_ends_in_a_report_and_a_line(focus: "Focus") -> None:
    code, out, err = await run(
        "join",
        *("--focus", focus.url),
        *("--conference", "standup"),
        *("--participants", "3"),
        *("--seconds", "8"),
        "--json",
    )
    assert code == 0, err
    text, _, line = out.rstrip().rpartition("\n")
    report = json.loads(text)
    assert report["total"]["admitted"] == 3
    assert report["total"]["packets_received"] > 50
    assert line.startswith("load: participants=3 admitted=3 dropped=0 moved=0")
    assert focus.members == {}


async def test_join_fails_when_nobody_gets_in() -> None:
    code, out, _ = await run(
        *("join", "--focus", "ws://127.0.0.1:9/signal", "--conference", "x", "--seconds", "0.5")
    )
    assert code == 1
    assert "admitted=0" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["join", "--focus", "ws://127.0.0.1:9/", "--conference", "a b"], "name"),
        (["join", "--focus", "nonsense", "--conference", "a"], "--focus"),
        (["serve", "--focus", "ws://127.0.0.1:9/", "--listen", "port"], "--listen"),
        (["serve", "--focus", "ws://127.0.0.1:9/", "--address", "192.0.2.1"], "--address"),
        (["serve", "--focus", "ws://127.0.0.1:9/", "--listen", "192.0.2.1:80"], "--listen"),
    ],
)
async def test_a_bad_argument_is_named(arguments: list[str], named: str) -> None:
    code, _, err = await run(*arguments)
    assert code == 1
    assert named in err
    assert "Traceback" not in err


async def test_serve_has_everyone_leave_on_sigterm(focus: "Focus", unused_tcp_port: int) -> None:
    listen = f"127.0.0.1:{unused_tcp_port}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "octoload", "serve"), *("--focus", focus.url, "--listen", listen)
    )
    async with aiohttp.ClientSession(f"http://{listen}") as http:
        for _ in range(1_200):
            try:
                async with http.get("/healthz") as response:
                    assert response.status == 200
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        body = {"name": "a", "participants": 2, "video": False}
        async with http.post("/calls", json=body) as response:
            assert response.status == 200
    for _ in range(900):
        if len(focus.members) == 2:
            break
        await asyncio.sleep(0.05)
    assert len(focus.members) == 2
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert focus.members == {}
