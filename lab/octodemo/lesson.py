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
LIMIT: Final = "120m"
MOST: Final = 4
PER_BRIDGE: Final = CLASS // MOST + 4
"""Of the meeting: a little more than a fair share, so that everyone finds a place."""
TARGET: Final = 25
RAMP_SECONDS: Final = 10.0
JOIN_SECONDS: Final = 60.0
DECISION_SECONDS: Final = 8.0
"""For the operator to see who has come."""
FOLLOW_SECONDS: Final = 90.0
"""For the fleet to follow a row: a bridge with so little CPU takes a while to start."""
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
    console.print(f"{single.present} are in it; loss {single.loss:.3f}, stress {single.stress:.2f}")
    console.print(f"the same class with autoscaling up to {MOST} bridges, and relays")
    spread, dropped = await _lesson(cluster, _objects(most=MOST))
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
