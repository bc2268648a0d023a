"""Owns the media engine: its sockets, its event queue, its counters. The only module that does.

Events are handed to a listener as they are; what they mean is `transports`' business.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from octobridge.core.candidates import LocalAddress
from octobridge.shell.logs import logger
from octoengine import Command, Engine, EngineStats, Event, SourceStats, TransportStats

__all__ = ["Listener", "MediaEngine", "PortTakenError", "Socket"]

EVENTS_AT_ONCE = 128
"""Of a storm of checks so many are handled, some 20 ms of them, before others get a turn."""


class PortTakenError(OSError):
    """No UDP socket could be opened; the text says which and why."""


class Listener(Protocol):
    """Takes the engine's events, in order."""

    def engine_event(self, event: Event) -> None:
        """Take one event; must not raise and not block."""
        ...


class Socket:
    """One bound UDP socket."""

    def __init__(self, number: int, address: LocalAddress) -> None:
        self.number = number
        self.address = address


class MediaEngine:
    """The engine, on this event loop."""

    def __init__(self) -> None:
        self._engine = Engine()
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None
        self._closed = False
        self.sockets: tuple[Socket, ...] = ()
        self.events = 0
        self.events_failed = 0
        self.commands_refused = 0
        self._log = logger("media")

    @property
    def is_running(self) -> bool:
        """Whether the engine hasn't been closed."""
        return not self._closed

    def open(self, addresses: Sequence[str], port: int) -> None:
        """Bind one socket to each address; those that can't be bound are skipped and logged.

        Raises:
            PortTakenError: Not one could be bound.
        """
        bound: list[Socket] = []
        problems: list[str] = []
        for address in addresses:
            try:
                number, actual = self._engine.bind(address, port)
            except OSError as error:
                problems.append(f"{address}:{port}: {error.strerror or error}")
                self._log.warning("Could not bind", address=address, port=port, reason=str(error))
                continue
            bound.append(Socket(number, LocalAddress(address, actual)))
        if not bound:
            raise PortTakenError("no UDP socket could be opened: " + "; ".join(problems))
        self.sockets = tuple(bound)

    def bind(self, address: str, port: int) -> tuple[int, int]:
        """Open one more socket; return its number and port. Raises OSError."""
        return self._engine.bind(address, port)

    def unbind(self, number: int) -> None:
        """Close a socket opened by `bind`."""
        if not self._closed:
            self._engine.unbind(number)

    def listen(self, listener: Listener) -> None:
        """Hand every event from now on to this listener."""
        self._listener = listener
        self._loop.add_reader(self._engine.event_fd(), self._drain)

    def submit(self, commands: Sequence[Command]) -> None:
        """Queue commands; ones that the engine refuses as malformed are dropped and counted."""
        if not commands or self._closed:
            return
        try:
            self._engine.submit(commands)
        except ValueError as error:
            self.commands_refused += 1
            self._log.error("Engine refused a command", reason=str(error))
            self._submit_one_by_one(commands)

    def stats(self) -> EngineStats:
        """Return the engine's own counters."""
        return self._engine.stats()

    def transport_stats(self) -> list[TransportStats]:
        """Return every transport's counters."""
        return self._engine.transport_stats()

    def source_stats(self) -> list[SourceStats]:
        """Return every source's counters."""
        return self._engine.source_stats()

    def inspect(self, transport: int) -> dict[str, Any]:
        """Return all that the engine counts of one transport, for `/debug`."""
        only = (transport,)
        return {
            "transport": [_plain(s) for s in self._engine.transport_stats(only)],
            "sources": [_plain(s) for s in self._engine.source_stats(only)],
            "downtracks": [_plain(s) for s in self._engine.downtrack_stats(only)],
        }

    def close(self) -> None:
        """Stop the engine. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._engine.event_fd())
        self._engine.close()

    def _submit_one_by_one(self, commands: Sequence[Command]) -> None:
        """Let the good commands of a refused batch through."""
        for command in commands:
            try:
                self._engine.submit([command])
            except ValueError:
                self.commands_refused += 1

    def _drain(self) -> None:
        """Take what waits; a full batch leaves the eventfd readable, so the loop comes back."""
        for event in self._engine.poll(EVENTS_AT_ONCE):
            self.events += 1
            if self._listener is None:
                continue
            try:
                self._listener.engine_event(event)
            except Exception:
                self.events_failed += 1
                self._log.exception("Could not handle an engine event")


def _plain(stats: object) -> dict[str, Any]:
    """Return the engine's statistics as plain data; they are attributes of native objects."""
    return {name: getattr(stats, name) for name in dir(stats) if not name.startswith("_")}
