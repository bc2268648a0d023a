"""Who decides about a region's size: what is only recommended isn't done, on a real cluster."""

from typing import Any

from octodemo.crowd import Crowd
from octodemo.fleet import watching
from octodemo.objects import quick
from octodemo.platform import Platform

CROWDED = ("modes-0", "modes-1", "modes-2")
"""Calls with more people than two bridges of eight should hold."""


async def test_recommend_says_what_it_would_do_and_does_nothing(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    before = await pods(fleet)
    await fleet.patch_region(region, {"autoscaling": quick(mode="Recommend"), "replicas": 2})
    await recommended(fleet, region, 2)
    async with watching(fleet, region) as watcher:
        for name in CROWDED:
            await crowd.call(name, 6, video=False)
        await crowd.connected(18)
        told = await recommended(fleet, region, 3)
        for name in CROWDED:
            await crowd.call(name, 0)
        # A later decision: what the one before it asked for would be under way.
        await recommended(fleet, region, 2)
    assert "3 recommended" in told["message"]
    assert watcher.sizes == [2]
    assert await pods(fleet) == before


async def recommended(fleet: Platform, region: str, number: int) -> dict[str, Any]:
    """Wait until so many are recommended, while spec.replicas holds; return the decision."""

    async def told() -> dict[str, Any] | None:
        found = (await fleet.region(region)).get("status", {}).get("lastDecision", {})
        holds = found.get("winner") == "spec.replicas" and found.get("wanted") == 2
        return found if holds and found.get("recommended") == number else None

    return await fleet.wait(region, f"{number} recommended", told, seconds=90)


async def pods(fleet: Platform) -> set[str]:
    return {pod["metadata"]["uid"] for pod in await fleet.bridge_pods()}
