"""A synthetic participant asks for video over a message channel, as the bridge understands it."""

import asyncio

from tests.integration.bridge.caller import eventually
from tests.unit.transport.test_message_channel import Bridge, linked

from jitsiwire.bridge_channel import (
    ReceiverVideoConstraints,
    SenderSourceConstraints,
    build,
    parse,
)
from octoload.watching import EVERYTHING, Watching, limit_in


async def test_the_wish_is_said_once_the_channel_is_open() -> None:
    async with linked() as (client_end, bridge_end):
        bridge, watching = Bridge(bridge_end), Watching(client_end, print)
        await asyncio.gather(watching.begin(), bridge.channel.start())
        await eventually(lambda: len(bridge.told) == 2, "an open channel and a message")
        assert bridge.told[0] == "opened"
        wish = parse(bridge.told[1])
        assert isinstance(wish, ReceiverVideoConstraints)
        assert wish.last_n == -1
        assert wish.default_constraints is not None
        assert wish.default_constraints.max_height > 0
        await watching.stop()
        await bridge.channel.stop()
        assert watching.dropped == {}


async def test_a_bridge_that_does_not_answer_is_left_in_peace() -> None:
    async with linked() as (client_end, _):
        watching = Watching(client_end, print)
        await watching.begin()
        await asyncio.sleep(0.1)
        await watching.stop()


def test_a_limit_is_told_from_everything_else() -> None:
    limit = SenderSourceConstraints(source_name="a-v0", max_height=180)
    assert limit_in(build(limit)) == limit
    others = ("no JSON", '{"SenderSourceConstraints": 1}', build(EVERYTHING))
    assert [limit_in(text) for text in others] == [None, None, None]
