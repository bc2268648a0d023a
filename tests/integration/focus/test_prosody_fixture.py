"""The Prosody that other tests stand on lets our accounts in, and nobody else."""

import asyncio
import signal
import ssl
from typing import Any, cast

import pytest
from slixmpp import ClientXMPP
from tests.integration.prosody import AUTH_DOMAIN, PASSWORDS, Prosody


async def login(prosody: Prosody, user: str, password: str) -> bool:
    client = cast("Any", ClientXMPP(f"{user}@{AUTH_DOMAIN}", password))  # typed only in part
    client.enable_direct_tls = False
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    result: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settle(answer: bool) -> None:
        if not result.done():
            result.set_result(answer)

    def started(_event: object) -> None:
        settle(True)

    def refused(_event: object) -> None:
        settle(False)

    client.add_event_handler("session_start", started)
    client.add_event_handler("failed_all_auth", refused)
    client.connect(prosody.host, prosody.port)
    try:
        return await asyncio.wait_for(result, 30)
    finally:
        await client.disconnect()


@pytest.mark.parametrize("user", PASSWORDS)
async def test_our_accounts_log_in(prosody: Prosody, user: str) -> None:
    assert await login(prosody, user, PASSWORDS[user])


async def test_a_wrong_password_does_not(prosody: Prosody) -> None:
    assert not await login(prosody, "jvb", "guess")


async def test_it_comes_back_on_the_same_port_with_the_same_accounts(prosody: Prosody) -> None:
    port = prosody.port
    await asyncio.to_thread(prosody.stop, signal.SIGKILL)
    await asyncio.to_thread(prosody.start)
    assert prosody.port == port
    assert await login(prosody, "focus", PASSWORDS["focus"])
