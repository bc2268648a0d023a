"""Messages between real clients: SCTP over DTLS through a real bridge process."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.bridge.caller import Caller, eventually
from tests.integration.bridge.conversation import Conversation, creation
from tests.integration.bridge.running import running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Colibri2Error, Condition, ConferenceModify, Endpoint

pytestmark = pytest.mark.slow


class Client:
    """One end of a message channel."""

    def __init__(self, channel: Any, messages: "asyncio.Queue[Any]") -> None:
        self._channel = channel
        self._messages = messages

    def say(self, **message: Any) -> None:
        """Write a message."""
        self._channel.send(json.dumps(message))

    async def hears(self, kind: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for the next message of a kind, passing over others."""
        async with asyncio.timeout(seconds):
            while True:
                message = json.loads(await self._messages.get())
                if message["colibriClass"] == kind:
                    return message

    async def hears_all(self, *kinds: str, seconds: float = 20.0) -> dict[str, dict[str, Any]]:
        """Wait for the next message of each kind, in whichever order, passing over others."""
        found: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(seconds):
            while len(found) < len(kinds):
                message = json.loads(await self._messages.get())
                if message["colibriClass"] in kinds:
                    found.setdefault(message["colibriClass"], message)
        return found

    async def hears_only(self, kind: str, seconds: float = 20.0) -> bool:
        """Whether no client's word comes before the next message of a kind."""
        async with asyncio.timeout(seconds):
            while True:
                heard = json.loads(await self._messages.get())["colibriClass"]
                if heard == kind or heard.startswith("Endpoint"):
                    return heard == kind


async def client(conversation: Conversation, name: str) -> Client:
    """Let someone join and open the channel."""
    caller = await conversation.join(name, sctp=True)
    return Client(*await caller.open_channel())


async def test_clients_talk_to_one_another(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await client(conversation, "a")
            b = await client(conversation, "b")
            c = await client(conversation, "c")
            for each in (a, b, c):
                each.say(colibriClass="ClientHello")
                assert await each.hears("ServerHello") == {"colibriClass": "ServerHello"}

            a.say(colibriClass="EndpointMessage", to="", msgPayload={"wave": "👋"})
            expected = {
                "colibriClass": "EndpointMessage",
                "to": "",
                "from": "a",
                "msgPayload": {"wave": "👋"},
            }
            assert await b.hears("EndpointMessage") == expected
            assert await c.hears("EndpointMessage") == expected

            b.say(colibriClass="EndpointMessage", to="a", msgPayload=1)
            assert (await a.hears("EndpointMessage"))["from"] == "b"

            c.say(colibriClass="EndpointStats", bitrate={"upload": 5})
            told = await a.hears("EndpointStats")
            assert (told["from"], told["bitrate"]) == ("c", {"upload": 5})

            stats = await bridge.stats()
            assert stats["total_data_channel_messages_received"] == 6
            assert stats["total_data_channel_messages_sent"] >= 8
        finally:
            await conversation.hang_up()


async def test_a_caller_who_vanishes_is_reported(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await client(conversation, "a")
            gone = await conversation.join("gone")
            conversation.callers.remove(gone)
            await gone.hang_up()
            told = await a.hears("EndpointConnectivityStatusChangeEvent", 30.0)
            assert (told["endpoint"], told["active"]) == ("gone", "false")

            late = await client(conversation, "late")
            told = await late.hears("EndpointConnectivityStatusChangeEvent")
            assert (told["endpoint"], told["active"]) == ("gone", "false")
            assert (await bridge.stats())["endpoints_disconnected"] == 1
        finally:
            await conversation.hang_up()


async def test_a_visitor_sees_and_hears_but_says_nothing(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await client(conversation, "a")
            speaker = conversation.callers[0]
            visitor = Caller("visitor", 7001, 7002)
            conversation.callers.append(visitor)
            asked = replace(creation("visitor", sctp=True), muc_role="visitor")
            offered = (await conversation.modify(asked)).endpoints[0].transport
            assert offered is not None
            visitor.expect(speaker)
            await conversation.modify(replace(visitor.answer(), sources=None))
            await visitor.connect(offered)
            watching = Client(*await visitor.open_channel())
            await eventually(lambda: visitor.packets(speaker.audio) > 10, "the visitor hears")

            watching.say(colibriClass="EndpointMessage", to="", msgPayload="hello?")
            watching.say(colibriClass="EndpointStats")
            watching.say(colibriClass="ClientHello")
            await watching.hears("ServerHello")
            a.say(colibriClass="EndpointMessage", to="", msgPayload="hello!")
            assert (await watching.hears("EndpointMessage"))["from"] == "a"
            a.say(colibriClass="ClientHello")
            # The visitor's words would have come before this.
            assert await a.hears_only("ServerHello")

            refused = Endpoint("visitor", sources=visitor.sources())
            answer = await focus.modify(
                bridge.nickname, ConferenceModify(conversation.meeting, endpoints=(refused,))
            )
            assert isinstance(answer, Colibri2Error)
            assert answer.condition is Condition.BAD_REQUEST
            stats = await bridge.stats()
            assert (stats["visitors"], stats["total_visitors"]) == (1, 1)
        finally:
            await conversation.hang_up()
