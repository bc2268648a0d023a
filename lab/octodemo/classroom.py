"""Who is in a large class, and what each of them sends and sees.

A teacher whose picture everybody has on stage, three who speak (the teacher is one), and pupils
with their cameras on: each is sent as small as a tile needs it, and of all pictures everyone gets
nine at most, in the order of who spoke last.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from octodemo.crowd import Crowd
from octodemo.fleet import FleetView, Watcher
from octodemo.platform import until

__all__ = ["CLASS", "Lesson", "attend", "due", "fill"]

CLASS: Final = 120
ROW: Final = 20
"""People who come in together."""
SPEAKERS: Final = 3
NAME: Final = "class"
TEACHER: Final[dict[str, Any]] = {"bitrate_bps": 300_000, "frames_per_second": 15}
CAMERA: Final[dict[str, Any]] = {"bitrate_bps": 64_000, "frames_per_second": 8}
"""The lowest layer: a packet for each picture."""
TILES: Final[dict[str, Any]] = {"last_n": 9, "height": 180}


VOICE_PACKETS: Final = 50.0
PACKET_BYTES: Final = 1200


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a while of it was like."""

    loss: float
    """Of all packets that should have come to anybody; to who isn't connected none comes."""
    stress: float
    """The most stressed bridge's, at its worst."""
    bridges: int
    """With people on them."""
    dropped: int
    """People, in this while."""
    present: int
    """Who was connected at its end."""
    delay_ms: float
    """From one to another, the mean of what did come."""


async def fill(
    crowd: Crowd, *, region: str, ramp_seconds: float, settled: Callable[[], Awaitable[None]]
) -> None:
    """Bring everyone in, the teacher first, then row by row.

    Args:
        crowd: Whose people they are.
        region: Where they all are.
        ramp_seconds: How long a row takes to come in.
        settled: Awaited after each row: returns once the next may come.
    """
    await crowd.call(NAME, 1, region=region, **TEACHER, **TILES)
    teacher = await until("the teacher's place", lambda: _endpoint(crowd), seconds=60)
    seen: dict[str, Any] = {"region": region, "stage": f"{teacher}-v0", **CAMERA, **TILES}
    await crowd.call(NAME, SPEAKERS, **seen)
    for size in range(ROW, CLASS + 1, ROW):
        await crowd.call(NAME, size, audio=False, ramp_seconds=ramp_seconds, **seen)
        await asyncio.sleep(ramp_seconds)
        await settled()


def due(seconds: float) -> float:
    """Return how many packets come to all of the class together when all is well.

    Everyone gets each voice but their own, the teacher's picture and the other tiles.
    """
    voices = SPEAKERS * (CLASS - 1) * VOICE_PACKETS
    pictures = (CLASS - 1) * _packets(TEACHER) + CLASS * (TILES["last_n"] - 1) * _packets(CAMERA)
    return seconds * (voices + pictures)


def _packets(camera: dict[str, Any]) -> float:
    """Return how many packets a second a camera sends, at least."""
    frames = camera["frames_per_second"]
    return frames * math.ceil(camera["bitrate_bps"] / 8 / frames / PACKET_BYTES)


async def _endpoint(crowd: Crowd) -> str | None:
    (teacher,) = (await crowd.status(NAME))["people"]
    return teacher["endpoint"] if teacher["connected"] else None


async def attend(crowd: Crowd, watcher: Watcher, seconds: float) -> Lesson:
    """Count for a while, with whoever is there."""
    await crowd.reset()
    began = time.monotonic()
    await asyncio.sleep(seconds)
    total = (await crowd.report())["total"]
    views = [view for view in watcher.views if view.at >= began]
    used = [sum(bool(one.participants) for one in view.bridges) for view in views]
    present = (await crowd.status(NAME))["connected"]
    return Lesson(
        # Gaps in what came say nothing of streams that broke off, or never began.
        loss=max(total["loss_fraction"], 1 - total["packets_received"] / due(seconds)),
        # A bridge so full that it tells nothing is judged by what it told before.
        stress=_worst(views) or _worst(watcher.views),
        bridges=max(used, default=0),
        dropped=total["dropped"],
        present=present,
        delay_ms=total["delay_ms_mean"] or 0.0,
    )


def _worst(views: Sequence[FleetView]) -> float:
    told = [one.stress for view in views for one in view.bridges if one.stress is not None]
    return max(told, default=0.0)
