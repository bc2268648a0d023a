"""One call through one bridge: a real XMPP server, a real process, real media both ways."""

import pytest
from tests.integration.bridge.conversation import Conversation
from tests.integration.bridge.running import running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.prosody import Prosody

pytestmark = pytest.mark.slow


async def test_two_people_hear_and_see_each_other(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a")
            await conversation.join("b")
            await conversation.flows()
            stats = await bridge.stats()
            assert stats["participants"] == 2
            assert stats["total_ice_succeeded"] == 2
        finally:
            await conversation.hang_up()
