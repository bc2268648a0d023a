"""Proof: a real HorizontalPodAutoscaler grows and shrinks a region through its scale subresource.

The region is in mode External; the HPA sees the bridge pods' CPU through metrics-server and
writes `spec.replicas`. Octofleet obeys, and drains before it removes. Ends in
`hpa: replicas=2-4-2 dropped=0`.
"""

import asyncio
from typing import Any, Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import watching
from octodemo.kube import Cluster
from octodemo.objects import API_VERSION, jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator

__all__ = ["autoscaler", "prove_hpa"]

NAMESPACE: Final = "prove-hpa"
REGION: Final = "meet-hpa"
BUSY: Final = ("busy-0", "busy-1", "busy-2")
"""The calls that make the CPU busy."""
Object = dict[str, Any]


def autoscaler(namespace: str, region: str, *, most: int) -> Object:
    """Return a HorizontalPodAutoscaler on a region's CPU: 2 to `most` bridges."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": region, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": API_VERSION, "kind": "OctoRegion", "name": region},
            "minReplicas": 2,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 60},
                    },
                }
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
        },
    }


async def prove_hpa(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        external = quick(None, most=4, mode="External")
        region = octo_region(NAMESPACE, REGION, external, cpu="50m", replicas=2)
        await cluster.apply(jitsi_cluster(NAMESPACE), region, autoscaler(NAMESPACE, REGION, most=4))
        console.print("two bridges first")
        await platform.wait_ready(REGION, bridges=2)
        crowd = await start_crowd(cluster, NAMESPACE)
        async with watching(platform, REGION) as watcher:
            await _load_until(platform, crowd, console)
            console.print("the load goes: down to two again, drained first")
            await crowd.call("small", 3, bitrate_bps=50_000)
            for name in BUSY:
                await crowd.call(name, 0)
            await _replicas(platform, 2, seconds=300)
            await asyncio.sleep(12)
            people = await crowd.people()
        sizes = "-".join(str(size) for size in _turns(watcher.sizes))
        line = f"hpa: replicas={sizes} dropped={people.dropped}"
        if watcher.occupied_deleted or people.dropped or sizes != "2-4-2":
            raise AssertionError(f"{line} occupied_deleted={watcher.occupied_deleted}")
        return line


async def _load_until(platform: Platform, crowd: Crowd, console: Console) -> None:
    console.print("three busy calls: the HPA asks for four")
    await crowd.call("small", 3, bitrate_bps=50_000)
    for name in BUSY:
        await crowd.call(name, 8, bitrate_bps=400_000)
    await crowd.connected(27)
    await _replicas(platform, 4, seconds=240)
    await platform.wait_ready(REGION, bridges=4)


async def _replicas(platform: Platform, count: int, *, seconds: float) -> None:
    async def there() -> bool | None:
        pods = await platform.bridge_pods()
        return True if len(pods) == count else None

    await platform.wait(REGION, f"{count} bridge pods", there, seconds=seconds)


def _turns(sizes: list[int]) -> list[int]:
    """Return only where the sequence turns: 2,3,4,3,2 -> 2,4,2."""
    kept: list[int] = []
    for size in sizes:
        if len(kept) >= 2 and (kept[-1] - kept[-2]) * (size - kept[-1]) > 0:
            kept[-1] = size
        else:
            kept.append(size)
    return kept
