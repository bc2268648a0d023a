"""The brewery room of a cluster, watched with an account of the operator's own.

Bridges push their statistics there every few seconds: the fast signal. The operator only
listens; its own presence carries no statistics, so Jicofo takes no notice of it. Where its own
account doesn't exist (a Prosody not of ours), it comes in as the bridges do.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, cast

import structlog
from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.plugins.xep_0199 import XEP_0199
from slixmpp.xmlstream import ET, StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from octofleet.core.observation import Timestamp

STATS: Final = "{http://jitsi.org/protocol/colibri}stats"
STAT: Final = "{http://jitsi.org/protocol/colibri}stat"
MUC: Final = "{http://jabber.org/protocol/muc}x"
READ: Final = frozenset(
    {
        "local_endpoints",
        "stress_level",
        "drain",
        "graceful_shutdown",
        "shutting_down",
        "healthy",
        "version",
        "region",
    }
)
MEMBERS_LIMIT: Final = 5000
VALUE_LIMIT: Final = 200
PING_SECONDS: Final = 10.0
RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
STRESS_NOTABLE: Final = 0.02

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Member:
    """A bridge's last presence."""

    at: Timestamp
    stats: Mapping[str, str]

    def number(self, name: str) -> float | None:
        """Return a statistic as a number, None when it isn't there or isn't one."""
        try:
            found = float(self.stats[name])
        except (KeyError, ValueError):
            return None
        return found if abs(found) < float("inf") else None

    def truth(self, name: str) -> bool | None:
        """Return a statistic as a boolean."""
        return {"true": True, "false": False}.get(self.stats.get(name, "").lower())


@dataclass(frozen=True, slots=True)
class Account:
    """Who to log in as."""

    jid: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Room:
    """Where a brewery is."""

    host: str
    port: int
    jid: str
    nickname: str


class BreweryWatcher:
    """Follows one brewery until it's cancelled, through every loss of connection."""

    def __init__(
        self,
        room: Room,
        accounts: Sequence[Account],
        clock: Callable[[], float],
        notify: Callable[[], None],
    ) -> None:
        self._room = room
        self._accounts = accounts
        self._clock = clock
        self._notify = notify
        self._members: dict[str, Member] = {}
        self._joined = False
        self.seen_at: Timestamp | None = None
        """When the room was last known to be watched, None before the first time."""
        self.error: str | None = None

    @property
    def members(self) -> Mapping[str, Member]:
        """Return every bridge's last presence by nickname, empty while not joined."""
        return MappingProxyType(self._members)

    @property
    def joined(self) -> bool:
        """Return whether the room is being watched right now."""
        return self._joined

    async def run(self) -> None:
        """Watch for ever."""
        attempt = 0
        while True:
            for account in self._accounts:
                if await self._session(account):
                    attempt = 0
                    break
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1

    async def _session(self, account: Account) -> bool:
        """Stay connected as `account`; return whether it got into the room at all."""
        client = ClientXMPP(account.jid, account.password)
        client.register_plugin("xep_0199")  # pyright: ignore[reportUnknownMemberType] - bare dict
        ended = asyncio.Event()
        joined = asyncio.Event()

        def end(reason: object) -> None:
            self.error = str(reason)[:VALUE_LIMIT] if reason else self.error
            ended.set()

        def present(stanza: StanzaBase) -> None:
            if self._presence(stanza, end):
                joined.set()

        def started(_: object) -> None:
            self._join(client)

        def refused(_: object) -> None:
            end(f"{account.jid} is refused")

        client.add_event_handler("session_start", started)
        client.add_event_handler("failed_all_auth", refused)
        client.add_event_handler("connection_failed", end)
        client.add_event_handler("disconnected", end)
        client.register_handler(Callback("brewery", MatchXPath("{jabber:client}presence"), present))
        try:
            # Its future tells of the attempt; the events above tell all that matters.
            client.connect(self._room.host, self._room.port)  # pyright: ignore[reportUnknownMemberType]
            await self._until(client, ended)
        finally:
            self._joined = False
            self._members.clear()
            client.cancel_connection_attempt()
            client.abort()
            self._notify()
        return joined.is_set()

    async def _until(self, client: ClientXMPP, ended: asyncio.Event) -> None:
        """Ping as long as the stream lives: a quiet room and a dead one look the same."""
        while not ended.is_set():
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await ended.wait()
            except TimeoutError:
                if not self._joined:
                    self.error = "no answer from Prosody in time"
                    return
                if not await self._ping(client):
                    return

    async def _ping(self, client: ClientXMPP) -> bool:
        try:
            # Indexing is typed for stanzas; on a client it gives the plugin registered above.
            pinger = cast("XEP_0199", client["xep_0199"])
            server = JID(client.boundjid.host)
            await pinger.send_ping(server, timeout=PING_SECONDS)  # pyright: ignore[reportUnknownMemberType] - bare Callable
        except IqError:
            pass  # An error is an answer too.
        except IqTimeout:
            self.error = "Prosody answers no ping"
            return False
        self.seen_at = Timestamp(self._clock())
        return True

    def _join(self, client: ClientXMPP) -> None:
        stanza = client.make_presence(pto=f"{self._room.jid}/{self._room.nickname}")
        stanza.xml.append(ET.Element(MUC))
        stanza.send()

    def _presence(self, stanza: StanzaBase, end: Callable[[object], None]) -> bool:
        """Take in a presence; return whether it is our own, which means we are in."""
        sender = stanza.get_from()
        if sender.bare != self._room.jid:
            return False
        kind = stanza.xml.get("type")
        mine = sender.resource == self._room.nickname
        if kind == "error" or (mine and kind == "unavailable"):
            end(f"{self._room.jid} can't be joined")
        elif kind == "unavailable":
            if self._members.pop(sender.resource, None) is not None:
                self._notify()
        elif mine:
            self._joined, self.error = True, None
            self.seen_at = Timestamp(self._clock())
            self._notify()
            return True
        else:
            self._update(sender.resource, stanza)
        return False

    def _update(self, nickname: str, stanza: StanzaBase) -> None:
        found = stanza.xml.find(STATS)
        if found is None:
            return
        before = self._members.get(nickname)
        if before is None and len(self._members) >= MEMBERS_LIMIT:
            return
        now = Timestamp(self._clock())
        self.seen_at = now
        after = Member(now, _read(found))
        self._members[nickname] = after
        if before is None or _notable(before, after):
            self._notify()


def _read(stats: ET.Element) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for stat in stats.iterfind(STAT):
        name = stat.get("name", "")
        if name in READ:
            found[name] = stat.get("value", "")[:VALUE_LIMIT]
    return found


def _notable(before: Member, after: Member) -> bool:
    """Return whether a change is worth a reconcile before its period is over."""
    quiet = ("local_endpoints", "drain", "graceful_shutdown", "shutting_down", "healthy")
    if any(before.stats.get(name) != after.stats.get(name) for name in quiet):
        return True
    change = (after.number("stress_level") or 0.0) - (before.number("stress_level") or 0.0)
    return abs(change) >= STRESS_NOTABLE
