"""Proof: `kubectl drain` of a node whose bridge carries calls.

An administrator's own command, nothing else: the operator sees the cordon, starts a bridge
elsewhere, moves the people, and only then lets the eviction through. Ends in
`drain: dropped=0 moved=N seconds=N`, the seconds being what `kubectl drain` took.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import watching
from octodemo.kube import Cluster
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator

__all__ = ["kept_free", "prove_drain"]

NAMESPACE: Final = "prove-drain"
REGION: Final = "meet-drain"
PLACE: Final = "octofleet.io/prove-drain"
"""Label of the three nodes that may carry bridges: two do, one is free."""
SIZE: Final = 2
CALLS: Final = ("red", "green", "blue", "black")
CALL_SIZE: Final = 5
PATIENCE: Final = "300s"


async def prove_drain(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        nodes = sorted(one["metadata"]["name"] for one in await cluster.items("/api/v1/nodes"))
        places, spare = nodes[-3:], nodes[-2:]
        try:
            async with kept_free(cluster, spare):
                console.print(
                    f"everything but bridges goes to other nodes than {' and '.join(spare)}"
                )
                await cluster.kubectl("label", "node", "--overwrite", *places, f"{PLACE}=yes")
                await cluster.apply(jitsi_cluster(NAMESPACE), _region(replicas=1))
                await platform.wait_ready(REGION, bridges=1)
                crowd = await start_crowd(cluster, NAMESPACE)
            return await _drain(platform, crowd, spare, console)
        finally:
            await cluster.kubectl("uncordon", *spare)
            await cluster.kubectl("label", "node", *places, f"{PLACE}-")


def _region(*, replicas: int) -> dict[str, Any]:
    by_hand = quick(None, mode="External")
    region = octo_region(NAMESPACE, REGION, by_hand, cpu="50m", replicas=replicas)
    region["spec"]["bridge"]["nodeSelector"] = {PLACE: "yes"}
    return region


async def _drain(platform: Platform, crowd: Crowd, spare: list[str], console: Console) -> str:
    await platform.patch_region(REGION, {"replicas": SIZE})
    await platform.wait_ready(REGION, bridges=SIZE)
    node = await _one_with_a_bridge(platform, spare)
    async with watching(platform, REGION) as watcher:
        for name in CALLS:
            await crowd.call(name, CALL_SIZE)
        await crowd.connected(len(CALLS) * CALL_SIZE)
        await asyncio.sleep(6)
        await crowd.reset()
        console.print(f"kubectl drain {node}")
        began = time.monotonic()
        await platform.cluster.kubectl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
            f"--timeout={PATIENCE}",
        )  # fmt: skip
        seconds = time.monotonic() - began
        await platform.wait_ready(REGION, bridges=SIZE)
        await asyncio.sleep(12)
        people = await crowd.people()
    line = f"drain: dropped={people.dropped} moved={people.moved} seconds={seconds:.0f}"
    stayed = len(CALLS) * CALL_SIZE - people.present
    if people.dropped or watcher.occupied_deleted or stayed or not people.moved:
        raise AssertionError(f"{line} occupied_deleted={watcher.occupied_deleted} gone={stayed}")
    return line


@asynccontextmanager
async def kept_free(cluster: Cluster, nodes: list[str]) -> AsyncGenerator[None]:
    """Keep new pods off some nodes for the time being."""
    await cluster.kubectl("cordon", *nodes)
    try:
        yield
    finally:
        await cluster.kubectl("uncordon", *nodes)


async def _one_with_a_bridge(platform: Platform, nodes: list[str]) -> str:
    held = {pod["spec"].get("nodeName") for pod in await platform.bridge_pods()}
    found = [node for node in nodes if node in held]
    if not found:
        raise AssertionError(f"no bridge runs on {' or '.join(nodes)}: nothing would be proven")
    return found[0]
