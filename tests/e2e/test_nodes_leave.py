"""A node that is about to go: its bridge is replaced and emptied, and given back if it stays."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from octodemo.crowd import Crowd
from octodemo.fleet import watching
from octodemo.objects import quick
from octodemo.platform import Platform

SPOT = "aws-node-termination-handler/spot-itn=true:NoSchedule"
PEOPLE = 10
Pod = dict[str, Any]


@pytest.mark.parametrize("notice", ["cordon", "spot"])
async def test_a_bridge_on_a_leaving_node_is_replaced_and_its_people_are_moved(
    fleet: Platform, crowd: Crowd, region: str, notice: str
) -> None:
    async with _two_calls(crowd):
        async with watching(fleet, region) as watcher:
            pod = await _fullest(fleet, region)
            node = pod["spec"]["nodeName"]
            async with _leaving(fleet, node, notice):
                await _gone(fleet, region, pod["metadata"]["uid"])
                await fleet.wait_ready(region, bridges=2)
                assert node not in {one["spec"]["nodeName"] for one in await fleet.bridge_pods()}
            seen = await crowd.people()
        assert (seen.dropped, watcher.occupied_deleted) == (0, [])
        assert seen.present == PEOPLE
        assert seen.moved > 0


async def test_a_node_that_stays_after_all_gets_its_bridge_back(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    patient = {**quick(), "drain": {"patience": "5s", "deadline": "10m", "atDeadline": "Wait"}}
    await fleet.patch_region(region, {"autoscaling": patient})
    async with _two_calls(crowd):
        pod = await _fullest(fleet, region)
        async with _leaving(fleet, pod["spec"]["nodeName"], "cordon"):
            await fleet.wait_condition(region, "Draining", "True")
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]

        async def serves_again() -> bool | None:
            bridges = (await fleet.region(region))["status"]["bridges"]
            return any(one["name"] == name and one["state"] == "Ready" for one in bridges) or None

        await fleet.wait(region, f"{name} serves again", serves_again, seconds=90)
        assert uid in {one["metadata"]["uid"] for one in await fleet.bridge_pods()}


@asynccontextmanager
async def _two_calls(crowd: Crowd) -> AsyncGenerator[None]:
    try:
        for name in ("one", "two"):
            await crowd.call(name, PEOPLE // 2, bitrate_bps=100_000)
        await crowd.connected(PEOPLE)
        # Bridges tell who is on them every 5 s: the region still shows the test before.
        await asyncio.sleep(7)
        await crowd.reset()
        yield
    finally:
        for name in ("one", "two"):
            await crowd.call(name, 0)


async def _fullest(fleet: Platform, region: str) -> Pod:
    """Return the pod of the bridge with most people, once the region tells of somebody."""

    async def occupied() -> Pod | None:
        bridges = (await fleet.region(region))["status"]["bridges"]
        fullest = max(bridges, key=lambda one: one.get("participants") or 0)
        if not fullest.get("participants"):
            return None
        pods = await fleet.bridge_pods()
        return next(one for one in pods if one["metadata"]["name"] == fullest["name"])

    return await fleet.wait(region, "people on a bridge", occupied, seconds=60)


async def _gone(fleet: Platform, region: str, uid: str) -> None:
    async def gone() -> bool | None:
        return uid not in {one["metadata"]["uid"] for one in await fleet.bridge_pods()} or None

    await fleet.wait(region, "the bridge is gone", gone, seconds=150)


@asynccontextmanager
async def _leaving(fleet: Platform, node: str, notice: str) -> AsyncGenerator[None]:
    """Announce that a node goes, and take it back."""
    spot = notice == "spot"
    await fleet.cluster.kubectl(*(("taint", "node", node, SPOT) if spot else ("cordon", node)))
    try:
        yield
    finally:
        back = ("taint", "node", node, f"{SPOT}-") if spot else ("uncordon", node)
        await fleet.cluster.kubectl(*back)
