"""The bridge in its brewery: what it publishes, what it answers, and how it always comes back."""

import asyncio
import signal
from dataclasses import fields
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from slixmpp.exceptions import IqError
from tests.integration.bridge.caller import eventually
from tests.integration.bridge.conversation import Conversation, creation
from tests.integration.bridge.running import RunningBridge, running, running_in
from tests.integration.bridge.scripted_focus import ScriptedFocus, focus_in
from tests.integration.prosody import AUTH_DOMAIN, Prosody

from jitsiwire import colibri2_xml
from jitsiwire.brewery import DISCO_FEATURES, build_health_check, parse_version
from jitsiwire.colibri2 import Colibri2Error, Condition, ConferenceModify, Reason

pytestmark = pytest.mark.slow


async def test_presence_carries_the_whole_list_from_the_first_one_on(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody, JVB_OCTO_REGION="eu") as bridge:
        first = await focus.until_bridge(bridge.nickname)
        missing = {f.name for f in fields(first) if getattr(first, f.name) is None}
        uncounted = {
            "tcc_unmatched_feedback",
            "endpoints_with_spurious_remb",
            "total_ice_succeeded_relayed",
        }
        assert missing == {"release", "relay_id"} | uncounted
        assert (first.drain, first.healthy, first.region) == (False, True, "eu")
        seen = focus.presences[bridge.nickname]
        await focus.until(lambda: len(seen) >= 3, 15)
        assert all(stats is not None for _, stats, _ in seen)
        last = focus.stats(bridge.nickname)
        assert last is not None
        assert (last.mucs_joined, last.muc_clients_connected) == (1, 1)


