"""The brewery room of a cluster, watched with an account of the operator's own.

Bridges push their statistics there every few seconds: the fast signal. The operator only
listens; its own presence carries no statistics, so Jicofo takes no notice of it. Where its own
account doesn't exist (a Prosody not of ours), it comes in as the bridges do.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import structlog
from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream import ET, StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from jitsiwire import brewery, colibri2_xml, stats
from jitsiwire.colibri2 import ConferenceModified, ConferenceModify
from jitsiwire.errors import RemoteProtocolError
from jitsiwire.stats import BridgeStats
from octofleet.core.observation import Timestamp
from octofleet.shell import xmpp
from octofleet.shell.errors import Unreachable
from octofleet.shell.xmpp import Account

MUC: Final = "{http://jabber.org/protocol/muc}x"
MUC_STATUS: Final = "{http://jabber.org/protocol/muc#user}x/{*}status"
MUC_ITEM: Final = "{http://jabber.org/protocol/muc#user}x/{*}item"
MUC_OWNER: Final = "{http://jabber.org/protocol/muc#owner}query"
FORM: Final = "{jabber:x:data}"
ROOM_CREATED: Final = "201"
MEMBERS_LIMIT: Final = 5000
VALUE_LIMIT: Final = 200
PING_SECONDS: Final = 10.0
ASK_SECONDS: Final = 10.0
RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
STRESS_NOTABLE: Final = 0.02

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Member:
    """A bridge's last presence."""

    at: Timestamp
    """When it was told to us; 0 when the room remembered it from before we came."""
    stats: BridgeStats
    user: str | None = None
    """The account it logged in with; None where the room doesn't tell."""


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
        self._client: ClientXMPP | None = None
        self.seen_at: Timestamp | None = None
        """When the room was last known to be watched, None before the first time."""
        self.error: str | None = None
        self.refused_since: Timestamp | None = None
        """Since when every account was refused; None while one may be taken."""
        self._refused: set[str] = set()

    @property
    def members(self) -> Mapping[str, Member]:
        """Return every bridge's last presence by nickname, empty while not joined."""
        return MappingProxyType(self._members)

    @property
    def joined(self) -> bool:
        """Return whether the room is being watched right now."""
        return self._joined

    async def ask(self, nickname: str, request: ConferenceModify) -> ConferenceModified:
        """Send a Colibri request to a bridge in the room; return its answer.

        Raises:
            Unreachable: We aren't in the room, or the bridge doesn't answer or refuses.
        """
        if self._client is None or not self._joined:
            raise Unreachable("the operator isn't in the brewery")
        iq = self._client.make_iq_get(ito=f"{self._room.jid}/{nickname}")
        iq.append(colibri2_xml.build_request(request))
        # Typed as a bare Future.
        sent = cast("asyncio.Future[StanzaBase]", iq.send(timeout=ASK_SECONDS))  # pyright: ignore[reportUnknownMemberType]
        try:
            answer = await sent
        except (IqError, IqTimeout) as error:
            why = error.condition if isinstance(error, IqError) else "no answer in time"
            raise Unreachable(f"the bridge gives a client no place: {why}") from error
        for child in answer.xml:
            if child.tag == colibri2_xml.MODIFIED:
                try:
                    return colibri2_xml.parse_reply(child)
                except RemoteProtocolError as error:
                    raise Unreachable(f"the bridge answers nonsense: {error}") from error
        # An expired conference is answered with nothing in it.
        return ConferenceModified()

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
        client = xmpp.make_client(account)
        client.register_plugin("xep_0199")  # pyright: ignore[reportUnknownMemberType] - bare dict
        ended = asyncio.Event()
        joined = asyncio.Event()

        def end(reason: object) -> None:
            self.error = str(reason)[:VALUE_LIMIT] if reason else self.error
            ended.set()

        def present(stanza: StanzaBase) -> None:
            if self._presence(stanza, end):
                joined.set()
                if any(
                    each.get("code") == ROOM_CREATED for each in stanza.xml.iterfind(MUC_STATUS)
                ):
                    self._configure(client)

        def started(_: object) -> None:
            self._join(client)

        def refused(_: object) -> None:
            self._note_refusal(account)
            end(f"{account.jid} is refused")

        client.add_event_handler("session_start", started)
        client.add_event_handler("failed_all_auth", refused)
        client.add_event_handler("connection_failed", end)
        client.add_event_handler("disconnected", end)
        client.register_handler(Callback("brewery", MatchXPath("{jabber:client}presence"), present))
        try:
            # Its future tells of the attempt; the events above tell all that matters.
            self._client = client
            client.connect(self._room.host, self._room.port)  # pyright: ignore[reportUnknownMemberType]
            await self._until(client, ended)
        finally:
            self._joined = False
            self._client = None
            self._members.clear()
            await xmpp.close(client)
            self._notify()
        return joined.is_set()

    def _note_refusal(self, account: Account) -> None:
        self._refused.add(account.jid)
        if self.refused_since is None and len(self._refused) == len(self._accounts):
            self.refused_since = Timestamp(self._clock())

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
            pinger = client.plugin["xep_0199"]
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

    def _configure(self, client: ClientXMPP) -> None:
        """Set the room up as Jicofo would have: whoever comes first makes it."""
        iq = client.make_iq_set(ito=self._room.jid)
        form = ET.SubElement(ET.SubElement(iq.xml, MUC_OWNER), f"{FORM}x", {"type": "submit"})
        values = {"FORM_TYPE": "http://jabber.org/protocol/muc#roomconfig", **brewery.ROOM_CONFIG}
        for name, value in values.items():
            field_element = ET.SubElement(form, f"{FORM}field", {"var": name})
            ET.SubElement(field_element, f"{FORM}value").text = value
        # A raw send: whether it was taken shows in whether Jicofo sees the bridges.
        client.send(iq)

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
            self._refused.clear()
            self.refused_since = None
            self.seen_at = Timestamp(self._clock())
            self._notify()
            return True
        else:
            self._update(sender.resource, stanza)
        return False

    def _update(self, nickname: str, stanza: StanzaBase) -> None:
        found = stanza.xml.find(stats.STATS)
        if found is None:
            return
        before = self._members.get(nickname)
        if before is None and len(self._members) >= MEMBERS_LIMIT:
            return
        now = Timestamp(self._clock())
        self.seen_at = now
        # Until we are in, the room repeats what it remembers, of bridges that may be dead by now.
        told_at = now if self._joined else Timestamp(0.0)
        try:
            after = Member(told_at, stats.parse_presence(found), _user(stanza))
        except RemoteProtocolError:
            # Absurd statistics are no statistics; the last sane ones grow old.
            return
        self._members[nickname] = after
        if before is None or _notable(before.stats, after.stats):
            self._notify()


def _user(stanza: StanzaBase) -> str | None:
    """Return an occupant's account, where the room shows who is who."""
    item = stanza.xml.find(MUC_ITEM)
    user, at, _ = (item.get("jid", "") if item is not None else "").partition("@")
    return user[:VALUE_LIMIT] if at else None


def _notable(before: BridgeStats, after: BridgeStats) -> bool:
    """Return whether a change is worth a reconcile before its period is over."""
    change = (after.stress_level or 0.0) - (before.stress_level or 0.0)
    return abs(change) >= STRESS_NOTABLE or _state(before) != _state(after)


def _state(of: BridgeStats) -> tuple[object, ...]:
    return (of.local_endpoints, of.drain, of.graceful_shutdown, of.shutting_down, of.healthy)
