"""One call through one bridge: a real XMPP server, a real process, real media both ways."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.bridge.caller import Caller, eventually, settled
from tests.integration.bridge.conversation import Conversation, creation
from tests.integration.bridge.running import RunningBridge, running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Endpoint, ForceMute

pytestmark = pytest.mark.slow

NOTHING_YET = '{"colibriClass":"ForwardedSources","forwardedSources":[]}'
"""What a client is told whose channel has just opened."""


async def test_people_hear_and_see_each_other_as_signalled(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await conversation.join("a")
            b = await conversation.join("b")
            await conversation.flows()

            keyframes = b.received(a.video)
            assert keyframes is not None
            b.ask_keyframe(a.video)

            def another_keyframe() -> bool:
                now = b.received(a.video)
                return now is not None and now.keyframes > keyframes.keyframes

            await eventually(another_keyframe, "a keyframe after a PLI", 30)

            await conversation.modify(Endpoint("a", force_mute=ForceMute(audio=True)))
            heard = await settled(lambda: b.packets(a.audio), "audio of the muted")
            seen = b.packets(a.video)
            await eventually(lambda: b.packets(a.video) > seen + 20, "video of the muted")
            assert b.packets(a.audio) == heard

            await conversation.modify(Endpoint("a", force_mute=ForceMute()))
            await eventually(lambda: b.packets(a.audio) > heard + 10, "audio after unmuting")

            await conversation.join("c")
            await conversation.flows()

            await conversation.modify(Endpoint("a", sources=()))
            await settled(lambda: b.packets(a.audio) + b.packets(a.video), "cleared sources")
            still = a.packets(b.audio)
            await eventually(lambda: a.packets(b.audio) > still + 10, "a still listens")
        finally:
            await conversation.hang_up()


async def test_statistics_follow_the_call(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a")
            await conversation.join("b")
            await conversation.flows()
            stats = await told(bridge, carries_two)
            assert stats["participants"] == stats["local_endpoints"] == 2
            assert stats["conferences"] == 1
            assert stats["total_ice_succeeded"] == 2
            assert stats["receive_only_endpoints"] == 0
            assert stats["stress_level"] >= 0

            await conversation.modify(expire=True)
            after = await told(bridge, lambda found: found["total_conferences_completed"] == 1)
            assert after["participants"] == after["conferences"] == 0
            assert after["total_packets_sent"] >= stats["total_packets_sent"]
        finally:
            await conversation.hang_up()


def carries_two(stats: dict[str, Any]) -> bool:
    """Tell whether two people send, and what they send gets through as fast as it should."""
    return (
        stats["endpoints_sending_audio"] == stats["endpoints_sending_video"] == 2
        and stats["packet_rate_download"] > 50
        and stats["bit_rate_upload"] > 100
        and stats["total_packets_sent"] > 100
        and stats["incoming_loss"] < 0.05
    )


async def told(bridge: RunningBridge, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the bridge's statistics once they are as wanted."""
    last: dict[str, Any] = {}
    try:
        async with asyncio.timeout(60):
            while not last or not wanted(last):
                await asyncio.sleep(0.2)
                last = await bridge.stats()
    except TimeoutError as late:
        raise AssertionError(f"not in 60 s; last: {last}") from late
    return last


async def test_client_without_candidates_of_its_own_gets_through(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        caller = await conversation.join("first")
        try:
            late = Caller("late", 7001, 7002)
            conversation.callers.append(late)
            reply = await conversation.modify(creation("late", sctp=True))
            offered = reply.endpoints[0].transport
            assert offered is not None
            late.expect(caller)
            caller.expect(late)
            connecting = asyncio.create_task(late.connect(offered))
            await asyncio.sleep(0.2)
            await conversation.modify(late.answer(candidate=False))
            await connecting
            late.send_media()
            await late.watch()
            await conversation.flows()
        finally:
            await conversation.hang_up()


async def test_message_channel_answers_hello_and_survives_nonsense(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            caller = await conversation.join("a", sctp=True)
            channel, messages = await caller.open_channel()
            for message in ("{", '{"colibriClass": "Nonsense"}', b"\x00\xff"):
                channel.send(message)
            channel.send('{"colibriClass": "ClientHello"}')
            assert await asyncio.wait_for(messages.get(), 30) == NOTHING_YET
            assert await asyncio.wait_for(messages.get(), 30) == '{"colibriClass":"ServerHello"}'
            stats = await bridge.stats()
            # Binary messages aren't looked at.
            assert stats["total_data_channel_messages_received"] == 3
            assert stats["total_data_channel_messages_sent"] == 2
        finally:
            await conversation.hang_up()


async def test_person_invited_again_keeps_their_streams(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await conversation.join("a")
            b = await conversation.join("b")
            await conversation.flows()
            again = Caller("a", a.audio, a.video)
            again.expect(b)
            _, reply, _ = await asyncio.gather(
                conversation.modify(Endpoint("a", expire=True)),
                conversation.modify(creation("a", sctp=True)),
                conversation.modify(again.answer()),
            )
            offered = reply.endpoints[0].transport
            assert offered is not None
            await a.hang_up()
            conversation.callers[0] = again
            await again.connect(offered)
            again.send_media()
            await again.watch()
            await conversation.flows()
        finally:
            await conversation.hang_up()
