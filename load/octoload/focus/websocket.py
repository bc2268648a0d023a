"""The participants' WebSocket: `octoload.signalling` on one side, the focus' core on the other.

A connection that is silent for too long, that sends what isn't in the protocol, or that reads
slower than it is told things, is closed; the participant may come back by `join`.
"""

import asyncio
from typing import Final, assert_never

import structlog
from aiohttp import WSMsgType, web

from octoload import signalling
from octoload.focus import browsers, page
from octoload.focus.effects import Effect
from octoload.focus.shell import Shell

__all__ = ["SignalServer"]

QUEUE_LIMIT: Final = 1_000
"""Messages waiting for one participant."""
CONNECTIONS_LIMIT: Final = 20_000

log = structlog.get_logger()


class SignalServer:
    """All participants' connections."""

    def __init__(self, shell: Shell) -> None:
        self.malformed = 0
        self.overrun = 0
        self._shell = shell
        self._queues: dict[int, asyncio.Queue[signalling.FocusMessage | None]] = {}
        self._people: dict[int, tuple[str, str]] = {}
        """Conference and endpoint, by connection."""
        self._last = 0
        shell.connections = self

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        application.router.add_get("/signal", self._serve)
        page.add_routes(application)
        return application

    # -- Connections ------------------------------------------------------------------------------

    def tell(self, connection: int, message: signalling.FocusMessage) -> None:
        """Say something over a connection, if it is still there."""
        self._put(connection, message)

    def close(self, connection: int) -> None:
        """End a connection after what was said before."""
        self._put(connection, None)

    def _put(self, connection: int, message: signalling.FocusMessage | None) -> None:
        queue = self._queues.get(connection)
        if queue is None:
            return
        if queue.qsize() >= QUEUE_LIMIT:
            # Nothing may be lost in between: it comes back and gets the whole picture.
            self.overrun += 1
            del self._queues[connection]
            while not queue.empty():
                queue.get_nowait()
            message = None
        queue.put_nowait(message)

    # -- one participant --------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if len(self._queues) >= CONNECTIONS_LIMIT:
            raise web.HTTPServiceUnavailable(text="too many connections")
        socket = web.WebSocketResponse(max_msg_size=signalling.FRAME_LIMIT, autoping=True)
        await socket.prepare(request)
        self._last += 1
        connection = self._last
        queue: asyncio.Queue[signalling.FocusMessage | None] = asyncio.Queue()
        self._queues[connection] = queue
        writer = asyncio.create_task(self._write(socket, queue))
        try:
            await self._read(socket, connection)
        finally:
            self._queues.pop(connection, None)
            who = self._people.pop(connection, None)
            if who is not None:
                gone = self._shell.focus.hung_up(*who, connection, self._shell.now())
                self._shell.perform(gone)
            queue.put_nowait(None)
            await self._finish(writer)
        return socket

    async def _finish(self, writer: "asyncio.Task[None]") -> None:
        """Let it say what it has to say, but not for long."""
        done, _ = await asyncio.wait({writer}, timeout=2.0)
        if not done:
            writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)

    async def _write(
        self,
        socket: web.WebSocketResponse,
        queue: "asyncio.Queue[signalling.FocusMessage | None]",
    ) -> None:
        while (message := await queue.get()) is not None:
            await socket.send_str(signalling.build(message))
        await socket.close()

    async def _read(self, socket: web.WebSocketResponse, connection: int) -> None:
        """Take what it says until it ends, goes silent or says nonsense."""
        while True:
            try:
                frame = await socket.receive(timeout=signalling.SILENCE_SECONDS)
            except TimeoutError:
                return
            if frame.type is not WSMsgType.TEXT:
                return
            try:
                message = signalling.parse_client(str(frame.data))
            except signalling.SignallingError as error:
                self.malformed += 1
                log.warning("Dropped a participant", reason=str(error))
                return
            if not self._take(connection, message):
                return

    def _take(self, connection: int, message: signalling.ClientMessage) -> bool:
        """Act on one message; return whether the connection goes on."""
        who = self._people.get(connection)
        match message:
            case signalling.Ping(id=number):
                self.tell(connection, signalling.Pong(id=number))
            case signalling.Join() if who is None:
                focus, now = self._shell.focus, self._shell.now()
                joined, effects = focus.joined(connection, message, now)
                if joined is not None:
                    self._people[connection] = joined
                self._shell.perform(effects)
                return joined is not None
            case signalling.Leave():
                self._people.pop(connection, None)
                if who is not None:
                    self._shell.perform(self._shell.focus.left(*who))
                return False
            case signalling.Answer() | signalling.Connected() | signalling.Restart() if who:
                self._shell.perform(self._said(who, message))
            case signalling.Publish() | signalling.Trickle() | signalling.IceRestart() if who:
                self._shell.perform(browsers.take(self._shell.focus, who, message))
            case _:  # a second join, or anything else before the first
                self.malformed += 1
                return False
        return True

    def _said(
        self,
        who: tuple[str, str],
        message: signalling.Answer | signalling.Connected | signalling.Restart,
    ) -> list[Effect]:
        focus = self._shell.focus
        match message:
            case signalling.Answer():
                return focus.answered(*who, message)
            case signalling.Connected(session_id=session):
                return focus.connected(*who, session)
            case signalling.Restart(session_id=session, reason=reason):
                log.info("A participant asks for a restart", endpoint=who[1], reason=reason)
                return focus.restart(*who, session, self._shell.now())
            case _:
                assert_never(message)