async def test_requests_of_occupants_are_answered(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        health = await focus.ask(bridge.nickname, build_health_check())
        assert health.get("type") == "result"
        assert len(health) == 0
        version = await focus.ask(bridge.nickname, fromstring("<query xmlns='jabber:iq:version'/>"))
        assert parse_version(version[0]).name == "JVB"
        disco = await focus.ask(
            bridge.nickname, fromstring("<query xmlns='http://jabber.org/protocol/disco#info'/>")
        )
        offered = {e.get("var") for e in disco.iter() if e.tag.endswith("}feature")}
        assert set(DISCO_FEATURES) <= offered
        ping = await focus.ask(bridge.nickname, fromstring("<ping xmlns='urn:xmpp:ping'/>"))
        assert ping.get("type") == "result"


async def test_what_is_not_supported_or_malformed_is_refused(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        for xml, kind, wanted in (
            (
                "<graceful-shutdown xmlns='http://jitsi.org/protocol/colibri'/>",
                "set",
                Condition.SERVICE_UNAVAILABLE,
            ),
            ("<conference-modify xmlns='jitsi:colibri2'/>", "get", Condition.BAD_REQUEST),
            (
                "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='nonsense'/>",
                "set",
                Condition.BAD_REQUEST,
            ),
        ):
            answer = await focus.ask(bridge.nickname, fromstring(xml), kind)
            error = answer.find("{jabber:client}error")
            assert error is not None
            assert colibri2_xml.parse_error(error).condition is wanted
        for kind in ("get", "set"):
            outcome = await focus.modify(bridge.nickname, ConferenceModify("nope"), kind)
            assert isinstance(outcome, Colibri2Error)
            assert outcome.reason is Reason.CONFERENCE_NOT_FOUND


async def test_strangers_are_forbidden(prosody: Prosody) -> None:
    async with (
        focus_in(prosody) as focus,
        focus_in(prosody, "watcher", user="octofleet") as stranger,
        running(prosody) as bridge,
    ):
        await focus.until_bridge(bridge.nickname)
        items = focus.presences[bridge.nickname][-1][2].iter(
            "{http://jabber.org/protocol/muc#user}item"
        )
        address = next(jid for item in items if (jid := item.get("jid")))
        assert AUTH_DOMAIN in address
        with pytest.raises(IqError) as caught:
            await stranger.send("", build_health_check(), to=address)
        assert caught.value.condition == "forbidden"


async def test_requests_of_one_meeting_are_handled_in_order(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        requests = [
            ConferenceModify("m", name="x@y", create=True, endpoints=(creation("a"),)),
            *(ConferenceModify("m", endpoints=(creation(f"e{n}"),)) for n in range(20)),
            ConferenceModify("m", expire=True),
            ConferenceModify("m", endpoints=(creation("late"),)),
        ]
        outcomes = await asyncio.gather(
            *(focus.modify(bridge.nickname, request) for request in requests)
        )
        assert not any(isinstance(outcome, Colibri2Error) for outcome in outcomes[:-1])
        last = outcomes[-1]
        assert isinstance(last, Colibri2Error)
        assert last.reason is Reason.CONFERENCE_NOT_FOUND


async def test_bridge_that_is_thrown_out_comes_back(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        await focus.kick(bridge.nickname)
        await focus.until_gone(bridge.nickname)
        await focus.until_bridge(bridge.nickname)


async def test_bridge_finds_back_when_the_server_was_killed(prosody: Prosody) -> None:
    async with running(prosody) as bridge:
        async with focus_in(prosody) as focus:
            await focus.until_bridge(bridge.nickname)
        await asyncio.to_thread(prosody.stop, signal.SIGKILL)
        await wait_for_joined(bridge, 0)
        assert (await bridge.get("/about/health"))[0] == 200
        await asyncio.to_thread(prosody.start)
        async with focus_in(prosody) as focus:
            await focus.until_bridge(bridge.nickname, 20)
            await wait_for_joined(bridge, 1)


async def test_calls_outlive_the_server(prosody: Prosody) -> None:
    async with running(prosody) as bridge:
        async with focus_in(prosody) as focus:
            await focus.until_bridge(bridge.nickname)
            conversation = Conversation(focus, bridge.nickname)
            await conversation.join("a")
            await conversation.join("b")
        try:
            await asyncio.to_thread(prosody.stop, signal.SIGKILL)
            await wait_for_joined(bridge, 0)
            await conversation.flows()
        finally:
            await conversation.hang_up()


async def test_broken_connection_is_resumed_without_leaving_the_room(prosody: Prosody) -> None:
    async with (
        Cable(prosody) as cable,
        focus_in(prosody) as focus,
        running(prosody, XMPP_PORT=str(cable.port)) as bridge,
    ):
        # Presence for a reason of its own comes after the server has enabled resumption.
        await focus.until_bridge(bridge.nickname)
        await bridge.post("/colibri/drain/enable")
        await focus.until(lambda: drains(focus, bridge.nickname), 20)
        cable.cut()
        await eventually(lambda: "Resumed" in bridge.events(), "resumption", 20)
        await bridge.post("/colibri/drain/disable")
        await focus.until(lambda: not drains(focus, bridge.nickname), 20)
        kinds = {kind for kind, _, _ in focus.presences[bridge.nickname]}
        assert kinds == {"available"}
        assert (await focus.ask(bridge.nickname, build_health_check())).get("type") == "result"


async def test_bridge_that_was_killed_and_begins_anew_at_once_is_seen_to_have_gone(
    prosody: Prosody,
) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        await focus.until(lambda: len(focus.presences[bridge.nickname]) > 1)
        bridge.signal(signal.SIGKILL)
        await bridge.exit_status()
        async with running_in(bridge.environ):
            await focus.until_gone(bridge.nickname)
            await focus.until_bridge(bridge.nickname)


async def test_wrong_password_leaves_a_healthy_bridge_that_says_so(prosody: Prosody) -> None:
    async with running(prosody, JVB_AUTH_PASSWORD="wrong") as bridge:
        await eventually(
            lambda: any("Login refused" in event for event in bridge.events()), "a clear line", 15
        )
        assert (await bridge.get("/about/health"))[0] == 200
        stats = await bridge.stats()
        assert (stats["mucs_joined"], stats["muc_clients_connected"]) == (0, 0)
        assert stats["muc_clients_configured"] == 1
        assert "wrong" not in "".join(bridge.lines)


def drains(focus: ScriptedFocus, nickname: str) -> bool:
    stats = focus.stats(nickname)
    return bool(stats and stats.drain)


async def test_bridge_serves_every_server_it_is_given(prosody: Prosody, tmp_path: Path) -> None:
    home = tmp_path / "other"
    home.mkdir()
    other = Prosody(home)
    await asyncio.to_thread(other.start)
    try:
        servers = f"127.0.0.1:{prosody.port},127.0.0.1:{other.port}"
        async with (
            running(prosody, XMPP_SERVER=servers) as bridge,
            focus_in(prosody) as one,
            focus_in(other) as two,
        ):
            for number, focus in enumerate((one, two)):
                await focus.until_bridge(bridge.nickname)
                await Conversation(focus, bridge.nickname, f"m{number}").modify(creation("a"))
            stats = await bridge.stats()
            assert (stats["mucs_configured"], stats["mucs_joined"]) == (2, 2)
            assert stats["conferences"] == 2
    finally:
        await asyncio.to_thread(other.stop)


async def wait_for_joined(bridge: RunningBridge, wanted: int) -> None:
    async with asyncio.timeout(60):
        while True:
            stats = await bridge.stats()
            if stats["mucs_joined" if wanted else "muc_clients_connected"] == wanted:
                return
            await asyncio.sleep(0.1)


class Cable:
    """A TCP relay to the server that can be cut, as a network does it."""

    def __init__(self, prosody: Prosody) -> None:
        self._prosody = prosody
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._plug, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _plug(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            self._prosody.host, self._prosody.port
        )
        self._writers += [writer, far_writer]
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        except ConnectionError:
            pass
        finally:
            target.transport.abort()
