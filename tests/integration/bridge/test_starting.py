"""A bridge that can't start says why in one line and ends; one that can ends well without XMPP."""

import asyncio
import signal
import socket
from collections.abc import Callable

import pytest
from tests.integration.bridge.running import environment, running, spawn

pytestmark = pytest.mark.slow


async def outcome(environ: dict[str, str]) -> tuple[int, list[str]]:
    bridge = await spawn(environ)
    status = await bridge.exit_status()
    assert bridge.reader is not None
    await bridge.reader
    return status, [line for line in bridge.lines if line.startswith("octobridge: ")]


async def test_bad_setting_is_status_two_and_one_line() -> None:
    status, lines = await outcome(environment(None, "n", JVB_PORT="many"))
    assert status == 2
    assert len(lines) == 1
    assert "JVB_PORT" in lines[0]


async def test_missing_password_is_status_two() -> None:
    environ = environment(None, "n")
    del environ["JVB_DISABLE_XMPP"]
    status, lines = await outcome(environ)
    assert status == 2
    assert "JVB_AUTH_PASSWORD" in lines[0]


def take_udp(environ: dict[str, str]) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", int(environ["JVB_PORT"])))
    return taken


def take_tcp(environ: dict[str, str]) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.bind(("127.0.0.1", int(environ["OCTOBRIDGE_REST_PORT"])))
    taken.listen()
    return taken


@pytest.mark.parametrize(
    ("take", "variable"), [(take_udp, "JVB_PORT"), (take_tcp, "OCTOBRIDGE_REST_PORT")]
)
async def test_taken_port_is_named_with_its_fix(
    take: Callable[[dict[str, str]], socket.socket], variable: str
) -> None:
    environ = environment(None, "n")
    with take(environ):
        status, lines = await outcome(environ)
    assert status == 1
    assert len(lines) == 1
    assert environ[variable] in lines[0]
    assert variable in lines[0]


async def test_address_that_is_not_ours_is_named() -> None:
    status, lines = await outcome(environment(None, "n", OCTOBRIDGE_BIND_ADDRESSES="192.0.2.1"))
    assert status == 1
    assert "192.0.2.1" in lines[0]


async def test_bridge_without_xmpp_lives_and_ends_on_a_signal() -> None:
    async with running(None) as bridge:
        stats = await bridge.stats()
        assert stats["muc_clients_configured"] == 0
        bridge.signal(signal.SIGTERM)
        assert await bridge.exit_status() == 0


async def test_address_required_but_not_there_is_unhealthy() -> None:
    bridge = await spawn(environment(None, "n", JVB_REQUIRE_VALID_ADDRESS="1"))
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    status, text = await bridge.get("/about/health")
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        assert status == 500
        assert "address" in text
        assert (await bridge.stats())["healthy"] is False
    finally:
        bridge.signal(signal.SIGTERM)
        assert await bridge.exit_status() == 0
        assert bridge.reader is not None
        await bridge.reader
