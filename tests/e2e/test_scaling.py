"""The fleet follows its people and its load, and nobody is dropped."""

import asyncio

from octodemo.crowd import Crowd
from octodemo.fleet import watching
from octodemo.objects import quick
from octodemo.platform import Platform


async def test_more_people_than_two_bridges_hold_bring_a_third_and_it_goes_again_without_a_drop(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    await crowd.reset()
    async with watching(fleet, region) as watcher:
        for name in ("a", "b", "c"):
            await crowd.call(name, 6, bitrate_bps=100_000)
        await crowd.connected(18)
        await fleet.wait_ready(region, bridges=3)
        await crowd.call("d", 4, bitrate_bps=100_000)
        await crowd.connected(22)
        for name in ("a", "c"):
            await crowd.call(name, 0)
        await fleet.wait_ready(region, bridges=2)
        await asyncio.sleep(11)  # a drop is media missing for more than 10 s
        people = await crowd.people()
        for name in ("b", "d"):
            await crowd.call(name, 0)
    assert watcher.sizes == [2, 3, 2]
    assert watcher.occupied_deleted == []
    assert people.dropped == 0
    assert people.present == 10


async def test_busy_bridges_bring_a_third_by_cpu(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    await fleet.patch_region(region, {"autoscaling": quick(None, cpu=50)})
    for name in ("busy-0", "busy-1"):
        await crowd.call(name, 9, bitrate_bps=500_000)
    await crowd.connected(18)
    grown = await fleet.wait_ready(region, bridges=3, seconds=150)
    assert grown["status"]["lastDecision"]["winner"] == "CPU"
    for name in ("busy-0", "busy-1"):
        await crowd.call(name, 0)
