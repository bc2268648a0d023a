"""Proof: the operator may die at any moment; no bridge with people on it goes, all converges.

The operator's pod is killed without grace 20 times, at random moments of scale-out and
scale-in under live calls. Ends in `restart: kills=20 occupied_deleted=0 converged=20`.
"""

import asyncio
import random
from typing import Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import Watcher, watching
from octodemo.kube import Cluster
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import SYSTEM, Platform, fresh_platform, install_operator

__all__ = ["prove_restart"]

NAMESPACE: Final = "prove-restart"
REGION: Final = "meet-restart"
KILLS: Final = 20


async def prove_restart(cluster: Cluster, console: Console, *, seed: int) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        await cluster.apply(jitsi_cluster(NAMESPACE), octo_region(NAMESPACE, REGION, quick(5)))
        await platform.wait_ready(REGION, bridges=2)
        crowd = await start_crowd(cluster, NAMESPACE)
        for name in ("one", "two"):
            await crowd.call(name, 4, bitrate_bps=100_000)
        await crowd.connected(8)
        async with watching(platform, REGION) as watcher:
            converged = await _kill_and_converge(platform, crowd, watcher, chance, console)
        people = await crowd.people()
        line = (
            f"restart: kills={KILLS} occupied_deleted={len(watcher.occupied_deleted)} "
            f"converged={converged}"
        )
        console.print(f"dropped={people.dropped} moved={people.moved} seed={seed}")
        if watcher.occupied_deleted or converged != KILLS or people.dropped:
            raise AssertionError(f"{line} dropped={people.dropped}")
        return line


async def _kill_and_converge(
    platform: Platform, crowd: Crowd, watcher: Watcher, chance: random.Random, console: Console
) -> int:
    """Turn the load up and down; kill the operator in each turn; count the turns that settle."""
    converged = 0
    for turn in range(KILLS):
        grow = turn % 2 == 0
        wanted = 3 if grow else 2
        await crowd.call("wave", 5 if grow else 0, bitrate_bps=100_000)
        await asyncio.sleep(chance.uniform(0.0, 14.0))
        await _kill_operator(platform)
        try:
            await _settled(platform, wanted)
        except TimeoutError as late:
            console.print(f"turn {turn + 1}: {late}")
            continue
        converged += 1
        decision = watcher.last.decision if watcher.last else ""
        console.print(f"turn {turn + 1}/{KILLS}: settled at {wanted}: {decision}")
    return converged


async def _kill_operator(platform: Platform) -> None:
    pods = await platform.cluster.items(
        f"/api/v1/namespaces/{SYSTEM}/pods", labelSelector="app.kubernetes.io/name=octofleet"
    )
    for pod in pods:
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}"
        await platform.cluster.delete(path, grace_seconds=0)


async def _settled(platform: Platform, wanted: int) -> None:
    """Wait until the region wants and has this many bridges, all ready and none draining."""

    async def there() -> bool | None:
        status = (await platform.region(REGION)).get("status", {})
        pods = await platform.bridge_pods()
        settled = (
            status.get("desiredReplicas") == wanted
            and status.get("readyReplicas") == wanted
            and len(pods) == wanted
        )
        return True if settled else None

    await platform.wait(REGION, f"{wanted} bridges after a kill", there, seconds=150)
