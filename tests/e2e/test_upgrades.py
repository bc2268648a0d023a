"""Bridges change their version under a call; one that carries no media is found out in time."""

from octodemo.crowd import Crowd
from octodemo.fleet import watching
from octodemo.objects import quick
from octodemo.platform import Platform, image
from octodemo.upgrade import wait_image, wait_upgraded


async def test_bridges_change_their_version_under_a_call_and_an_unfit_one_is_taken_back(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    await fleet.patch_region(region, {"autoscaling": quick(None, mode="External"), "replicas": 2})
    await fleet.wait_ready(region, bridges=2)
    await crowd.reset()
    async with watching(fleet, region) as watcher:
        await crowd.call("through", 4, bitrate_bps=100_000)
        await crowd.connected(4)
        await fleet.patch_region(region, {"bridge": {"image": image("bridge-next")}})
        await wait_upgraded(fleet, region, "UpToDate", seconds=240)
        await wait_image(fleet, region, image("bridge-next"))
        await fleet.patch_region(region, {"bridge": {"image": image("bridge-mute")}})
        told = await wait_upgraded(fleet, region, "RolledBack", seconds=180)
        assert "fail" in told["message"]
        people = await crowd.people()
        await crowd.call("through", 0)
        await fleet.patch_region(region, {"bridge": {"image": None}})
        await wait_upgraded(fleet, region, "UpToDate", seconds=240)
    assert watcher.occupied_deleted == []
    assert (people.dropped, people.present) == (0, 4)
    assert people.moved == 4
