"""A peer's way to the bridge: ICE, then DTLS over it, then a message channel over that.

DTLS starts when ICE has selected an address, the peer's fingerprint is known and, where the peer
begins, its hello is there. Keys go to the engine and are not kept. ICE may move to another
address or agent at any time; DTLS and media don't notice.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from octobridge.core import effects as fx
from octobridge.shell.channel import Channel, ChannelEvents
from octobridge.shell.ice_run import Lookup
from octobridge.shell.ice_transport import IceEvents, IceTransport
from octobridge.shell.logs import logger
from octobridge.shell.media import Socket
from octoengine import Command
from octoengine.dtls import ALGORITHMS, Dtls, DtlsError, Fingerprint, Keys
from octoengine.ice import Credentials, Role

__all__ = ["Link", "LinkOwner", "Reporter"]

EARLY_DATAGRAMS: Final = 4
"""DTLS kept until it can be answered: a ClientHello may be two datagrams, and come twice."""
_log = logger("link")


class Reporter(Protocol):
    """Is told how transports fare."""

    def ice_connected(self, transport: int) -> None: ...  # noqa: D102
    def ice_failed(self, transport: int) -> None: ...  # noqa: D102
    def ice_restarted(self, transport: int, generation: int) -> None: ...  # noqa: D102
    def ice_restart_failed(self, transport: int, generation: int) -> None: ...  # noqa: D102
    def consent_lost(self, transport: int) -> None: ...  # noqa: D102
    def dtls_connected(self, transport: int) -> None: ...  # noqa: D102
    def dtls_failed(self, transport: int) -> None: ...  # noqa: D102
    def channel_opened(self, transport: int) -> None: ...  # noqa: D102
    def channel_closed(self, transport: int) -> None: ...  # noqa: D102
    def channel_text(self, transport: int, text: str) -> None: ...  # noqa: D102
    def bandwidth(self, transport: int, bps: int) -> None: ...  # noqa: D102
    def audio_levels(self, levels: Sequence[tuple[int, int, int, int]]) -> None: ...  # noqa: D102
    def encoding_activity(self, transport: int, ssrc: int, active: bool) -> None: ...  # noqa: D102
    def picture_size(self, transport: int, ssrc: int, width: int, height: int) -> None: ...  # noqa: D102


class LinkOwner(Lookup, Protocol):
    """What a link needs of the whole."""

    reporter: Reporter

    def may_shake_hands(self, link: "Link") -> bool: ...  # noqa: D102
    def shook_hands(self, link: "Link") -> None: ...  # noqa: D102


class Link:
    """See the module."""

    def __init__(
        self, owner: LinkOwner, effect: fx.CreateTransport, sockets: Sequence[Socket]
    ) -> None:
        self.transport = effect.transport
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._ice = IceTransport(
            owner,
            effect.transport,
            Credentials(effect.ufrag, effect.pwd),
            sockets,
            Role.CONTROLLING if effect.controlling else Role.CONTROLLED,
            self._ice_events(),
        )
        self._sctp = effect.sctp
        self._opens_channel = effect.opens_channel
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._dtls_server: bool | None = None
        self._dtls: Dtls | None = None
        self._early: deque[bytes] = deque()
        self._channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_closed = False

    def _ice_events(self) -> IceEvents:
        reporter, transport = self._owner.reporter, self.transport
        return IceEvents(
            connected=self._ice_connected,
            failed=lambda: reporter.ice_failed(transport),
            consent_lost=lambda: reporter.consent_lost(transport),
            restarted=lambda generation: reporter.ice_restarted(transport, generation),
            restart_failed=lambda generation: reporter.ice_restart_failed(transport, generation),
        )

    def _ice_connected(self) -> None:
        self._owner.reporter.ice_connected(self.transport)
        # Once the engine knows where to send to.
        self._loop.call_soon(self._start_dtls)

    # ---- what signalling says -------------------------------------------------------------

    def set_remote(self, remote: fx.SetRemote) -> None:
        """Learn more about the peer."""
        self._ice.set_remote(remote)
        known = tuple(
            Fingerprint(f.hash.lower(), f.value)
            for f in remote.fingerprints
            if f.hash.lower() in ALGORITHMS
        )
        self._fingerprints = known or self._fingerprints
        if remote.dtls_server is not None:
            self._dtls_server = remote.dtls_server
        self._start_dtls()

    def restart_ice(self, restart: fx.RestartIce) -> None:
        """Begin another ICE agent beside the one in use."""
        self._ice.restart(restart)

    def send_text(self, text: str) -> bool:
        """Send a text over the message channel; dropped (False) and counted when there is none."""
        if self._channel is None:
            self._owner.dropped["channel_not_open"] += 1
            return False
        return self._channel.send(text)

    # ---- DTLS and what runs over it -------------------------------------------------------

    def receive_dtls(self, data: bytes) -> None:
        """Take a DTLS datagram from an address that ICE has validated.

        A client says hello as soon as one of its checks is answered, which may be before our own
        check is, or before the focus has told its fingerprint.
        """
        if self._dtls is not None:
            self._dtls.receive(data)
        elif len(self._early) < EARLY_DATAGRAMS:
            self._early.append(data)
            self._start_dtls()
        else:
            self._owner.dropped["dtls_early"] += 1

    def _start_dtls(self) -> None:
        # Undecided (the peer said actpass): waiting for its ClientHello harms nobody. A server's
        # patience begins with it, so a client may be as slow to say hello as it likes.
        server = self._dtls_server is not False
        ready = self._ice.is_selected and self._fingerprints and (self._early or not server)
        if not ready or self._dtls is not None or self._is_closed:
            return
        if not self._owner.may_shake_hands(self):
            # Its hello comes again, and ours can wait.
            self._early.clear()
            self._loop.call_later(1.0, self._start_dtls)
            return
        self._dtls = Dtls(
            "server" if server else "client",
            self._fingerprints,
            self._send_dtls,
            self._install_keys,
            on_closed=self._dtls_closed,
        )
        self._task = self._loop.create_task(self._run_dtls(self._dtls))
        while self._early:
            self._dtls.receive(self._early.popleft())

    async def _run_dtls(self, dtls: Dtls) -> None:
        try:
            await dtls.handshake()
        except DtlsError as error:
            _log.info("DTLS failed", transport=self.transport, reason=str(error))
            self._owner.reporter.dtls_failed(self.transport)
            return
        finally:
            self._owner.shook_hands(self)
        self._owner.reporter.dtls_connected(self.transport)
        if self._sctp:
            self._channel = Channel(
                dtls,
                self._channel_events(),
                self._owner.dropped,
                self.transport,
                opens=self._opens_channel,
            )
            await self._channel.start()

    def _send_dtls(self, data: bytes) -> None:
        self._owner.media.submit([Command.SendData(self.transport, data)])

    def _install_keys(self, keys: Keys) -> None:
        self._owner.media.submit(
            [Command.SetKeys(self.transport, keys.profile, keys.receive, keys.send)]
        )

    def _dtls_closed(self) -> None:
        """End the channel, whose timers run on; media keys outlive DTLS, as in browsers."""
        channel, self._channel = self._channel, None
        if channel is not None:
            self._ending = self._loop.create_task(channel.stop())

    def _channel_events(self) -> ChannelEvents:
        reporter, transport = self._owner.reporter, self.transport
        return ChannelEvents(
            opened=lambda: reporter.channel_opened(transport),
            closed=lambda: reporter.channel_closed(transport),
            text=lambda text: reporter.channel_text(transport, text),
        )

    # ---- the end --------------------------------------------------------------------------

    def close(self, done: Callable[[], None]) -> None:
        """Stop everything; the engine forgets the transport once the peer was told.

        Args:
            done: Called when all is over, maybe at once.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._early.clear()
        self._ice.close()
        if self._dtls is None:
            self._owner.media.submit([Command.RemoveTransport(self.transport)])
            done()
        else:
            self._closing = self._loop.create_task(self._say_goodbye(self._dtls, done))

    async def closed(self) -> None:
        """Wait until the goodbyes are said."""
        if self._closing is not None:
            await self._closing

    async def _say_goodbye(self, dtls: Dtls, done: Callable[[], None]) -> None:
        try:
            if self._task is not None and not self._task.done():
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            if self._channel is not None:
                await self._channel.stop()
            if self._ending is not None:
                await self._ending
            await dtls.close()
            self._owner.dropped.update({f"dtls_{k}": n for k, n in dtls.dropped.items()})
        finally:
            self._owner.media.submit([Command.RemoveTransport(self.transport)])
            done()
