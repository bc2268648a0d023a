"""One synthetic participant: keeps a WebSocket to the focus and a session to its bridge.

The two live apart: media goes on while the focus restarts, and a new offer makes a new session
beside the old one. The old one is given up once the new one stands and everything that flowed by
the old flows by it: after a restart of the focus people get their new places one by one, and until
the last has his, they meet where they were. What happens is written into the ledger; when a stream
was late or missing is not decided here.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog

from octoload import signalling
from octoload.accounting import Ledger
from octoload.gaps import Reading, brings_more
from octoload.media import MediaEngine
from octoload.post import Post
from octoload.session import Session, SessionState
from octoload.shown import Shown
from octoload.streams import Streams
from octoload.watching import Watching

__all__ = ["Participant", "ParticipantSettings"]

RECONNECT_FIRST_SECONDS: Final = 0.2
RECONNECT_LONGEST_SECONDS: Final = 2.0
OLD_SESSION_SECONDS: Final = 1.0
"""The session that was replaced lives on for so long after it was last of use: the others may still
be listening there."""
OLD_SESSION_LONGEST_SECONDS: Final = 60.0
"""And no longer, whatever flows by it."""
RESTART_AGAIN_SECONDS: Final = 5.0

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ParticipantSettings:
    """Who it is and what it sends."""

    key: str
    conference: str
    focus_url: str
    streams: Streams
    region: str | None = None


class Participant:
    """See the module. `start` it once, `stop` it once."""

    def __init__(
        self,
        settings: ParticipantSettings,
        media: MediaEngine,
        ledger: Ledger,
        http: aiohttp.ClientSession,
        clock: Callable[[], float] = time.monotonic,
        post: Post | None = None,
    ) -> None:
        self.settings = settings
        self.key = settings.key
        self.is_over = False
        self.last_error: str | None = None
        self.media = media
        self._ledger = ledger
        self._http = http
        self._clock = clock
        self._post = post
        wish = settings.streams.wish
        self._shown = Shown(by_bridge=settings.streams.watch and wish.last_n >= 0)
        self._endpoint_id: str | None = None
        self._session: Session | None = None
        self._old: list[Session] = []
        self._stands_since: float | None = None
        """When the newest session connected."""
        self._of_use_at = float("-inf")
        """When a session that was replaced last brought what the newest doesn't."""
        self._closing: list[Session] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._outbox: asyncio.Queue[signalling.ClientMessage] = asyncio.Queue(64)
        self._dead_session: str | None = None
        self._restarted_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def endpoint_id(self) -> str | None:
        """What the focus calls it, once it has said so."""
        return self._endpoint_id

    @property
    def sessions(self) -> list[Session]:
        """Every session with a live transport, oldest first."""
        return [*self._old, *([self._session] if self._session is not None else [])]

    @property
    def watching(self) -> Watching | None:
        """Its message channel, if it is open."""
        found = None if self._session is None else self._session.watching
        return found if found is not None and found.is_open else None

    def start(self) -> None:
        """Begin to join."""
        streams = self.settings.streams
        self._ledger.join(self.key, self.settings.conference, streams.ssrcs, self._clock())
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self.key)

    async def stop(self) -> None:
        """Leave: say goodbye to the focus and the bridge."""
        self.is_over = True
        self._ledger.leave(self.key)
        if self._socket is not None and not self._socket.closed:
            await self._send_quietly(self._socket, signalling.Leave())
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close_sessions()

    # ---- the WebSocket --------------------------------------------------------------------

    async def _run(self) -> None:
        pause = RECONNECT_FIRST_SECONDS
        while not self.is_over:
            began = self._clock()
            try:
                await self._converse()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._note(f"signalling: {error or type(error).__name__}")
            except signalling.SignallingError as error:
                self._note(f"the focus broke the protocol: {error}")
            if self._clock() - began > RECONNECT_LONGEST_SECONDS:
                pause = RECONNECT_FIRST_SECONDS
            if not self.is_over:
                # Spread, so that a focus that comes back isn't met by everyone at once.
                await asyncio.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
                pause = min(pause * 2, RECONNECT_LONGEST_SECONDS)
        await self._close_sessions()

    async def _converse(self) -> None:
        """Hold one WebSocket until it ends."""
        async with self._http.ws_connect(
            self.settings.focus_url,
            max_msg_size=signalling.FRAME_LIMIT,
            # Its class is made by attrs, whose arguments the type checker can't see.
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),  # pyright: ignore[reportCallIssue]
        ) as socket:
            self._socket = socket
            self._outbox = asyncio.Queue(64)
            await socket.send_str(signalling.build(self._join()))
            helpers = [
                asyncio.create_task(self._write(socket)),
                asyncio.create_task(self._ping()),
            ]
            try:
                await self._read(socket)
            finally:
                self._socket = None
                for helper in helpers:
                    helper.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)

    def _join(self) -> signalling.Join:
        session, streams = self._session, self.settings.streams
        return signalling.Join(
            conference=self.settings.conference,
            endpoint_id=self._endpoint_id,
            session_id=session.id if session is not None and session.is_alive else None,
            display=self.key[:256],
            region=self.settings.region,
            sources=streams.offered,
        )

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while not self.is_over:
            frame = await socket.receive(signalling.SILENCE_SECONDS)
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return
            self._told(signalling.parse_focus(frame.data))

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            message = await self._outbox.get()
            if not await self._send_quietly(socket, message):
                return

    async def _ping(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(signalling.PING_SECONDS)
            number += 1
            self._say(signalling.Ping(id=number))
            self._ask_again()

    @staticmethod
    async def _send_quietly(
        socket: aiohttp.ClientWebSocketResponse, message: signalling.ClientMessage
    ) -> bool:
        """Send; False when the connection is gone, which the reader learns as well."""
        try:
            await socket.send_str(signalling.build(message))
        except (aiohttp.ClientError, OSError):
            return False
        return True

    def _say(self, message: signalling.ClientMessage) -> None:
        if self._socket is not None:
            try:
                self._outbox.put_nowait(message)
            except asyncio.QueueFull:
                self._note("signalling: the focus doesn't read")

    # ---- what the focus says --------------------------------------------------------------

    def _told(self, message: signalling.FocusMessage) -> None:
        now = self._clock()
        match message:
            case signalling.Offer():
                self._offered(message)
            case signalling.Resumed():
                self._endpoint_id = message.endpoint_id
                self._ledger.replace(self.key, self._shown.replace(message.sources), now)
                for session in self.sessions:
                    session.expect(message.sources)
            case signalling.Sources():
                self._ledger.forget(self.key, message.removed)
                expected = self._shown.change(message.removed, message.added)
                self._ledger.expect(self.key, expected, now)
                for session in self.sessions:
                    session.forget(message.removed)
                    session.expect(message.added)
            case signalling.Waiting():
                self._note(f"waiting: {message.reason}")
                self._ledger.wait(self.key)
            case signalling.Ended():
                self._note(f"ended: {message.reason}")
                self._ledger.ended(self.key, message.reason)
                self.is_over = True
            case signalling.Pong() | signalling.NewIce():
                pass  # nobody here asks for new ICE

    def _offered(self, offer: signalling.Offer) -> None:
        self._endpoint_id = offer.endpoint_id
        self._ledger.offer(self.key, offer.session_id, offer.bridge)
        self._ledger.replace(self.key, self._shown.replace(offer.sources), self._clock())
        before, self._session, self._stands_since = self._session, None, None
        if before is not None and before.state is SessionState.CONNECTED:
            self._old.append(before)
        elif before is not None:
            self._discard(before)
        try:
            self._session = Session(
                self.media,
                offer,
                self.settings.streams,
                self._connected,
                self._failed,
                self._hear,
            )
        except (OSError, ValueError) as error:
            self._died(offer.session_id, f"no session: {error}")
            return
        self._dead_session = None
        self._say(self._session.answer)

    # ---- what its sessions say ------------------------------------------------------------

    def _connected(self, session: Session) -> None:
        if session is self._session:
            self._stands_since = self._clock()
            self._ledger.connected(self.key, session.id, self._stands_since)
            self._say(signalling.Connected(session_id=session.id))

    def counted(self, readings: Mapping[str, Sequence[Reading]]) -> None:
        """Give up the sessions that were replaced and bring nothing more.

        Args:
            readings: What each session counted, by its id.
        """
        if self._session is None or self._stands_since is None:
            return
        now, newest = self._clock(), readings.get(self._session.id, ())
        if any(brings_more(readings.get(old.id, ()), newest) for old in self._old):
            self._of_use_at = now
        useless_for = now - max(self._of_use_at, self._stands_since)
        stands_for = now - self._stands_since
        if useless_for >= OLD_SESSION_SECONDS or stands_for >= OLD_SESSION_LONGEST_SECONDS:
            for old in list(self._old):
                self._discard(old)

    def _hear(self, session: Session, text: str) -> None:
        if self._post is not None:
            self._post.heard(self.key, text)
        if session is not self._session:
            return
        if expected := self._shown.heard(text):
            self._ledger.expect(self.key, expected, self._clock())

    def _failed(self, session: Session, reason: str) -> None:
        if session is self._session:
            self._died(session.id, reason)
        else:
            self._discard(session)

    def _died(self, session_id: str, reason: str) -> None:
        self._note(reason)
        self._dead_session = session_id
        self._ask_again()

    def _ask_again(self) -> None:
        """Ask for another place while the newest one is dead, not too often."""
        now = self._clock()
        if self._dead_session and now - self._restarted_at >= RESTART_AGAIN_SECONDS:
            self._restarted_at = now
            reason = (self.last_error or "")[:256]
            self._say(signalling.Restart(session_id=self._dead_session, reason=reason))

    def _discard(self, session: Session) -> None:
        if session in self._old:
            self._old.remove(session)
        session.close()
        self._closing = [s for s in self._closing if not s.is_closed] + [session]
        self._ledger.session_gone(self.key, session.id)

    async def _close_sessions(self) -> None:
        sessions = [*self.sessions, *self._closing]
        self._old, self._session, self._closing = [], None, []
        for session in sessions:
            session.close()
        await asyncio.gather(*(session.wait_closed() for session in sessions))

    def _note(self, error: str) -> None:
        if error != self.last_error:
            logger.info("Participant is in trouble", participant=self.key, reason=error)
        self.last_error = error
