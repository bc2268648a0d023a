"""One endpoint's way to the bridge: its ICE agent, then DTLS over it, then a data channel.

The agent is sans-I/O; this gives it time and datagrams. DTLS starts when ICE has selected an
address, the peer's fingerprint is known and, where the peer begins, its hello is there. Keys go
to the engine and are not kept.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

from jitsiwire.colibri2 import Candidate
from octobridge.core import effects as fx
from octobridge.shell.channel import Channel, ChannelEvents
from octobridge.shell.logs import logger
from octobridge.shell.media import MediaEngine
from octoengine import Command
from octoengine.dtls import ALGORITHMS, Dtls, DtlsError, Fingerprint, Keys
from octoengine.ice import (
    Agent,
    ConsentLost,
    Credentials,
    Failed,
    IceLimits,
    LocalCandidate,
    RemoteCandidate,
    Role,
    Selected,
    Validated,
)

__all__ = ["Link", "LinkOwner"]

KEPT_TRANSACTIONS: Final = 128
EARLY_DATAGRAMS: Final = 4
"""DTLS kept until it can be answered: a ClientHello may be two datagrams, and come twice."""
ESTABLISH_SECONDS: Final = 60.0
"""ICE's time from the creation of the endpoint: a client may take a while to answer."""
FAIR_SECONDS: Final = 20.0
"""ICE isn't called failed before the peer's credentials are known for so long."""
_log = logger("link")


class _Reporter(Protocol):
    def ice_connected(self, transport: int) -> None: ...
    def ice_failed(self, transport: int) -> None: ...
    def consent_lost(self, transport: int) -> None: ...
    def dtls_connected(self, transport: int) -> None: ...
    def dtls_failed(self, transport: int) -> None: ...
    def channel_opened(self, transport: int) -> None: ...
    def channel_closed(self, transport: int) -> None: ...
    def channel_text(self, transport: int, text: str) -> None: ...


class LinkOwner(Protocol):
    """What a link needs of the whole."""

    media: MediaEngine
    reporter: _Reporter
    dropped: Counter[str]

    def remember_transaction(self, transaction: bytes, link: "Link") -> bool: ...  # noqa: D102
    def forget_transaction(self, transaction: bytes) -> None: ...  # noqa: D102


