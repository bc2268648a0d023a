"""Turns for handshakes: many at once share the event loop with everything else.

A step of a handshake costs up to a millisecond of OpenSSL, and a hundred people may join in the
same moment. Their steps wait in one queue, of which each round of the event loop runs a few
milliseconds' worth, or half as long as all else took: a process that is short of time mustn't
starve handshakes, whose peers would repeat themselves and make it shorter. Media, in the
engine's own thread, never waits for any of it.

Threads don't help: of a handshake's time in Python most holds the GIL (two threads of them were
no faster than one).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

__all__ = ["BUDGET_SECONDS", "Turns", "turns"]

BUDGET_SECONDS: Final = 0.004
SHARE: Final = 0.5
"""Of the time everything else took since the last turns, while some were waiting."""
Step = Callable[[], bool]


class Turns:
    """One event loop's queue of steps; a step returns whether it wants another turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Its owner is found by the loop, so it must not keep it.
        self._soon = loop.call_soon
        self._waiting: deque[Step] = deque()
        self._is_planned = False
        self._ran_at: float | None = None

    def ask(self, step: Step) -> None:
        """Run `step` when its turn comes; it must not raise."""
        self._waiting.append(step)
        self._plan()

    def _plan(self) -> None:
        if self._waiting and not self._is_planned:
            self._is_planned = True
            self._soon(self._run)

    def _run(self) -> None:
        self._is_planned = False
        now = time.perf_counter()
        meanwhile = 0.0 if self._ran_at is None else now - self._ran_at
        end = now + max(BUDGET_SECONDS, meanwhile * SHARE)
        while self._waiting and time.perf_counter() < end:
            step = self._waiting.popleft()
            if step():
                self._waiting.append(step)
        self._ran_at = time.perf_counter() if self._waiting else None
        self._plan()


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """Return the running loop's queue."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = Turns(loop)
    return found
