"""Who speaks, by real audio levels through a real bridge process."""

import asyncio
from dataclasses import replace

import pytest
from tests.integration.bridge.caller import Caller
from tests.integration.bridge.conversation import MEDIA, Conversation, creation
from tests.integration.bridge.running import running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.bridge.test_message_channel import Client
from tests.integration.bridge.voice import AUDIO_LEVEL, LEVEL_ID, Voice
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Endpoint, HeaderExtension, MediaSource, Source

pytestmark = pytest.mark.slow

SPEAKS = "DominantSpeakerEndpointChangeEvent"


async def talker(conversation: Conversation, name: str, ssrc: int) -> tuple[Client, Voice]:
    """Let someone join whose audio levels the bridge can read."""
    caller = Caller(name, ssrc, ssrc + 1)
    conversation.callers.append(caller)
    levels = (HeaderExtension(LEVEL_ID, AUDIO_LEVEL),)
    audio = replace(MEDIA[0], header_extensions=levels)
    asked = replace(creation(name, sctp=True), media=(audio, MEDIA[1]))
    offered = (await conversation.modify(asked)).endpoints[0].transport
    assert offered is not None
    source = MediaSource("audio", f"{name}-a0", (Source(ssrc, f"{name}-a0"),))
    await conversation.modify(replace(caller.answer(), sources=(source,)))
    await caller.connect(offered)
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
