"""The main job, live: a platform from one small object that grows, shrinks and drops nobody.

Ends in one line: `demo: bridges=2-3-2 participants=N dropped=0 moved=N max_gap_ms=N
overload_to_join_s=N`. `overload_to_join_s` is the time from the moment people exceed what the
fleet is meant to hold until one more bridge is registered with Jicofo.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import Watcher, watching
from octodemo.kube import Cluster
from octodemo.platform import Platform, fresh_namespace, install_operator, manifest, until
from octodemo.show import Screen

__all__ = ["DemoFailedError", "run_demo"]

NAMESPACE: Final = "meet"
PEOPLE_PER_BRIDGE: Final = 10
CALL_SIZE: Final = 6

# The example's own numbers are for real machines (50 people a bridge, minutes of patience).
# The demo lowers them so that a small machine shows in minutes what takes a day in production.
SMALL_NUMBERS: Final[dict[str, Any]] = {
    "autoscaling": {
        "minBridges": 2,
        "maxBridges": 3,
        "metrics": [{"type": "Participants", "target": {"averageValue": str(PEOPLE_PER_BRIDGE)}}],
        "behavior": {"scaleDown": {"stabilizationWindow": "20s"}},
        "drain": {"patience": "15s", "deadline": "10m", "atDeadline": "Move"},
    }
}

Object = dict[str, Any]


class DemoFailedError(Exception):
    """The demo's own bounds don't hold; the message says which."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of the last line."""

    sizes: tuple[int, ...]
    participants: int
    dropped: int
    moved: int
    max_gap_ms: int
    overload_to_join_s: float

    def line(self) -> str:
        """Return the one line the demo ends in."""
        sizes = "-".join(str(size) for size in self.sizes)
        return (
            f"demo: bridges={sizes} participants={self.participants} dropped={self.dropped} "
            f"moved={self.moved} max_gap_ms={self.max_gap_ms} "
            f"overload_to_join_s={self.overload_to_join_s:.1f}"
        )

    def broken(self) -> list[str]:
        """Return which bounds don't hold."""
        problems: list[str] = []
        if self.sizes != (2, 3, 2):
            problems.append(f"the fleet went {self.sizes}, not 2-3-2")
        if self.dropped:
            problems.append(f"{self.dropped} people were dropped")
        if self.max_gap_ms > 10_000:
            problems.append(f"somebody missed media for {self.max_gap_ms} ms")
        return problems


async def run_demo(cluster: Cluster, console: Console) -> Outcome:
    """Install, grow, shrink; return the figures.

    Raises:
        DemoFailedError: a bound doesn't hold.
        TimeoutError: something didn't come; the message says what and shows its state.
    """
    with Screen(console) as screen:
        screen.phase("helm install octofleet helm/octofleet")
        await install_operator(cluster)
        platform = await _apply_example(cluster, screen)
        region = (await _first_region(platform))["metadata"]["name"]
        screen.phase("Waiting for two bridges registered with Jicofo")
        await platform.wait_ready(region, bridges=2)
        crowd = await start_crowd(cluster, NAMESPACE, jitsi=platform.name)
        async with watching(platform, region) as watcher:
            async with _drawing(screen, watcher, crowd):
                outcome = await _grow_and_shrink(platform, region, crowd, watcher, screen)
            await crowd.stop()
        if watcher.occupied_deleted:
            raise DemoFailedError(f"deleted with people on them: {watcher.occupied_deleted}")
    if broken := outcome.broken():
        raise DemoFailedError(f"{outcome.line()}: {'; '.join(broken)}")
    return outcome


async def _apply_example(cluster: Cluster, screen: Screen) -> Platform:
    screen.phase("kubectl apply -f examples/small.yaml")
    await fresh_namespace(cluster, NAMESPACE)
    objects = [
        {**thing, "metadata": {**thing["metadata"], "namespace": NAMESPACE}}
        for thing in manifest("small.yaml")
    ]
    await cluster.apply(*objects)
    name = next(one["metadata"]["name"] for one in objects if one["kind"] == "JitsiCluster")
    platform = Platform(cluster, NAMESPACE, name)
    screen.phase(f"Lowering the target to {PEOPLE_PER_BRIDGE} people a bridge for this machine")
    await platform.patch_cluster(SMALL_NUMBERS)
    return platform


async def _first_region(platform: Platform) -> Object:
    async def region() -> Object | None:
        regions = await platform.regions()
        return regions[0] if regions else None

    return await until("the cluster's default region", region, seconds=60)


async def _grow_and_shrink(
    platform: Platform, region: str, crowd: Crowd, watcher: Watcher, screen: Screen
) -> Outcome:
    screen.phase(f"Two calls of {CALL_SIZE} people: two bridges are enough")
    for name in ("monday", "tuesday"):
        await crowd.call(name, CALL_SIZE)
    await crowd.connected(2 * CALL_SIZE)
    await asyncio.sleep(5)
    screen.phase(f"Two more calls of {CALL_SIZE}: more people than two bridges should hold")
    overloaded_at = time.monotonic()
    for name in ("wednesday", "thursday"):
        await crowd.call(name, CALL_SIZE)
    await platform.wait_ready(region, bridges=3)
    joined_at = time.monotonic()
    screen.phase("The third bridge is registered: one more call lands on it")
    await crowd.call("friday", CALL_SIZE)
    most = await crowd.connected(5 * CALL_SIZE)
    await asyncio.sleep(10)
    screen.phase("People leave, two stay in every call: one bridge drains, its people are moved")
    for name in ("monday", "tuesday", "wednesday", "thursday", "friday"):
        await crowd.call(name, 2)
    await _until_size(platform, region, 2)
    await asyncio.sleep(12)
    people = await crowd.people()
    return Outcome(
        sizes=tuple(watcher.sizes),
        participants=most.admitted,
        dropped=people.dropped,
        moved=people.moved,
        max_gap_ms=people.max_gap_ms,
        overload_to_join_s=joined_at - overloaded_at,
    )


async def _until_size(platform: Platform, region: str, size: int) -> None:
    async def shrunk() -> bool | None:
        status = (await platform.region(region)).get("status", {})
        pods = await platform.bridge_pods()
        running = [one for one in pods if one["status"].get("phase") == "Running"]
        settled = status.get("desiredReplicas") == size == len(running) == len(pods)
        return True if settled else None

    await platform.wait(region, f"back to {size} bridges", shrunk, seconds=240)


@contextlib.asynccontextmanager
async def _drawing(screen: Screen, watcher: Watcher, crowd: Crowd) -> AsyncGenerator[None]:
    async def draw() -> None:
        while True:
            with contextlib.suppress(Exception):  # the picture must never end the demo
                screen.show(watcher, (await crowd.people()).line())
            await asyncio.sleep(1)

    task = asyncio.create_task(draw())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
