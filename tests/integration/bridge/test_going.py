"""How a bridge goes: people are waited for, the focus is told, the process ends with status 0."""

import asyncio
import signal

import pytest
from tests.integration.bridge.conversation import Conversation, creation
from tests.integration.bridge.running import running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Colibri2Error, ConferenceModify, Endpoint, Reason

pytestmark = pytest.mark.slow
UNBOUND = {"JVB_CC_TRUST_BWE": "0"}
"""Where everyone must get everything, a busy machine isn't to be taken for a thin line."""


async def test_drain_is_published_at_once_and_taken_back(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        assert await bridge.post("/colibri/drain/enable") == 200
        await focus.until(lambda: drains(focus.stats(bridge.nickname)), 30)
        assert await bridge.get("/colibri/drain") == (200, '{"drain": true}')
        conversation = Conversation(focus, bridge.nickname)
        await conversation.modify(creation("a"))
        assert await bridge.post("/colibri/drain/disable") == 200
        await focus.until(lambda: not drains(focus.stats(bridge.nickname)), 30)
        assert bridge.process.returncode is None


async def test_idle_bridge_ends_at_once_and_says_goodbye(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        assert await bridge.post("/colibri/shutdown", {"graceful-shutdown": True}) == 200
        assert await bridge.exit_status() == 0
        await focus.until_gone(bridge.nickname)
        last_words = focus.presences[bridge.nickname][-2][1]
        assert last_words is not None
        assert (last_words.graceful_shutdown, last_words.shutting_down) == (True, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
async def test_every_signal_to_end_is_an_orderly_end(number: signal.Signals) -> None:
    async with running(None) as bridge:
        bridge.signal(number)
        assert await bridge.exit_status() == 0


async def test_terminated_bridge_waits_for_its_people(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody, **UNBOUND) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a")
            await conversation.join("b")
            bridge.signal(signal.SIGTERM)
            await focus.until(lambda: drains(focus.stats(bridge.nickname)), 30)
            stats = focus.stats(bridge.nickname)
            assert stats is not None
            assert (stats.graceful_shutdown, stats.shutting_down) == (True, False)
            bridge.signal(signal.SIGTERM)
            await conversation.flows()

            other = ConferenceModify("other", name="x@y", create=True, endpoints=(creation("z"),))
            refused = await focus.modify(bridge.nickname, other)
            assert isinstance(refused, Colibri2Error)
            assert refused.reason is Reason.GRACEFUL_SHUTDOWN

            await conversation.join("c")
            await conversation.flows()
            await conversation.modify(Endpoint("a", expire=True), Endpoint("b", expire=True))
            await asyncio.sleep(1.5)
            assert bridge.process.returncode is None
            await conversation.modify(Endpoint("c", expire=True))
            assert await bridge.exit_status() == 0
        finally:
            await conversation.hang_up()


async def test_at_the_deadline_the_focus_is_told_and_given_time(prosody: Prosody) -> None:
    async with (
        focus_in(prosody) as focus,
        running(
            prosody, OCTOBRIDGE_DRAIN_DEADLINE="1s", OCTOBRIDGE_SHUTDOWN_DELAY="15s", **UNBOUND
        ) as bridge,
    ):
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a")
            await conversation.join("b")
            bridge.signal(signal.SIGINT)
            await focus.until(lambda: shuts_down(focus.stats(bridge.nickname)), 30)
            await conversation.flows()
            assert await bridge.exit_status() == 0
        finally:
            await conversation.hang_up()


async def test_quit_skips_the_waiting_but_not_the_telling(prosody: Prosody) -> None:
    async with (
        focus_in(prosody) as focus,
        running(prosody, OCTOBRIDGE_SHUTDOWN_DELAY="120s") as bridge,
    ):
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        await conversation.modify(creation("a"))
        bridge.signal(signal.SIGQUIT)
        await focus.until(lambda: shuts_down(focus.stats(bridge.nickname)), 30)
        assert bridge.process.returncode is None
        await conversation.modify(expire=True)
        assert await bridge.exit_status(60) == 0


def drains(stats: object) -> bool:
    return bool(getattr(stats, "drain", None))


def shuts_down(stats: object) -> bool:
    return bool(getattr(stats, "shutting_down", None))
