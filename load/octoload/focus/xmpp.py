"""The focus in the brewery: sees the bridges come and go, and asks them things.

Connection, TLS, SASL, stream management and pings are slixmpp's. Ours: joining until it works,
opening the room when we made it, and the 15 s after which a lost connection means that no bridge
is known any more. Certificates aren't verified, as in the stock images: servers there have
self-signed ones. slixmpp's interface isn't fully typed: those calls go through `cast`.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol, cast
from xml.etree.ElementTree import Element, SubElement

import structlog
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from jitsiwire import brewery, colibri2_xml
from jitsiwire.colibri2 import ConferenceModify
from jitsiwire.errors import LocalProtocolError, RemoteProtocolError
from jitsiwire.namespaces import JABBER_CLIENT, MUC, MUC_USER
from jitsiwire.stats import BridgeStats
from octoload.focus.doctor import HealthAnswer
from octoload.focus.replies import Nothing, Reply
from octoload.focus.settings import FocusSettings

__all__ = ["REPLY_TIMEOUT", "Events", "Xmpp"]

REPLY_TIMEOUT: Final = 15.0
RECONNECT_SECONDS: Final = 1.0
CONFLICT_SECONDS: Final = 30.0
"""Another focus took our place: two that come back at once would throw each other out for ever."""
JOIN_RETRY_SECONDS: Final = 5.0
PING_SECONDS: Final = 10
BRIDGES_LIMIT: Final = 10_000
_OWNER: Final = "{http://jabber.org/protocol/muc#owner}query"
_DATA: Final = "jabber:x:data"

log = structlog.get_logger()


class Events(Protocol):
    """Who is told of what happens in the brewery."""

    def bridge_seen(self, jid: str, stats: BridgeStats) -> None:
        """A bridge published its statistics."""
        ...

    def bridge_gone(self, jid: str) -> None:
        """A bridge left."""
        ...

    def brewery_lost(self) -> None:
        """We have been away for too long."""
        ...

    def reachable(self, online: bool) -> None:
        """Whether bridges can be asked anything right now."""
        ...


class Xmpp:
    """A client that stays in the brewery until it is closed."""

    def __init__(self, settings: FocusSettings, events: Events) -> None:
        self.joined = False
        self.dropped = 0
        """Presences that made no sense."""
        self._settings = settings
        self._events = events
        self._members: set[str] = set()
        self._closing = False
        self._connected = False
        self._replaced = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._client = self._make_client()

    @property
    def _seat(self) -> str:
        return f"{self._settings.room}/{self._settings.nickname}"

    def _make_client(self) -> Any:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        made = ClientXMPP(self._settings.jid, self._settings.password, ssl_context=context)
        client = cast("Any", made)
        client.enable_direct_tls = False
        client.enable_plaintext = False
        for plugin in ("xep_0030", "xep_0198"):
            client.register_plugin(plugin)
        client.register_plugin(
            "xep_0199", {"keepalive": True, "interval": PING_SECONDS, "timeout": PING_SECONDS}
        )
        presence = MatchXPath(f"{{{JABBER_CLIENT}}}presence")
        client.register_handler(Callback("Brewery", presence, self._presence))
        client.add_event_handler("session_start", self._started)
        client.add_event_handler("session_resumed", self._resumed)
        client.add_event_handler("disconnected", self._disconnected)
        client.add_event_handler("connection_failed", self._failed)
        client.add_event_handler("failed_all_auth", self._refused)
        client.add_event_handler("stream_error", self._stream_error)
        return client

    # -- connection -------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and stay connected."""
        if not self._closing:
            self._client.connect(self._settings.server, self._settings.port)

    async def close(self) -> None:
        """Leave and disconnect."""
        self._closing = True
        for timer in self._timers.values():
            timer.cancel()
        if self._connected:
            self._client.send_presence(pto=self._seat, ptype="unavailable")
        self._client.cancel_connection_attempt()
        await self._client.disconnect(wait=1.0)

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        self._forget(name)
        if not self._closing:
            self._timers[name] = asyncio.get_running_loop().call_later(seconds, call)

    def _forget(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _started(self, _event: object) -> None:
        log.info("Connected to Prosody", server=self._settings.server)
        self._connected, self.joined = True, False
        self._events.reachable(online=False)
        self._forget("lost")
        self._forget("connect")
        # A new session: only those whose presence comes now are still there.
        self._later("stale", JOIN_RETRY_SECONDS, self._drop_stale(self._members))
        self._members = set()
        self._join()

    def _resumed(self, _event: object) -> None:
        log.info("Resumed the connection to Prosody")
        self._connected = True
        self._forget("lost")
        self._forget("connect")
        self._events.reachable(online=self.joined)
        if not self.joined:
            self._join()

    def _drop_stale(self, before: set[str]) -> Callable[[], None]:
        def drop() -> None:
            for jid in before - self._members:
                self._events.bridge_gone(jid)

        return drop

    def _disconnected(self, reason: object) -> None:
        if self._connected:
            log.warning("Lost the connection to Prosody", reason=str(reason or ""))
            self._later("lost", REPLY_TIMEOUT, self._lost)
        self._connected = False
        self._events.reachable(online=False)
        wait = CONFLICT_SECONDS if self._replaced else RECONNECT_SECONDS
        self._replaced = False
        self._later("connect", wait, self.start)

    def _stream_error(self, error: Any) -> None:
        if error["condition"] == "conflict":
            self._replaced = True
            log.error("Another focus logged in with this account", jid=self._settings.jid)

    def _failed(self, reason: object) -> None:
        # slixmpp would wait ever longer between attempts.
        self._client.cancel_connection_attempt()
        log.warning("Can't connect to Prosody", server=self._settings.server, reason=str(reason))
        self._later("connect", RECONNECT_SECONDS, self.start)

    def _refused(self, _event: object) -> None:
        log.error("Login refused: check JICOFO_AUTH_PASSWORD", jid=self._settings.jid)
        self._client.disconnect(wait=0.5)

    def _lost(self) -> None:
        self._members = set()
        self.joined = False
        self._events.brewery_lost()

    # -- the room ---------------------------------------------------------------------------------

    def _join(self) -> None:
        if not self._connected or self.joined:
            return
        presence = self._client.make_presence(pto=self._seat)
        presence.append(Element(f"{{{MUC}}}x"))
        presence.send()
        self._later("join", JOIN_RETRY_SECONDS, self._join)

    def _presence(self, stanza: StanzaBase) -> None:
        sender = str(stanza["from"])
        room, _, nick = sender.partition("/")
        if room.lower() != self._settings.room or not nick:
            return
        kind = stanza.xml.get("type", "")
        if nick == self._settings.nickname:
            self._own_presence(stanza, kind)
        elif kind == "unavailable":
            self._members.discard(sender)
            self._events.bridge_gone(sender)
        elif not kind:
            self._member_presence(sender, stanza)

    def _member_presence(self, sender: str, stanza: StanzaBase) -> None:
        try:
            stats = brewery.find_stats(stanza.xml)
        except RemoteProtocolError as error:
            self.dropped += 1
            log.warning("Dropped a presence", bridge=sender, reason=str(error))
            return
        if stats is not None and (sender in self._members or len(self._members) < BRIDGES_LIMIT):
            self._members.add(sender)
            self._events.bridge_seen(sender, stats)

    def _own_presence(self, stanza: StanzaBase, kind: str) -> None:
        codes = {status.get("code") for status in stanza.xml.iter(f"{{{MUC_USER}}}status")}
        if kind == "error":
            log.error("Can't join the brewery", room=self._settings.room)
            self._later("join", JOIN_RETRY_SECONDS, self._join)
        elif kind == "unavailable":
            self.joined = False
            self._events.reachable(online=False)
            self._later("join", RECONNECT_SECONDS, self._join)
        elif not self.joined:
            self.joined = True
            self._forget("join")
            self._events.reachable(online=True)
            log.info("Joined the brewery", room=self._settings.room, created="201" in codes)
            if "201" in codes:
                self._open_room()

    def _open_room(self) -> None:
        """Submit the new room's form: without it a locked room stays shut to the bridges."""
        query = Element(_OWNER)
        form = SubElement(query, f"{{{_DATA}}}x", {"type": "submit"})
        fields = {"FORM_TYPE": "http://jabber.org/protocol/muc#roomconfig", **brewery.ROOM_CONFIG}
        for name, value in fields.items():
            entry = SubElement(form, f"{{{_DATA}}}field", {"var": name})
            SubElement(entry, f"{{{_DATA}}}value").text = value
        iq = self._client.make_iq_set(ito=self._settings.room)
        iq.append(query)
        # Whether it is accepted shows in whether bridges can come in.
        iq.send(timeout=REPLY_TIMEOUT).add_done_callback(_retrieve)

    # -- asking bridges ---------------------------------------------------------------------------

    async def ask(self, bridge: str, request: ConferenceModify) -> Reply:
        """Send a Colibri2 request, in the order of the calls; return the answer."""
        try:
            payload = colibri2_xml.build_request(request)
        except LocalProtocolError as error:
            log.error("Can't write a request", reason=str(error))
            return Nothing.UNEXPECTED
        if not self._connected:
            # slixmpp would keep it and send it, out of date, once it is connected again.
            return Nothing.TIMEOUT
        try:
            answer = await self._query(bridge, payload)
        except IqTimeout:
            return Nothing.TIMEOUT
        except IqError as error:
            return _refusal(error)
        found = [child for child in answer if child.tag == colibri2_xml.MODIFIED]
        try:
            return colibri2_xml.parse_reply(found[0]) if found else Nothing.UNEXPECTED
        except RemoteProtocolError as error:
            log.warning("A bridge's reply makes no sense", bridge=bridge, reason=str(error))
            return Nothing.UNEXPECTED

    async def check_health(self, bridge: str) -> HealthAnswer:
        """Ask a bridge whether it is well."""
        try:
            await self._query(bridge, brewery.build_health_check())
        except IqTimeout:
            return HealthAnswer.SILENCE
        except IqError as error:
            ill = error.condition in ("internal-server-error", "service-unavailable")
            return HealthAnswer.ILL if ill else HealthAnswer.UNCLEAR
        return HealthAnswer.WELL

    def _query(self, bridge: str, payload: Element) -> "asyncio.Future[Element]":
        """Send an IQ now (not when it is awaited) and return its answer to come."""
        iq = self._client.make_iq_get(ito=bridge)
        iq.append(payload)
        sent: asyncio.Future[Any] = iq.send(timeout=REPLY_TIMEOUT)

        async def answer() -> Element:
            return cast("Element", (await sent).xml)

        return asyncio.ensure_future(answer())


def _refusal(error: IqError) -> Reply:
    element = cast("Any", error).iq.xml.find(f"{{{JABBER_CLIENT}}}error")
    try:
        return Nothing.UNEXPECTED if element is None else colibri2_xml.parse_error(element)
    except RemoteProtocolError:
        return Nothing.UNEXPECTED


def _retrieve(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
