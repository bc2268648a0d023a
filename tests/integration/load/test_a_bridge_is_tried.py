"""`octoload try`: a short call on one bridge says whether it carries media both ways."""

import asyncio

import pytest
from tests.integration.bridge.running import RunningBridge, running
from tests.integration.focus.scripted_bridge import ScriptedBridge
from tests.integration.prosody import Prosody

from octoload.focus.settings import FocusSettings, SettingsError
from octoload.trying import Trial, accounts, try_bridge

pytestmark = pytest.mark.slow


def settings(prosody: Prosody, bridge: str) -> tuple[FocusSettings, ...]:
    return accounts({**prosody.environ("jvb"), **prosody.environ("octofleet")}, bridge)


async def tried(prosody: Prosody, bridge: RunningBridge, seconds: float = 30) -> Trial:
    return await try_bridge(settings(prosody, bridge.nickname), seconds)


async def until_empty(bridge: RunningBridge) -> None:
    for _ in range(150):
        if not (await bridge.stats())["local_endpoints"]:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("people of the trial are on it still")


async def test_bridge_that_starts_drained_is_fit_and_empty_afterwards(prosody: Prosody) -> None:
    async with running(prosody, OCTOBRIDGE_INITIAL_DRAIN="1") as bridge:
        assert await bridge.get("/colibri/drain") == (200, '{"drain": true}')
        found = await tried(prosody, bridge)
        assert found.passed, found.message
        assert "packets" in found.message
        await until_empty(bridge)
        assert await bridge.get("/colibri/drain") == (200, '{"drain": true}')


async def test_bridge_that_answers_and_that_no_media_reaches_is_not(prosody: Prosody) -> None:
    """It is in the brewery, healthy, and gives everyone addresses: where nobody listens."""
    bridge = ScriptedBridge(prosody, "jvb-mute")
    await bridge.start()
    try:
        found = await try_bridge(settings(prosody, "jvb-mute"), 8)
    finally:
        await bridge.stop()
    assert found.passed is False
    assert "0 of 2 could connect" in found.message
    assert any(each.create for request in bridge.requests for each in request.endpoints)


async def test_bridge_that_is_not_in_the_brewery_is_named(prosody: Prosody) -> None:
    found = await try_bridge(settings(prosody, "nowhere"), 4)
    assert found.passed is None
    assert "nowhere isn't in the brewery" in found.message


async def test_a_server_without_our_account_is_entered_by_that_of_the_bridges(
    prosody: Prosody,
) -> None:
    refused = {**prosody.environ("jvb"), "OCTOFLEET_AUTH_PASSWORD": "not-the-password"}
    async with running(prosody) as bridge:
        found = await try_bridge(accounts(refused, bridge.nickname), 24)
    assert found.passed, found.message


def test_without_any_password_the_variables_are_named() -> None:
    with pytest.raises(SettingsError, match="OCTOFLEET_AUTH_PASSWORD"):
        accounts({}, "jvb-1")
