"""Readings that many regions share, taken at most once a moment however many ask."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shared(Generic[K, V]):
    """One reading a key, kept for a moment; a failure is kept as long as a success."""

    def __init__(
        self,
        read: Callable[[K], Awaitable[V]],
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[K, tuple[float, asyncio.Future[V]]] = {}

    async def get(self, key: K) -> V:
        """Return the reading, taken by whoever asked first."""
        kept = self._kept.get(key)
        if kept is None or self._clock() - kept[0] > self._seconds or kept[1].cancelled():
            kept = (self._clock(), asyncio.ensure_future(self._read(key)))
            # A failure that nobody awaits any more must not be reported as lost.
            kept[1].add_done_callback(lambda done: done.cancelled() or done.exception())
            self._kept[key] = kept
        # One asker who is cancelled must not take the reading from the others.
        return await asyncio.shield(kept[1])

    def forget(self, key: K) -> None:
        """Drop a key that nobody will ask for again, or whose reading is known to be stale."""
        self._kept.pop(key, None)
