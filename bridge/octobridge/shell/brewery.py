"""One client of one XMPP server: joins the brewery, publishes statistics, answers IQs.

Connection, TLS, SASL, acknowledgements and pings are slixmpp's. Ours: the fixed pace of
reconnecting, joining until it works and again when thrown out, and presence without the join
element afterwards (which would make the server resend everyone's presence).

Certificates aren't verified, as in the stock image: servers there have self-signed ones, and
the brewery's network is the operator's. Much of slixmpp's interface isn't fully typed: those
calls go through `cast(Any, …)`.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, cast
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP
from slixmpp.stanza import Iq
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.handler import Callback

from jitsiwire.brewery import DISCO_FEATURES, PRESENCE_INTERVAL
from octobridge.shell import stanzas
from octobridge.shell.iq import Answer
from octobridge.shell.logs import logger
from octobridge.shell.settings import XmppSettings

__all__ = ["Brewery"]

RECONNECT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5.0
"""Between attempts to connect that failed, to log in, or to join."""
NEGOTIATION_SECONDS: Final = 15.0
"""A server that takes a connection and then says nothing is given up after this."""
PING_SECONDS: Final = 30
LEAVE_SECONDS: Final = 2.0


class Brewery:
    """A client that stays in the room until it is closed.

    Args:
        server: Host name or address, and port.
        settings: Account, room and nickname.
        stats: Returns the `<stats>` element to publish now.
        answer: Returns the answer to an IQ: its payload and its sender's bare JID.
    """

    def __init__(
        self,
        server: tuple[str, int],
        settings: XmppSettings,
        stats: Callable[[], Element],
        answer: Callable[[Element | None, str], Answer],
    ) -> None:
        self.server = server
        self.connected = False
        self.joined = False
        self.requests = 0
        self._settings = settings
        self._stats = stats
        self._answer = answer
        self._log = logger("brewery").bind(server=f"{server[0]}:{server[1]}", room=settings.room)
        self._closing = False
        self._retry: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._rejoin: asyncio.TimerHandle | None = None
        self._publisher: asyncio.Task[None] | None = None
        self._problem = ""
        self._client = self._make_client()

    def _make_client(self) -> ClientXMPP:
        settings = self._settings
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        # The nickname for a resource: a bridge that was killed and began anew within the time that
        # the server keeps lost streams takes its own old place away by logging in. It would have
        # joined beside it otherwise, and nobody in the room had seen that all calls are gone.
        account = f"{settings.user}@{settings.domain}/{settings.nickname}"
        client = ClientXMPP(account, settings.password, ssl_context=context)
        client.enable_direct_tls = False
        client.enable_plaintext = False
        client.whitespace_keepalive = False
        # slixmpp's plugin registry isn't typed.
        plain = cast(Any, client)
        plain.register_plugin("xep_0030")
        plain.register_plugin("xep_0198")
        plain.register_plugin(
            "xep_0199", {"keepalive": True, "interval": PING_SECONDS, "timeout": PING_SECONDS}
        )
        client.register_handler(Callback("Requests", stanzas.Requests(None), self._request))
        own = (settings.room, settings.nickname)
        client.register_handler(Callback("Room", stanzas.RoomPresence(own), self._presence))
        client.add_event_handler("session_start", self._session_started)
        client.add_event_handler("session_resumed", self._session_resumed)
        client.add_event_handler("disconnected", self._disconnected)
        client.add_event_handler("connection_failed", self._connection_failed)
        client.add_event_handler("failed_all_auth", self._login_failed)
        return client

    # ---- life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and publish every few seconds once joined."""
        self._connect()
        self._publisher = asyncio.get_running_loop().create_task(self._publish_forever())

    async def close(self) -> None:
        """Leave the room and disconnect."""
        self._closing = True
        for timer in (self._retry, self._patience, self._rejoin):
            if timer is not None:
                timer.cancel()
        if self._publisher is not None:
            self._publisher.cancel()
            await asyncio.gather(self._publisher, return_exceptions=True)
        if self.joined and self.connected:
            leave = self._client.make_presence(pto=self._occupant(), ptype="unavailable")
            leave.send()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await cast(Any, self._client).disconnect(wait=1.0)
        except TimeoutError:
            self._client.abort()
        self.connected = self.joined = False

    def publish(self) -> None:
        """Publish the statistics of now, if we are in the room; a fault of ours is only logged."""
        if not (self.joined and self.connected):
            return
        try:
            presence = self._client.make_presence(pto=self._occupant())
            presence.append(self._stats())
            presence.send()
        except Exception:
            self._log.exception("Could not publish")

    async def _publish_forever(self) -> None:
        while True:
            await asyncio.sleep(PRESENCE_INTERVAL)
            self.publish()

    # ---- connection -----------------------------------------------------------------------

    def _connect(self) -> None:
        self._retry = None
        # A ping that timed out has slixmpp reconnect by itself: don't tear that down.
        if self._closing or self._client.transport is not None:
            return
        cast(Any, self._client).connect(*self.server)
        if self._patience is not None:
            self._patience.cancel()
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(NEGOTIATION_SECONDS, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        if self.connected or self._closing:
            return
        self._say("Could not connect", "the server doesn't answer")
        self._client.cancel_connection_attempt()
        self._client.abort()
        self._connect_later(RECONNECT_SECONDS)

    def _connect_later(self, seconds: float) -> None:
        if self._closing or self._retry is not None:
            return
        self._retry = asyncio.get_running_loop().call_later(seconds, self._connect)

    def _connection_failed(self, reason: object) -> None:
        # slixmpp would wait ever longer; a brewery that is back must see us soon.
        self._client.cancel_connection_attempt()
        self._say("Could not connect", str(reason))
        self._connect_later(RETRY_SECONDS)

    def _disconnected(self, reason: object) -> None:
        if self.connected:
            self._log.warning("Disconnected", reason=str(reason or ""))
        was_connected, self.connected = self.connected, False
        self._connect_later(RECONNECT_SECONDS if was_connected else RETRY_SECONDS)

    def _login_failed(self, _event: object) -> None:
        self._say(
            "Login refused: check JVB_AUTH_USER and JVB_AUTH_PASSWORD",
            f"{self._settings.user}@{self._settings.domain}",
        )
        cast(Any, self._client).disconnect(wait=0.5)

    def _session_started(self, _event: object) -> None:
        self.connected, self.joined = True, False
        self._log.info("Connected")
        for feature in DISCO_FEATURES:
            # Features belong to a full JID, so they can be told only once it is bound.
            cast(Any, self._client)["xep_0030"].add_feature(feature)
        self._join()

    def _session_resumed(self, _event: object) -> None:
        """Go on: the server kept our place in the room, so there is nothing to join."""
        self.connected = True
        self._log.info("Resumed", joined=self.joined)
        if not self.joined:
            self._join()

    def _say(self, problem: str, detail: str) -> None:
        """Log a lasting problem once, not at every attempt."""
        if (problem + detail) != self._problem:
            self._problem = problem + detail
            self._log.error(problem, detail=detail)

    # ---- the room -------------------------------------------------------------------------

    def _occupant(self) -> str:
        return f"{self._settings.room}/{self._settings.nickname}"

    def _join(self) -> None:
        self._rejoin = None
        if self._closing or not self.connected:
            return
        presence = self._client.make_presence(pto=self._occupant())
        presence.append(stanzas.join())
        presence.append(self._stats())
        presence.send()
        self._join_later(RETRY_SECONDS)

    def _join_later(self, seconds: float) -> None:
        """Try again unless the room has let us in by then."""
        if self._rejoin is not None:
            self._rejoin.cancel()
        self._rejoin = asyncio.get_running_loop().call_later(seconds, self._join_again)

    def _join_again(self) -> None:
        self._rejoin = None
        if not self.joined:
            self._join()

    def _presence(self, stanza: StanzaBase) -> None:
        kind = stanza["type"]
        if kind == "error":
            self.joined = False
            self._say("Could not join the brewery", str(stanza["error"]["condition"]))
            self._join_later(RETRY_SECONDS)
        elif kind == "unavailable":
            self._thrown_out()
        elif not self.joined and stanzas.SELF in stanzas.statuses(stanza.xml):
            self._entered(created=stanzas.CREATED in stanzas.statuses(stanza.xml))

    def _entered(self, *, created: bool) -> None:
        self.joined = True
        self._problem = ""
        if self._rejoin is not None:
            self._rejoin.cancel()
            self._rejoin = None
        self._log.info("Joined the brewery", nickname=self._settings.nickname, created=created)
        if created:
            self._configure_room()
        self.publish()

    def _thrown_out(self) -> None:
        if self.joined and not self._closing:
            self.joined = False
            self._log.warning("Thrown out of the brewery")
            self._join_later(RECONNECT_SECONDS)

    def _configure_room(self) -> None:
        """Submit the new room's form: without it a locked room stays shut to others."""
        iq = self._client.make_iq_set(ito=self._settings.room)
        iq.append(stanzas.room_form())
        future = cast("asyncio.Future[Any]", cast(Any, iq).send(timeout=10))
        future.add_done_callback(_retrieve)

    # ---- requests -------------------------------------------------------------------------

    def _request(self, stanza: StanzaBase) -> None:
        self.requests += 1
        iq = cast(Iq, stanza)
        given = self._answer(stanzas.payload(iq), str(iq["from"].bare))
        reply = iq.reply(clear=True)
        if given.error is not None:
            reply["type"] = "error"
            reply.xml.append(given.error)
        elif given.result is not None:
            reply.xml.append(given.result)
        reply.send()


def _retrieve(future: "asyncio.Future[Any]") -> None:
    """Take the outcome, so that a refusal isn't reported as forgotten."""
    if not future.cancelled():
        future.exception()
