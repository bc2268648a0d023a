"""A focus that does what a test tells it: sits in the brewery and sends requests as Jicofo does."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from xml.etree.ElementTree import Element, SubElement

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from tests.integration.prosody import (
    AUTH_DOMAIN,
    BREWERY,
    INTERNAL_MUC_DOMAIN,
    PASSWORDS,
    Prosody,
)

from jitsiwire import colibri2_xml, namespaces
from jitsiwire.brewery import find_stats
from jitsiwire.colibri2 import Colibri2Error, ConferenceModified, ConferenceModify
from jitsiwire.stats import BridgeStats

ROOM = f"{BREWERY}@{INTERNAL_MUC_DOMAIN}"


class ScriptedFocus:
    """See the module."""

    def __init__(self, user: str = "focus") -> None:
        # slixmpp is typed only in part.
        self.client = cast(Any, ClientXMPP(f"{user}@{AUTH_DOMAIN}", PASSWORDS[user]))
        self.client.enable_direct_tls = False
        self.client.ssl_context.check_hostname = False
        self.client.ssl_context.verify_mode = ssl.CERT_NONE
        self.client.register_plugin("xep_0030")
        self.client.register_plugin("xep_0199")
        self.presences: dict[str, list[tuple[str, BridgeStats | None, Element]]] = {}
        self.changed = asyncio.Event()
        self.client.register_handler(
            Callback("presence", MatchXPath("{jabber:client}presence"), self._presence)
        )

    async def enter(self, prosody: Prosody, nickname: str = "focus") -> None:
        """Log in and join the brewery."""
        started = asyncio.Event()

        def on_start(_event: object) -> None:
            started.set()

        self.client.add_event_handler("session_start", on_start)
        self.client.connect(prosody.host, prosody.port)
        await asyncio.wait_for(started.wait(), 60)
        presence = self.client.make_presence(pto=f"{ROOM}/{nickname}")
        presence.append(Element(f"{{{namespaces.MUC}}}x"))
        presence.send()
        await self.until(lambda: nickname in self.presences)

    def _presence(self, stanza: Any) -> None:
        nickname = stanza["from"].resource
        kind = str(stanza["type"])
        entry = (kind, find_stats(stanza.xml), stanza.xml)
        self.presences.setdefault(nickname, []).append(entry)
        self.changed.set()

    async def until(self, condition: Any, seconds: float = 60.0) -> None:
        """Wait until a condition on what was seen holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def stats(self, nickname: str) -> BridgeStats | None:
        """The last statistics a bridge published, None when it isn't there."""
        seen = self.presences.get(nickname, [])
        if not seen or seen[-1][0] == "unavailable":
            return None
        return seen[-1][1]

    async def until_bridge(self, nickname: str, seconds: float = 60.0) -> BridgeStats:
        """Wait for a bridge to publish."""
        await self.until(lambda: self.stats(nickname) is not None, seconds)
        found = self.stats(nickname)
        assert found is not None
        return found

    async def until_gone(self, nickname: str, seconds: float = 60.0) -> None:
        """Wait until a bridge has left."""
        await self.until(
            lambda: (
                bool(self.presences.get(nickname))
                and self.presences[nickname][-1][0] == "unavailable"
            ),
            seconds,
        )

    def send(
        self, nickname: str, payload: Element | None, kind: str = "get", to: str | None = None
    ) -> "asyncio.Future[Any]":
        """Send an IQ to a bridge; the future is the answer's IQ, or IqError."""
        iq = self.client.make_iq(ito=to or f"{ROOM}/{nickname}", itype=kind)
        if payload is not None:
            iq.append(payload)
        return iq.send(timeout=30)

    async def ask(self, nickname: str, payload: Element | None, kind: str = "get") -> Element:
        """Send an IQ and return the answer's XML, an error's too."""
        try:
            answer = await self.send(nickname, payload, kind)
        except IqError as error:
            return cast(Any, error).iq.xml
        return answer.xml

    async def modify(
        self, nickname: str, request: ConferenceModify, kind: str = "get"
    ) -> ConferenceModified | Colibri2Error:
        """Send a Colibri2 request and return its outcome."""
        answer = await self.ask(nickname, colibri2_xml.build_request(request), kind)
        modified = answer.find(colibri2_xml.MODIFIED)
        if modified is not None:
            return colibri2_xml.parse_reply(modified)
        error = answer.find("{jabber:client}error")
        assert error is not None, "neither a reply nor an error"
        return colibri2_xml.parse_error(error)

    async def kick(self, nickname: str) -> None:
        """Throw someone out of the brewery."""
        query = Element("{http://jabber.org/protocol/muc#admin}query")
        item = SubElement(query, "{http://jabber.org/protocol/muc#admin}item")
        item.attrib.update(nick=nickname, role="none")
        iq = self.client.make_iq(ito=ROOM, itype="set")
        iq.append(query)
        await iq.send(timeout=30)


@asynccontextmanager
async def focus_in(
    prosody: Prosody, nickname: str = "focus", user: str = "focus"
) -> AsyncGenerator[ScriptedFocus]:
    """A focus in the brewery of this server."""
    focus = ScriptedFocus(user)
    try:
        await focus.enter(prosody, nickname)
        yield focus
    finally:
        await focus.client.disconnect(wait=0.5)
