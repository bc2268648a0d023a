"""The objects aiortc's DTLS transport talks to: below it a channel, above it data receivers."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from octoengine import dtls_records

__all__ = ["Channel", "Guard", "Handler", "Role"]

Role = Literal["client", "server"]
QUEUE_RECORDS: Final = 128


class Channel:
    """What aiortc takes for an ICE transport: a bounded queue in, a callback out."""

    def __init__(self, role: Role, send: Callable[[bytes], None]) -> None:
        self.role = "controlling" if role == "server" else "controlled"
        self.state = "completed"
        self.is_closed = False
        self._send_datagram = send
        self._queue: deque[bytes] = deque()
        self._ready = asyncio.Event()

    def put(self, record: bytes) -> bool:
        """Queue one record; False when there is no room."""
        if self.is_closed or len(self._queue) >= QUEUE_RECORDS:
            return False
        self._queue.append(record)
        self._ready.set()
        return True

    def close(self) -> None:
        """End the receiver's wait, and the connection with it."""
        self.is_closed = True
        self._queue.clear()
        self._ready.set()

    async def _recv(self) -> bytes:
        while not self._queue:
            if self.is_closed:
                raise ConnectionError
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()

    async def _send(self, data: bytes) -> None:
        self.send(data)

    def send(self, data: bytes) -> None:
        """Send records, packed into datagrams."""
        for datagram in dtls_records.pack(dtls_records.split(data)):
            self._send_datagram(datagram)


class Handler:
    """A plain function in the shape of aiortc's data receivers."""

    def __init__(self, handler: Callable[[bytes], Awaitable[None]]) -> None:
        self._handler = handler

    async def _handle_data(self, data: bytes) -> None:
        await self._handler(data)


class Guard:
    """Keeps what a data receiver raises away from the DTLS pump, which it would end."""

    def __init__(self, receiver: Any, dropped: Counter[str]) -> None:
        self.receiver = receiver
        self._dropped = dropped

    async def _handle_data(self, data: bytes) -> None:
        try:
            await self.receiver._handle_data(data)
        except Exception:
            self._dropped["data_receiver_error"] += 1
