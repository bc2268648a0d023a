"""One connection of a participant to a bridge: ICE, DTLS, keys, streams, on one engine line.

Made from an offer; tells its owner once when it's connected and once when it failed. The ICE
agent is controlled (the bridge nominates) unless the roles conflict.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from enum import Enum

from octoengine import dtls, ice
from octoload import signalling
from octoload.media import Command, Line, MediaEngine
from octoload.sending import Sending
from octoload.streams import TRANSPORT_CC, Negotiated, Streams, negotiated
from octoload.watching import Watching, limit_in

__all__ = ["Session", "SessionState"]


class SessionState(Enum):
    """Where a session stands; it only moves downwards."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class Session:
    """See the module.

    Args:
        media: The engine to run on.
        offer: What the focus said.
        streams: What to send once connected.
        on_connected: Called once, with this session.
        on_failed: Called once, with this session and why; never after `close`.
        on_message: Called with this session and every text that comes by its message channel.
    """

    def __init__(
        self,
        media: MediaEngine,
        offer: signalling.Offer,
        streams: Streams,
        on_connected: Callable[["Session"], None],
        on_failed: Callable[["Session", str], None],
        on_message: Callable[["Session", str], None] = lambda _session, _text: None,
    ) -> None:
        self.id = offer.session_id
        self.state = SessionState.CONNECTING
        self._streams = streams
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._on_message = on_message
        self._timer: asyncio.TimerHandle | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_selected = False
        self.line: Line = media.open_line(self, 0)
        self._address = media.address
        self._agent = self._make_agent(offer.transport)
        self._dtls = self._make_dtls(offer.transport)
        self._has_channels = offer.transport.sctp_port is not None
        self._watching: Watching | None = None
        self._camera = f"{offer.endpoint_id}-v0"
        said = negotiated(offer.media)
        self._sending = Sending(streams, said, self.line.transport, self.line.submit)
        self._negotiate(said)
        self._repairs: dict[int, int] = {}
        local = self._agent.local
        self.line.submit(Command.SetIce(self.line.transport, local.ufrag, local.pwd))
        self.expect(offer.sources)
        self._run_ice()

    @property
    def answer(self) -> signalling.Answer:
        """What to tell the focus."""
        local = self._agent.local
        own = dtls.fingerprint(dtls.process_certificate())
        candidate = signalling.Candidate(
            priority=ice.candidate_priority(ice.CandidateType.HOST),
            address=self._address,
            port=self.line.port,
        )
        return signalling.Answer(
            session_id=self.id,
            transport=signalling.TransportDescription(
                ufrag=local.ufrag,
                pwd=local.pwd,
                candidates=(candidate,),
                fingerprint_hash="sha-256",
                fingerprint=own.value,
                setup="active" if self._dtls.role == "client" else "passive",
            ),
        )

    @property
    def is_alive(self) -> bool:
        """Whether it's connected, or may still become so."""
        return self.state in (SessionState.CONNECTING, SessionState.CONNECTED)

    @property
    def watching(self) -> Watching | None:
        """Its message channel, where it has one."""
        return self._watching

    def expect(self, sources: Iterable[signalling.RemoteSource]) -> None:
        """Count these sources by their kind, and what comes repaired as having come."""
        transport = self.line.transport
        for source in sources:
            self.line.submit(Command.AddSource(transport, source.ssrc, source.kind))
            if source.rtx is not None:
                self._repairs[source.ssrc] = source.rtx
                self.line.submit(Command.AddSource(transport, source.rtx, "rtx", source.ssrc))

    def forget(self, ssrcs: Iterable[int]) -> None:
        """Stop counting these sources."""
        transport = self.line.transport
        for ssrc in ssrcs:
            self.line.submit(Command.RemoveSource(transport, ssrc))
            if (rtx := self._repairs.pop(ssrc, None)) is not None:
                self.line.submit(Command.RemoveSource(transport, rtx))

    @property
    def is_closed(self) -> bool:
        """Whether a `close` has run its course."""
        return self._closing is not None and self._closing.done()

    def close(self) -> None:
        """Tear it down; the owner isn't told. Idempotent."""
        if self.state is not SessionState.CLOSED:
            self.state = SessionState.CLOSED
            self._stop_timer()
            if self._handshake is not None:
                self._handshake.cancel()
            self._closing = asyncio.get_running_loop().create_task(self._say_goodbye())

    async def wait_closed(self) -> None:
        """Return when a `close` has run its course."""
        if self._closing is not None:
            await self._closing

    # ---- LineHandler ----------------------------------------------------------------------

    def stun_received(self, address: str, port: int, data: bytes) -> None:
        """Let ICE have it."""
        if self.state is not SessionState.CLOSED:
            self._agent.receive(data, self.line.socket, (address, port), time.monotonic())
            self._run_ice()

    def dtls_received(self, data: bytes) -> None:
        """Let DTLS have it."""
        self._dtls.receive(data)

    # ---- ICE ------------------------------------------------------------------------------

    def _make_agent(self, remote: signalling.TransportDescription) -> ice.Agent:
        local = ice.LocalCandidate(self.line.socket, self._address, self.line.port)
        agent = ice.Agent(
            ice.Role.CONTROLLED,
            ice.Credentials.generate(),
            (local,),
            time.monotonic(),
            remote=ice.Credentials(remote.ufrag, remote.pwd),
        )
        for candidate in remote.candidates:
            agent.add_remote_candidate(
                ice.RemoteCandidate(
                    candidate.address,
                    candidate.port,
                    candidate.priority,
                    candidate.type,
                    candidate.generation,
                )
            )
        return agent

    def _run_ice(self) -> None:
        """Do what is due, act on events, send what waits, set the next alarm."""
        now = time.monotonic()
        deadline = self._agent.deadline()
        if deadline is not None and deadline <= now:
            self._agent.expire(now)
        # Addresses are bound before the answers go out that invite the bridge to use them.
        for event in self._agent.events():
            self._ice_event(event)
        sends = [
            Command.SendDatagram(t.socket, t.address, t.port, t.data)
            for t in self._agent.transmits()
        ]
        if sends:
            self.line.submit(*sends)
        self._stop_timer()
        deadline = self._agent.deadline()
        if deadline is not None and self.is_alive:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._run_ice)

    def _ice_event(self, event: ice.Event) -> None:
        transport = self.line.transport
        match event:
            case ice.Validated(socket, address, port):
                self.line.submit(Command.BindAddress(transport, socket, address, port))
            case ice.Selected(socket, address, port):
                self.line.submit(Command.SelectAddress(transport, socket, address, port))
                if not self._is_selected:
                    self._is_selected = True
                    loop = asyncio.get_running_loop()
                    self._handshake = loop.create_task(self._shake_hands())
            case ice.Failed(reason):
                self._fail(f"ICE: {reason}")
            case ice.ConsentLost():
                self._fail("ICE: the bridge was silent for 30 s")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- DTLS and media -------------------------------------------------------------------

    def _negotiate(self, said: Negotiated) -> None:
        transport, number = self.line.transport, said.transport_cc
        if self._streams.feedback and number is not None:
            self.line.submit(
                Command.SetExtensions(transport, [(number, TRANSPORT_CC)]),
                Command.SetFeedback(transport, True, False, True),
            )

    def _heard(self, text: str) -> None:
        limit = limit_in(text)
        if limit is not None and limit.source_name == self._camera and self.is_alive:
            self._sending.limit(limit.max_height)
        self._on_message(self, text)

    def _make_dtls(self, remote: signalling.TransportDescription) -> dtls.Dtls:
        role: dtls.Role = "server" if remote.setup == "active" else "client"
        return dtls.Dtls(
            role,
            [dtls.Fingerprint(remote.fingerprint_hash, remote.fingerprint)],
            lambda data: self.line.submit(Command.SendData(self.line.transport, data)),
            self._install_keys,
            on_closed=lambda: self._fail("DTLS: closed by the bridge"),
        )

    def _install_keys(self, keys: dtls.Keys) -> None:
        self.line.submit(
            Command.SetKeys(self.line.transport, keys.profile, keys.receive, keys.send)
        )

    async def _shake_hands(self) -> None:
        try:
            await self._dtls.handshake()
        except dtls.DtlsError as error:
            self._fail(f"DTLS: {error}")
            return
        if self.state is SessionState.CONNECTING:
            self.state = SessionState.CONNECTED
            self._sending.begin()
            self._on_connected(self)
            if self._streams.watch and self._has_channels:
                self._watching = Watching(self._dtls, self._heard, self._streams.wish)
                await self._watching.begin()

    def _fail(self, reason: str) -> None:
        if self.is_alive:
            self.state = SessionState.FAILED
            self._stop_timer()
            self._on_failed(self, reason)

    async def _say_goodbye(self) -> None:
        if self._watching is not None:
            await self._watching.stop()
        await self._dtls.close()
        self.line.close()
