"""Meetings on several bridges: real ICE, DTLS, SCTP and media between octobridge processes."""

import pytest
from tests.integration.bridge.linked import meeting_on, sees
from tests.integration.prosody import Prosody

pytestmark = pytest.mark.slow


async def test_people_on_two_bridges_hear_and_see_one_another(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        a = await meeting.join(here, "a")
        b = await meeting.join(there, "b")
        await meeting.link(here, there)
        await sees(a, b)
        await sees(b, a)
        c = await meeting.join(there, "c")
        for one, other in ((a, c), (c, a), (b, c), (c, b)):
            await sees(one, other)
