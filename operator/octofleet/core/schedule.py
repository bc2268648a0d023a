"""Floors by the clock: so many bridges at least, in certain hours of certain days.

Pure. A window is a cron expression in a time zone with a duration, daylight saving included. Its
bridges are asked for ahead, by the time that a bridge takes, so that they serve when it begins,
and a little earlier still by a jitter that differs from region to region, so that a thousand
regions don't all ask at 9:00. At its end the floor sinks slowly, not as a cliff.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from octofleet.api.controller import Hours
from octofleet.api.effective import Window
from octofleet.core.observation import Timestamp

__all__ = ["Floor", "ScheduleError", "check", "floor_at", "is_open", "next_start"]

JITTER: Final = 120.0
"""Seconds, at most."""
SHORTEST_DESCENT: Final = 600.0
LONGEST_DESCENT: Final = 3600.0
_SEARCHED: Final = 100
"""A window that begins more often than this within its own length is open all the time."""


class ScheduleError(ValueError):
    """A window's cron expression or time zone isn't understood."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The bridges that a schedule asks for now."""

    bridges: int
    window: Window
    phase: str
    """ahead, open or ending."""


def check(windows: Iterable[Hours]) -> None:
    """Raise ScheduleError where a window isn't understood."""
    for window in windows:
        next(_starts(window, 0.0), None)


def is_open(windows: Iterable[Hours], now: Timestamp) -> bool:
    """Return whether now is within one of the windows.

    Raises:
        ScheduleError: A window isn't understood.
    """
    return any(_is_open(each, now) for each in windows)


def _is_open(window: Hours, now: Timestamp) -> bool:
    first = next(_starts(window, now - window.duration), None)
    return first is not None and first <= now


def next_start(windows: Iterable[Hours], now: Timestamp) -> Timestamp | None:
    """Return when the next window begins, None if none ever does.

    Raises:
        ScheduleError: A window isn't understood.
    """
    found = [first for each in windows if (first := next(_starts(each, now), None)) is not None]
    return Timestamp(min(found)) if found else None


def floor_at(
    windows: Iterable[Window], region: str, ahead: float, least: int, now: Timestamp
) -> Floor | None:
    """Return the greatest floor of all windows, None while none holds.

    Args:
        windows: The region's schedule.
        region: Its name, from which its jitter follows.
        ahead: How long a bridge takes to start, seconds.
        least: The region's own minimum, towards which an ending window sinks.
        now: Seconds since the epoch.

    Raises:
        ScheduleError: A window isn't understood.
    """
    early = ahead + _jitter(region)
    floors = [
        floor for window in windows if (floor := _floor(window, early, least, now)) is not None
    ]
    return max(floors, key=lambda each: each.bridges, default=None)


def _floor(window: Window, early: float, least: int, now: Timestamp) -> Floor | None:
    descent = min(LONGEST_DESCENT, max(SHORTEST_DESCENT, window.duration / 4))
    # The latest start that isn't over yet, descent included: those before it ended earlier.
    earliest = now - window.duration - descent
    best: Floor | None = None
    for start in islice(_starts(window, earliest), _SEARCHED):
        if start > now + early:
            break
        found = _during(window, now - start, descent, least)
        if best is None or found.bridges > best.bridges:
            best = found
    return best


def _during(window: Window, since: float, descent: float, least: int) -> Floor:
    if since < 0:
        return Floor(window.min_bridges, window, "ahead")
    if since < window.duration:
        return Floor(window.min_bridges, window, "open")
    left = 1 - (since - window.duration) / descent
    above = math.ceil(max(0, window.min_bridges - least) * left)
    return Floor(min(window.min_bridges, least + above), window, "ending")


def _starts(window: Hours, after: float) -> Iterator[float]:
    """Yield the starts after a moment; cron's hours are those of the window's time zone."""
    try:
        zone = ZoneInfo(window.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(f"time zone {window.time_zone!r} isn't known") from error
    try:
        for found in CronSim(window.cron, datetime.fromtimestamp(after, zone)):
            yield found.timestamp()
    except CronSimError as error:
        raise ScheduleError(f"cron {window.cron!r}: {error}") from error


def _jitter(region: str) -> float:
    digest = hashlib.sha256(region.encode()).digest()
    return JITTER * int.from_bytes(digest[:2], "big") / 65_536
