"""The boundary of every reconcile: it never raises, and failures are retried ever more slowly."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from octofleet.shell.bells import Key
from octofleet.shell.errors import FleetError
from octofleet.shell.serving import Health
from octofleet.shell.telemetry import Telemetry

FIRST_RETRY_SECONDS: Final = 1.0
LAST_RETRY_SECONDS: Final = 300.0
NEWS_SECONDS: Final = 5.0
"""News may end a longer wait than this, not a shorter one."""

_log = structlog.get_logger()

Step = Callable[[Key], Awaitable[float | None]]


def backoff_seconds(failures: int, jitter: float) -> float:
    """Return how long to wait after `failures` in a row (at least 1), `jitter` in [0, 1)."""
    full = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 16))
    return full * (0.5 + jitter / 2)


class Boundary:
    """Runs reconciles of one kind."""

    def __init__(
        self, step: Step, health: Health, telemetry: Telemetry, clock: Callable[[], float]
    ) -> None:
        self._step = step
        self._health = health
        self._telemetry = telemetry
        self._clock = clock
        self._failures: dict[Key, int] = {}
        self._not_before: dict[Key, float] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Return seconds until the next look, None when the object is gone for good."""
        started = self._clock()
        left = self._not_before.get(key, 0.0) - started
        if 0 < left <= NEWS_SECONDS:
            return left
        self._health.expected()
        try:
            with structlog.contextvars.bound_contextvars(kind=key.kind, object=str(key)):
                pause = await self._step(key)
        except FleetError as error:
            pause = self._failed(key, str(error))
        except Exception as error:
            # The boundary: whatever a bug raises, the other objects must go on.
            _log.exception("Reconcile failed", object=str(key))
            pause = self._failed(key, repr(error))
        else:
            self._failures.pop(key, None)
            self._not_before.pop(key, None)
            self._telemetry.reconciles.labels(key.kind, "ok").inc()
        self._telemetry.duration.labels(key.kind).observe(max(0.0, self._clock() - started))
        self._health.completed()
        return pause

    def _failed(self, key: Key, message: str) -> float:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        self._telemetry.reconciles.labels(key.kind, "failed").inc()
        pause = backoff_seconds(count, random.random())  # noqa: S311 - spreads retries
        self._not_before[key] = self._clock() + min(pause, NEWS_SECONDS)
        _log.warning("Could not reconcile", object=str(key), error=message, retry_seconds=pause)
        return pause
