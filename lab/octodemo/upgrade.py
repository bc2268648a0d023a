"""Proof: bridges change their version under live calls, and a version that carries none goes back.

First every bridge is replaced by one of the next version while 40 people are in their calls; then
a version is asked for that starts, registers and is healthy, but that no media reaches: it must be
found out before anybody is put on it. Ends in `upgrade: dropped=0 moved=N rollback=ok`.
"""

import asyncio
from typing import Any, Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import watching
from octodemo.kube import Cluster
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, condition, fresh_platform, image, install_operator

__all__ = ["prove_upgrade", "wait_image", "wait_upgraded"]

NAMESPACE: Final = "prove-upgrade"
REGION: Final = "meet-upgrade"
SIZE: Final = 2
CALLS: Final = ("red", "green", "blue", "black", "white", "grey", "pink", "brown")
CALL_SIZE: Final = 5
PEOPLE: Final = len(CALLS) * CALL_SIZE
A_DROP_SECONDS: Final = 12


async def prove_upgrade(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        by_hand = quick(None, mode="External")
        region = octo_region(NAMESPACE, REGION, by_hand, cpu="50m", replicas=SIZE)
        await cluster.apply(jitsi_cluster(NAMESPACE), region)
        await platform.wait_ready(REGION, bridges=SIZE)
        crowd = await start_crowd(cluster, NAMESPACE)
        for name in CALLS:
            await crowd.call(name, CALL_SIZE, bitrate_bps=100_000)
        await crowd.connected(PEOPLE)
        return await _upgrade_twice(platform, crowd, console)


async def _upgrade_twice(platform: Platform, crowd: Crowd, console: Console) -> str:
    async with watching(platform, REGION) as watcher:
        await asyncio.sleep(6)  # the bridges tell who is on them
        await crowd.reset()
        console.print(f"{PEOPLE} people; every bridge changes its version")
        await _ask_for(platform, "bridge-next")
        await wait_upgraded(platform, REGION, "UpToDate")
        await platform.wait_ready(REGION, bridges=SIZE)
        await wait_image(platform, REGION, image("bridge-next"))
        await asyncio.sleep(A_DROP_SECONDS)
        people = await crowd.people()
        console.print(f"upgraded: {people.line()}; now a version that carries no media")
        await _ask_for(platform, "bridge-mute")
        told = await wait_upgraded(platform, REGION, "RolledBack")
        console.print(told["message"])
        await platform.wait_ready(REGION, bridges=SIZE)
        await wait_image(platform, REGION, image("bridge-next"))
        await asyncio.sleep(A_DROP_SECONDS)
        people = await crowd.people()
    line = f"upgrade: dropped={people.dropped} moved={people.moved} rollback=ok"
    gone = PEOPLE - people.present
    lost = watcher.occupied_deleted
    if people.dropped or not people.moved or gone or lost:
        raise AssertionError(f"{line} occupied_deleted={lost} gone={gone}")
    return line


async def wait_upgraded(
    platform: Platform, region: str, reason: str, *, seconds: float = 300
) -> dict[str, Any]:
    """Wait until the region's condition Upgraded has a reason; return the condition."""

    async def holds() -> dict[str, Any] | None:
        seen = await platform.region(region)
        found = condition(seen, "Upgraded")
        judged = seen["status"].get("observedGeneration") == seen["metadata"]["generation"]
        return found if found is not None and judged and found["reason"] == reason else None

    return await platform.wait(region, f"Upgraded for {reason}", holds, seconds=seconds)


async def wait_image(platform: Platform, region: str, wanted: str) -> None:
    """Wait until every bridge that is there is of this image: the old ones' pods go in a moment."""

    async def alone() -> bool | None:
        pods = await platform.bridge_pods()
        return True if {_image_of(pod) for pod in pods} == {wanted} else None

    await platform.wait(region, f"only {wanted}", alone, seconds=120)


def _image_of(pod: dict[str, Any]) -> str:
    return pod["spec"]["containers"][0]["image"]


async def _ask_for(platform: Platform, name: str) -> None:
    await platform.patch_region(REGION, {"bridge": {"image": image(name)}})
