"""Bells: an event wakes the reconcile of its object, and many events wake it once.

Nothing about the event is passed on: a reconcile reads the world anew.
"""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """An object of ours."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Bells:
    """One bell a key, made on first use and dropped with its object."""

    def __init__(self) -> None:
        self._bells: dict[Key, asyncio.Event] = {}

    def ring(self, key: Key) -> None:
        """Wake whoever waits for `key`, or the next one to wait."""
        self._bells.setdefault(key, asyncio.Event()).set()

    def ring_all(self, kind: str | None = None, namespace: str | None = None) -> None:
        """Wake everyone, or everyone of a kind or namespace."""
        for key, bell in self._bells.items():
            if kind in (None, key.kind) and namespace in (None, key.namespace):
                bell.set()

    async def wait(self, key: Key, timeout_seconds: float) -> None:
        """Return when `key` is rung, at once if it was since the last wait, or by timeout."""
        bell = self._bells.setdefault(key, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_seconds):
                await bell.wait()
        except TimeoutError:
            pass
        bell.clear()

    def forget(self, key: Key) -> None:
        """Drop the bell of an object that is gone."""
        self._bells.pop(key, None)
