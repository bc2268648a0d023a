"""Who speaks, by real audio levels through a real bridge process."""

import asyncio
import json
from dataclasses import replace

import pytest
from tests.integration.bridge.caller import Caller
from tests.integration.bridge.conversation import MEDIA, Conversation, creation
from tests.integration.bridge.running import RunningBridge, running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.bridge.test_message_channel import Client
from tests.integration.bridge.voice import AUDIO_LEVEL, LEVEL_ID, Voice
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Endpoint, HeaderExtension, MediaSource, Source

pytestmark = pytest.mark.slow

SPEAKS = "DominantSpeakerEndpointChangeEvent"


async def talker(conversation: Conversation, name: str, ssrc: int) -> tuple[Client, Voice]:
    """Let someone join whose audio levels the bridge can read, and who shows a camera."""
    # What the caller's own engine sends as audio isn't signalled: the voice is the test's.
    caller = Caller(name, ssrc + 500, ssrc + 1)
    conversation.callers.append(caller)
    levels = (HeaderExtension(LEVEL_ID, AUDIO_LEVEL),)
    audio = replace(MEDIA[0], header_extensions=levels)
    asked = replace(creation(name, sctp=True), media=(audio, MEDIA[1]))
    offered = (await conversation.modify(asked)).endpoints[0].transport
    assert offered is not None
    sources = (
        MediaSource("audio", f"{name}-a0", (Source(ssrc, f"{name}-a0"),)),
        MediaSource("video", f"{name}-v0", (Source(ssrc + 1, f"{name}-v0"),)),
    )
    await conversation.modify(replace(caller.answer(), sources=sources))
    await caller.connect(offered)
    caller.send_media()
    return Client(*await caller.open_channel()), Voice(caller, ssrc)


async def test_the_floor_goes_to_who_speaks_and_not_to_who_coughs(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a, voice_of_a = await talker(conversation, "a", 1001)
            b, voice_of_b = await talker(conversation, "b", 2001)
            c, voice_of_c = await talker(conversation, "c", 3001)

            await voice_of_a.speak(2.0)
            for each in (a, b, c):
                assert (await each.hears(SPEAKS))["dominantSpeakerEndpoint"] == "a"

            await voice_of_b.speak(3.0)
            told = await c.hears(SPEAKS)
            assert (told["dominantSpeakerEndpoint"], told["previousSpeakers"]) == ("b", ["a"])

            speaking = asyncio.create_task(voice_of_b.speak(3.0))
            await asyncio.sleep(1.0)
            await voice_of_c.speak(0.2, level=5)
            await speaking
            with pytest.raises(TimeoutError):
                await c.hears(SPEAKS, 0.5)
            assert (await bridge.stats())["total_dominant_speaker_changes"] == 2

            await conversation.modify(Endpoint("b", expire=True))
            late, _ = await talker(conversation, "late", 4001)
            told = await late.hears(SPEAKS)
            known = {told["dominantSpeakerEndpoint"], *told["previousSpeakers"]}
            assert "a" in known
            assert "b" not in known
        finally:
            await conversation.hang_up()


async def keyframes_asked(bridge: RunningBridge) -> int:
    """How many keyframes the bridge has asked senders for."""
    status, text = await bridge.get("/debug")
    assert status == 200
    return json.loads(text)["engine"]["keyframes_asked"]


async def settled_requests(bridge: RunningBridge) -> int:
    """The same, once the receivers have what they asked for."""
    asked = await keyframes_asked(bridge)
    while True:
        await asyncio.sleep(0.8)
        now = await keyframes_asked(bridge)
        if now == asked:
            return now
        asked = now


async def test_a_new_speaker_is_asked_for_a_keyframe_before_anyone_needs_it(
    prosody: Prosody,
) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a, voice_of_a = await talker(conversation, "a", 1001)
            _, voice_of_b = await talker(conversation, "b", 2001)
            c, _ = await talker(conversation, "c", 3001)
            await voice_of_a.speak(1.0)
            await a.hears(SPEAKS)
            assert (await bridge.stats())["preemptive_kfr_sent"] == 0

            c.say(colibriClass="ReceiverVideoConstraints", onStageSources=["a-v0"], lastN=1)
            while not (await c.hears("ForwardedSources"))["forwardedSources"]:
                pass
            before = await settled_requests(bridge)
            await voice_of_b.speak(3.0)
            while (await a.hears(SPEAKS))["dominantSpeakerEndpoint"] != "b":
                pass
            await asyncio.sleep(1.5)
            assert (await bridge.stats())["preemptive_kfr_sent"] == 1
            # Nobody watches b, so nothing else asks.
            assert await keyframes_asked(bridge) == before + 1
        finally:
            await conversation.hang_up()
