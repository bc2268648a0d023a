"""One media engine under asyncio: opens lines on it and hands each line its datagrams.

A line is one engine transport with a UDP socket of its own. All calls are from the event loop's
thread; the engine's thread is woken by `submit` and wakes us by its eventfd.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Final, Protocol

from octoengine import Command, Engine, Event
from octoload.gaps import Reading

__all__ = ["Command", "Line", "LineHandler", "MediaEngine"]

EVENTS_AT_ONCE: Final = 512


class LineHandler(Protocol):
    """What a line's owner is told."""

    def stun_received(self, address: str, port: int, data: bytes) -> None:
        """A STUN message that the engine doesn't answer by itself."""
        ...

    def dtls_received(self, data: bytes) -> None:
        """A DTLS datagram from a bound address."""
        ...


class Line:
    """One transport and its socket, until closed."""

    def __init__(self, media: "MediaEngine", transport: int, socket: int, port: int) -> None:
        self.transport = transport
        self.socket = socket
        self.port = port
        self._media = media

    def submit(self, *commands: Command) -> None:
        """Give the engine commands, in order."""
        self._media.submit(commands)

    def close(self) -> None:
        """Remove the transport and close the socket. Idempotent."""
        self._media.close_line(self)


class MediaEngine:
    """One engine and its lines; construct it inside a running loop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.counters: Counter[str] = Counter()
        self._engine = Engine()
        self._lines: dict[int, tuple[Line, LineHandler]] = {}
        self._by_socket: dict[int, int] = {}
        self._numbers = count(1)
        self._loop = asyncio.get_running_loop()
        self._descriptor = self._engine.event_fd()
        self._loop.add_reader(self._descriptor, self._deliver)
        self._is_open = True

    def __len__(self) -> int:
        return len(self._lines)

    def open_line(self, handler: LineHandler, group: int) -> Line:
        """Bind a socket and add a sink transport; raises OSError when there's no port left."""
        socket, port = self._engine.bind(self.address, 0)
        line = Line(self, next(self._numbers), socket, port)
        self._lines[line.transport] = (line, handler)
        self._by_socket[socket] = line.transport
        self.submit([Command.AddTransport(line.transport, group, sink=True)])
        return line

    def close_line(self, line: Line) -> None:
        """See `Line.close`."""
        if self._lines.pop(line.transport, None) is not None and self._is_open:
            del self._by_socket[line.socket]
            self.submit([Command.RemoveTransport(line.transport)])
            self._engine.unbind(line.socket)

    def submit(self, commands: Sequence[Command]) -> None:
        """Give the engine commands; after `close` they go nowhere."""
        if self._is_open:
            self._engine.submit(commands)

    def readings(self) -> dict[int, list[Reading]]:
        """Return what each transport has counted of each source."""
        found: dict[int, list[Reading]] = defaultdict(list)
        for s in self._engine.source_stats() if self._is_open else ():
            if s.kind == "rtx":
                continue  # counted as what it repairs
            found[s.transport].append(
                # Packets of foreign senders carry no send time: their delay is -1.
                Reading(
                    s.ssrc,
                    s.packets,
                    s.lost,
                    s.age_ms,
                    s.gap_ms,
                    max(0.0, s.delay_ms_mean),
                    max(0.0, s.delay_ms_max),
                )
            )
        return found

    def engine_counters(self) -> dict[str, int]:
        """Return the engine's own counters."""
        return dict(self._engine.stats().counters) if self._is_open else {}

    def close(self) -> None:
        """Stop the engine; its lines are dead. Idempotent."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._descriptor)
            self._lines.clear()
            self._by_socket.clear()
            self._engine.close()

    def _deliver(self) -> None:
        for event in self._engine.poll(EVENTS_AT_ONCE):
            match event:
                case Event.Stun(socket, address, port, data):
                    entry = self._lines.get(self._by_socket.get(socket, 0))
                    if entry is not None:
                        entry[1].stun_received(address, port, data)
                case Event.Dtls(transport, data):
                    entry = self._lines.get(transport)
                    if entry is not None:
                        entry[1].dtls_received(data)
                case Event.SendFailed():
                    self.counters["send_failed"] += 1
                case _:
                    self.counters["other_events"] += 1
