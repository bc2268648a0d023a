"""The brewery watcher against a real Prosody, with bridges that are plain XMPP clients."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncGenerator

import pytest
from slixmpp import ClientXMPP
from slixmpp.xmlstream import ET
from tests.component.control.world import until
from tests.integration.prosody import (
    AUTH_DOMAIN,
    BREWERY,
    INTERNAL_MUC_DOMAIN,
    PASSWORDS,
    Prosody,
)

from jitsiwire import stats
from octofleet.shell import xmpp
from octofleet.shell.brewery import BreweryWatcher, Room
from octofleet.shell.xmpp import Account

ROOM = f"{BREWERY}@{INTERNAL_MUC_DOMAIN}"
OWN = Account(f"octofleet@{AUTH_DOMAIN}", PASSWORDS["octofleet"])
AS_BRIDGE = Account(f"jvb@{AUTH_DOMAIN}", PASSWORDS["jvb"])


@contextlib.asynccontextmanager
async def watching(server: Prosody, *accounts: Account) -> AsyncGenerator[BreweryWatcher]:
    room = Room(server.host, server.port, ROOM, "octofleet-test")
    watcher = BreweryWatcher(room, accounts, time.time, lambda: None)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def bridge(server: Prosody, nickname: str) -> AsyncGenerator["FakeBridge"]:
    found = FakeBridge(server, nickname)
    await found.join()
    try:
        yield found
    finally:
        await found.leave()


class FakeBridge:
    """A bridge as far as the brewery is concerned."""

    def __init__(self, server: Prosody, nickname: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._client = ClientXMPP(AS_BRIDGE.jid, AS_BRIDGE.password, ssl_context=context)
        self._client.enable_direct_tls = False
        self._server = server
        self._to = f"{ROOM}/{nickname}"
        self._started = asyncio.Event()
        self._client.add_event_handler("session_start", self._set_started)

    def _set_started(self, _: object) -> None:
        self._started.set()

    async def join(self) -> None:
        self._client.connect(self._server.host, self._server.port)  # pyright: ignore[reportUnknownMemberType] - a bare Future
        await asyncio.wait_for(self._started.wait(), 60)
        stanza = self._client.make_presence(pto=self._to)
        stanza.xml.append(ET.Element("{http://jabber.org/protocol/muc}x"))
        stanza.send()

    def publish(self, **values: object) -> None:
        stanza = self._client.make_presence(pto=self._to)
        element = ET.SubElement(stanza.xml, stats.STATS)
        for name, value in values.items():
            attributes = {"name": name, "value": str(value)}
            ET.SubElement(element, "{http://jitsi.org/protocol/colibri}stat", attributes)
        stanza.send()

    async def leave(self) -> None:
        await self._client.disconnect()  # pyright: ignore[reportUnknownMemberType] - a bare Future


async def test_bridges_are_seen_with_their_statistics_and_seen_leaving(prosody: Prosody) -> None:
    async with watching(prosody, OWN) as watcher:
        async with bridge(prosody, "eu-0-abc") as one:

            async def published() -> bool:
                one.publish(local_endpoints=7, stress_level=0.25, drain="false")
                return "eu-0-abc" in watcher.members

            await until(published)
            found = watcher.members["eu-0-abc"].stats
            assert (found.local_endpoints, found.stress_level, found.drain) == (7, 0.25, False)
            assert watcher.members["eu-0-abc"].user == "jvb"

        async def left() -> bool:
            return watcher.joined and not watcher.members

        await until(left)


async def test_what_the_room_remembers_is_no_news(prosody: Prosody) -> None:
    """Who told it may be long dead: after a reconnect nothing is decided on it."""
    async with watching(prosody, OWN) as first, bridge(prosody, "eu-0-abc") as one:

        async def published() -> bool:
            one.publish(local_endpoints=0, drain="true")
            # What arrives while the watcher still joins is old news, without a time.
            return "eu-0-abc" in first.members and first.members["eu-0-abc"].at > 0

        await until(published)
        began = time.time()
        assert abs(began - first.members["eu-0-abc"].at) < 60
        room = Room(prosody.host, prosody.port, ROOM, "octofleet-later")
        later = BreweryWatcher(room, (OWN,), time.time, lambda: None)
        task = asyncio.create_task(later.run())
        try:

            async def joined() -> bool:
                return later.joined

            await until(joined)
            assert later.members["eu-0-abc"].stats.local_endpoints == 0
            assert later.members["eu-0-abc"].at == 0

            async def heard() -> bool:
                one.publish(local_endpoints=3, drain="true")
                return later.members["eu-0-abc"].at >= began

            await until(heard)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_member_without_statistics_is_no_bridge(prosody: Prosody) -> None:
    async with watching(prosody, OWN) as watcher, bridge(prosody, "focus-like"):

        async def joined() -> bool:
            return watcher.joined

        await until(joined)
        await asyncio.sleep(0.5)
        assert dict(watcher.members) == {}


async def test_without_its_own_account_it_comes_in_as_the_bridges_do(prosody: Prosody) -> None:
    nobody = Account(f"octofleet@{AUTH_DOMAIN}", "wrong")
    async with watching(prosody, nobody, AS_BRIDGE) as watcher:

        async def joined() -> bool:
            return watcher.joined

        await until(joined)


async def test_prosody_that_goes_and_comes_is_watched_again(prosody: Prosody) -> None:
    async with watching(prosody, OWN) as watcher:

        async def joined() -> bool:
            return watcher.joined

        async def lost() -> bool:
            return not watcher.joined

        await until(joined)
        prosody.stop()
        await until(lost)
        assert dict(watcher.members) == {}
        prosody.start()
        await until(joined, seconds=30)


def test_password_is_in_no_representation() -> None:
    assert OWN.password not in repr(OWN)


@pytest.mark.parametrize(("password", "taken"), [(PASSWORDS["jvb"], True), ("another", False)])
async def test_whether_a_password_is_taken_is_tried(
    prosody: Prosody, password: str, taken: bool
) -> None:
    account = Account(AS_BRIDGE.jid, password)
    assert await xmpp.accepted(prosody.host, prosody.port, account) is taken


async def test_without_prosody_nobody_knows_whether_a_password_is_taken() -> None:
    assert await xmpp.accepted("127.0.0.1", 9, AS_BRIDGE) is None