class Link:
    """See the module."""

    def __init__(self, owner: LinkOwner, effect: fx.CreateTransport) -> None:
        self.transport = effect.transport
        self.ufrag = effect.ufrag
        self.transactions: deque[bytes] = deque()
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._agent = Agent(
            Role.CONTROLLING,
            Credentials(effect.ufrag, effect.pwd),
            tuple(
                LocalCandidate(s.number, s.address.ip, s.address.port) for s in owner.media.sockets
            ),
            self._loop.time(),
            limits=IceLimits(establish_seconds=ESTABLISH_SECONDS),
        )
        self._sctp = effect.sctp
        self._timer: asyncio.TimerHandle | None = None
        self._remote_known_at: float | None = None
        self._selected = False
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._dtls_server: bool | None = None
        self._dtls: Dtls | None = None
        self._early: deque[bytes] = deque()
        self._channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_closed = False
        self._pump()

    # ---- what signalling says -------------------------------------------------------------

    def set_remote(self, remote: fx.SetRemote) -> None:
        """Learn more about the peer."""
        now = self._loop.time()
        if remote.ufrag and remote.pwd:
            try:
                credentials = Credentials(remote.ufrag, remote.pwd)
            except ValueError:
                self._owner.dropped["ice_credentials_malformed"] += 1
            else:
                self._remote_known_at = self._remote_known_at or now
                self._agent.set_remote_credentials(credentials, now)
        for candidate in remote.candidates:
            self._agent.add_remote_candidate(_remote_candidate(candidate))
        known = tuple(
            Fingerprint(f.hash.lower(), f.value)
            for f in remote.fingerprints
            if f.hash.lower() in ALGORITHMS
        )
        self._fingerprints = known or self._fingerprints
        if remote.dtls_server is not None:
            self._dtls_server = remote.dtls_server
        self._pump()
        self._start_dtls()

    # ---- what the network says ------------------------------------------------------------

    def receive_stun(self, data: bytes, socket: int, source: tuple[str, int]) -> None:
        """Take a STUN message that is this link's."""
        self._agent.receive(data, socket, source, self._loop.time())
        self._pump()

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

    def _pump(self) -> None:
        """Send what ICE wants sent, act on what it found, and come back when it is due."""
        commands: list[Command] = []
        for event in self._agent.events():
            match event:
                case Validated(socket, address, port):
                    commands.append(Command.BindAddress(self.transport, socket, address, port))
                case Selected(socket, address, port):
                    commands.append(Command.SelectAddress(self.transport, socket, address, port))
                    self._selected = True
                    self._owner.reporter.ice_connected(self.transport)
                case Failed():
                    self._failed()
                case ConsentLost():
                    self._owner.reporter.consent_lost(self.transport)
        for datagram in self._agent.transmits():
            self._note_transaction(datagram.data)
            commands.append(
                Command.SendDatagram(
                    datagram.socket, datagram.address, datagram.port, datagram.data
                )
            )
        self._owner.media.submit(commands)
        self._arm()
        self._start_dtls()

    def _failed(self) -> None:
        known = self._remote_known_at
        # A peer that answered just now may yet come through; silence is for `expiry` to judge.
        if known is not None and self._loop.time() - known >= FAIR_SECONDS:
            self._owner.reporter.ice_failed(self.transport)

    def _note_transaction(self, data: bytes) -> None:
        is_request = data[0] & 0x01 == 0 and data[1] & 0x10 == 0
        transaction = data[8:20]
        if not is_request or transaction in self.transactions:
            return
        if self._owner.remember_transaction(transaction, self):
            self.transactions.append(transaction)
        if len(self.transactions) > KEPT_TRANSACTIONS:
            self._owner.forget_transaction(self.transactions.popleft())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._agent.deadline()
        if due is not None and not self._is_closed:
            self._timer = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._agent.expire(self._loop.time())
        self._pump()

    # ---- DTLS and what runs over it -------------------------------------------------------

    def _start_dtls(self) -> None:
        # Undecided (the peer said actpass): waiting for its ClientHello harms nobody. A server's
        # patience begins with it, so a client may be as slow to say hello as it likes.
        server = self._dtls_server is not False
        ready = self._selected and self._fingerprints and (self._early or not server)
        if not ready or self._dtls is not None or self._is_closed:
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
        self._owner.reporter.dtls_connected(self.transport)
        if self._sctp:
            self._channel = Channel(
                dtls, self._channel_events(), self._owner.dropped, self.transport
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
        reporter = self._owner.reporter
        return ChannelEvents(
            opened=lambda: reporter.channel_opened(self.transport),
            closed=lambda: reporter.channel_closed(self.transport),
            text=lambda text: reporter.channel_text(self.transport, text),
        )

    def send_text(self, text: str) -> None:
        """Send a text over the message channel; dropped and counted when there is none."""
        if self._channel is None:
            self._owner.dropped["channel_not_open"] += 1
        else:
            self._channel.send(text)

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
        if self._timer is not None:
            self._timer.cancel()
        self._owner.dropped.update({f"ice_{k}": n for k, n in self._agent.dropped.items()})
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
            self._owner.dropped.update({f"dtls_{k}": n for k, n in dtls.dropped.items()})
            await dtls.close()
        finally:
            self._owner.media.submit([Command.RemoveTransport(self.transport)])
            done()


def _remote_candidate(c: Candidate) -> RemoteCandidate:
    return RemoteCandidate(c.ip, c.port, c.priority, c.type, c.generation, c.protocol, c.component)
