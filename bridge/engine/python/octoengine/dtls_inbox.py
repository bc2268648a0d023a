"""What a DTLS connection has decrypted, on its way to whoever takes it.

The taker is a coroutine function (SCTP's), so messages wait here for a task; there is one only
while there are messages.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["Inbox"]

MAX_MESSAGES: Final = 512
MAX_EARLY_MESSAGES: Final = 16
"""Kept until there is a taker: SCTP's first message may come before SCTP is ready."""

Taker = Callable[[bytes], Awaitable[None]]


class Inbox:
    """Bounded; what finds no room, and what the taker raises, is counted in `dropped`."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._messages: deque[bytes] = deque()
        self._taker: Taker | None = None
        self._task: asyncio.Task[None] | None = None

    def set_taker(self, taker: Taker | None) -> None:
        """Hand messages to this one from now on, those that waited first."""
        self._taker = taker
        self._wake()

    def put(self, message: bytes) -> None:
        """Take one message in."""
        most = MAX_EARLY_MESSAGES if self._taker is None else MAX_MESSAGES
        if len(self._messages) >= most:
            self._dropped["inbox_full"] += 1
            return
        self._messages.append(message)
        self._wake()

    def clear(self) -> None:
        """Forget what waits and who took it."""
        self._messages.clear()
        self._taker = None

    def _wake(self) -> None:
        if self._messages and self._taker is not None and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._hand_over())

    async def _hand_over(self) -> None:
        try:
            while self._messages and self._taker is not None:
                message = self._messages.popleft()
                try:
                    await self._taker(message)
                except Exception:
                    # What a peer sent must not end the connection.
                    self._dropped["data_receiver_error"] += 1
        finally:
            self._task = None
