"""A bridge of slixmpp alone: joins the brewery, answers Colibri2 from memory, as it is told to."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any, cast
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP
from slixmpp.stanza import Iq
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from tests.integration.prosody import AUTH_DOMAIN, BREWERY, INTERNAL_MUC_DOMAIN, PASSWORDS, Prosody

from jitsiwire.brewery import HEALTH_CHECK
from jitsiwire.colibri2 import (
    Candidate,
    Colibri2Error,
    Condition,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    Fingerprint,
    IceTransport,
    Transport,
)
from jitsiwire.colibri2_xml import MODIFY, build_error, build_reply, parse_request
from jitsiwire.stats import BridgeStats, build_presence

ROOM = f"{BREWERY}@{INTERNAL_MUC_DOMAIN}"
OFFER = IceTransport(
    "ufrag",
    "p" * 24,
    candidates=(Candidate(1, "1", 0, "c1", 0, "127.0.0.1", 10000, 1, "udp", "host"),),
    rtcp_mux=True,
    fingerprints=(Fingerprint("sha-256", ":".join(["AB"] * 32), "actpass"),),
)


@dataclass
class ScriptedBridge:
    """One bridge; `health` and `refusal` are what it answers with."""

    prosody: Prosody
    nickname: str
    stats: BridgeStats = field(
        default_factory=lambda: BridgeStats(stress_level=0.1, drain=False, version="1")
    )
    health: Condition | None = None
    refusal: Colibri2Error | None = None
    requests: list[ConferenceModify] = field(default_factory=list[ConferenceModify])
    kinds: list[str] = field(default_factory=list[str])
    checks: int = 0

    async def start(self) -> None:
        """Connect and join."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        made = ClientXMPP(
            f"jvb@{AUTH_DOMAIN}/{self.nickname}", PASSWORDS["jvb"], ssl_context=context
        )
        self.client = cast("Any", made)  # typed only in part
        self.client.enable_direct_tls = False
        started = asyncio.Event()

        def on_start(_event: object) -> None:
            started.set()

        self.client.add_event_handler("session_start", on_start)
        self.client.register_handler(Callback("ask", MatchXPath("{jabber:client}iq"), self._asked))
        self.client.connect(self.prosody.host, self.prosody.port)
        await asyncio.wait_for(started.wait(), 60)
        self.publish(self.stats, join=True)

    def publish(self, stats: BridgeStats, *, join: bool = False) -> None:
        """Publish statistics."""
        self.stats = stats
        presence = self.client.make_presence(pto=f"{ROOM}/{self.nickname}")
        if join:
            presence.append(Element("{http://jabber.org/protocol/muc}x"))
        presence.append(build_presence(stats))
        presence.send()

    async def vanish(self) -> None:
        """Lose the connection."""
        self.client.abort()
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Leave."""
        await self.client.disconnect(wait=0.5)

    def _asked(self, stanza: StanzaBase) -> None:
        iq = cast("Any", stanza)
        child = next(iter(cast("Iq", stanza).xml), None)
        if iq["type"] not in ("get", "set") or child is None:
            return
        if child.tag == HEALTH_CHECK:
            self.checks += 1
            ill = None if self.health is None else Colibri2Error(self.health, "ill")
            self._reply(iq, ill, None)
        elif child.tag == MODIFY:
            self.kinds.append(iq["type"])
            self._colibri(iq, parse_request(child))

    def _colibri(self, iq: Any, request: ConferenceModify) -> None:
        self.requests.append(request)
        if self.refusal is not None and any(e.create for e in request.endpoints):
            self._reply(iq, self.refusal, None)
            return
        made = tuple(
            Endpoint(e.id, transport=Transport(ice=OFFER)) for e in request.endpoints if e.create
        )
        self._reply(iq, None, build_reply(ConferenceModified(made)))

    def _reply(self, iq: Any, error: Colibri2Error | None, result: Element | None) -> None:
        reply = iq.reply(clear=True)
        if error is not None:
            reply["type"] = "error"
            reply.xml.append(build_error(error))
        elif result is not None:
            reply.xml.append(result)
        reply.send()
