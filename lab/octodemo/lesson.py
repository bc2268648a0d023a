"""Proof: a class of 120 in one meeting, on one small bridge and then on as many as it needs.

Every bridge has the same small CPU limit. On one bridge there is too much for it: packets are lost.
Then the same class with autoscaling and relays: bridges come while it fills, and the meeting
spreads over them. Ends in `class: single_loss=0.NN single_stress=N cluster_loss=0.NN
cluster_stress=N bridges=N dropped=0`.
"""

import asyncio
import contextlib
from typing import Any, Final

from rich.console import Console

from octodemo.classroom import CLASS, Lesson, attend, fill
from octodemo.crowd import start_crowd
from octodemo.fleet import watching
from octodemo.kube import Cluster
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator

__all__ = ["ClassFailedError", "prove_class"]

NAMESPACE: Final = "prove-class"
REGION: Final = "meet-class"
CODE: Final = "eu"
LIMIT: Final = "60m"
"""Measured without a cluster: one bridge would need some 100m for all of them, each of four bridges
needs 40m for its share."""
MOST: Final = 4
PER_BRIDGE: Final = CLASS // MOST + 2
"""Of the meeting: a little more than a fair share, so that everyone finds a place."""
TARGET: Final = 15
"""People on a bridge: low enough that the next bridge is there before the row that needs it."""
RAMP_SECONDS: Final = 10.0
JOIN_SECONDS: Final = 60.0
DECISION_SECONDS: Final = 8.0
"""For the operator to see who has come."""
FOLLOW_SECONDS: Final = 120.0
"""For the fleet to follow a row: a bridge with so little CPU takes a while to start."""
STEADY_SECONDS: Final = 45.0
"""A bridge that gets a little more than it can take is a second late, after which it drops what
comes, only once that little has added up."""
SECONDS: Final = 30.0
Object = dict[str, Any]


class ClassFailedError(AssertionError):
    """The proof's bounds don't hold."""


async def prove_class(cluster: Cluster, console: Console) -> str:
    """Hold the lesson twice; return the line.

    Raises:
        ClassFailedError: a bound doesn't hold.
    """
    await install_operator(cluster)
    console.print(f"{CLASS} people on one bridge with {LIMIT} of CPU")
    single, _ = await _lesson(cluster, _objects(most=1))
    console.print(_words(single))
    console.print(f"the same class with autoscaling up to {MOST} bridges, and relays")
    spread, dropped = await _lesson(cluster, _objects(most=MOST))
    console.print(_words(spread))
    line = (
        f"class: single_loss={single.loss:.2f} single_stress={single.stress:.2f} "
        f"cluster_loss={spread.loss:.2f} cluster_stress={spread.stress:.2f} "
        f"bridges={spread.bridges} dropped={dropped}"
    )
    better = spread.loss < 0.01 <= single.loss and spread.stress < single.stress
    everyone = spread.present == CLASS and not dropped
    if not (better and everyone) or spread.bridges < 2:
        raise ClassFailedError(line)
    return line


def _words(lesson: Lesson) -> str:
    return (
        f"{lesson.present} are in it, on {lesson.bridges} bridges; loss {lesson.loss:.3f},"
        f" delay {lesson.delay_ms:.0f} ms, stress {lesson.stress:.2f}, dropped {lesson.dropped}"
    )


def _objects(*, most: int) -> tuple[Object, Object]:
    jitsi = jitsi_cluster(NAMESPACE)
    relays = "Enabled" if most > 1 else "Disabled"
    jitsi["spec"]["octo"] = {"relays": relays, "participantsPerBridge": PER_BRIDGE}
    scaling = {**quick(TARGET, most=most), "minBridges": 1}
    region = octo_region(NAMESPACE, REGION, scaling, region=CODE)
    requests = {"cpu": "50m", "memory": "128Mi"}
    region["spec"]["bridge"]["resources"] = {"requests": requests, "limits": {"cpu": LIMIT}}
    return jitsi, region


async def _lesson(cluster: Cluster, objects: tuple[Object, Object]) -> tuple[Lesson, int]:
    """Have a platform for one lesson; return what it was like, and how many were dropped."""
    async with fresh_platform(cluster, NAMESPACE) as platform:
        await cluster.apply(*objects)
        await platform.wait_ready(REGION, bridges=1)
        crowd = await start_crowd(cluster, NAMESPACE)
        async with watching(platform, REGION) as watcher:
            await fill(
                crowd, region=CODE, ramp_seconds=RAMP_SECONDS, settled=lambda: _settled(platform)
            )
            # One bridge may never get so far as to have all of them in; it is judged as it is.
            with contextlib.suppress(TimeoutError):
                await crowd.connected(CLASS, seconds=JOIN_SECONDS)
            await asyncio.sleep(STEADY_SECONDS)
            before = await crowd.people()
            lesson = await attend(crowd, watcher, SECONDS)
        return lesson, before.dropped + lesson.dropped


async def _settled(platform: Platform) -> None:
    """Wait until the fleet has followed what the people need, or clearly doesn't."""

    async def follows() -> bool:
        status = (await platform.region(REGION)).get("status", {})
        return status.get("desiredReplicas") == status.get("readyReplicas")

    await asyncio.sleep(DECISION_SECONDS)
    with contextlib.suppress(TimeoutError):
        await platform.wait(REGION, "the fleet to follow", follows, seconds=FOLLOW_SECONDS)
