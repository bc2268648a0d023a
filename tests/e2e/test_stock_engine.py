"""A region of the stock videobridge: its REST behind the sidecar, its end behind a hook.

The stock image can't be had here: one stands in that takes its variables and its file, asks for no
token and leaves at once upon SIGTERM (lab/images/bridge-stock). Its process is octobridge's.
"""

from typing import Any

import pytest

from octodemo.crowd import Crowd
from octodemo.kube import CommandError
from octodemo.objects import octo_region, quick
from octodemo.platform import Platform, image, until

NAME = "stock"
CALLS = 8
Object = dict[str, Any]


async def test_a_stock_bridge_carries_a_call_and_leaves_when_its_people_have(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    by_hand = quick(None, mode="External")
    await fleet.patch_region(region, {"autoscaling": by_hand, "replicas": 2})
    stock = octo_region(fleet.namespace, NAME, by_hand, cpu="50m", replicas=1)
    stock["spec"]["bridge"] |= {"engine": "jvb", "image": image("bridge-stock")}
    await crowd.reset()
    lost = await _lost_bridges(fleet)
    await fleet.cluster.apply(stock)
    calls: list[str] = []
    try:
        await fleet.wait_ready(NAME, bridges=1)
        pod = await _pod(fleet)
        await _asks_for_a_token(fleet, pod)
        await _fill(fleet, crowd, calls)
        await fleet.cluster.delete(fleet.path("octoregions", NAME))
        await _in_jicofo(fleet, pod, "drain")
        await fleet.cluster.kubectl(
            "delete", "pod", pod["metadata"]["name"], "-n", fleet.namespace, "--wait=false"
        )
        await _in_jicofo(fleet, pod, "graceful-shutdown")
        assert await crowd.present() == 2 * len(calls)
        assert (await crowd.people()).dropped == 0
        await _end(crowd, calls)
        await fleet.wait_region_gone(NAME)
    finally:
        await fleet.cluster.delete(fleet.path("octoregions", NAME))
        await _end(crowd, calls)
    assert await _lost_bridges(fleet) == lost


async def _fill(fleet: Platform, crowd: Crowd, names: list[str]) -> None:
    """Begin calls, and note their names, until one is on the stock bridge."""
    while len(names) < CALLS:
        names.append(f"stock-{len(names)}")
        await crowd.call(names[-1], 2, bitrate_bps=100_000)
        await crowd.connected(2 * len(names))
        if await _holds(fleet):
            break
    await fleet.wait(NAME, "people on the stock bridge", lambda: _is_told(fleet), seconds=60)


async def _end(crowd: Crowd, calls: list[str]) -> None:
    while calls:
        await crowd.call(calls.pop(), 0)


async def _pod(fleet: Platform) -> Object:
    (found,) = [
        each
        for each in await fleet.bridge_pods()
        if each["metadata"]["labels"]["octofleet.io/region"] == NAME
    ]
    return found


async def _asks_for_a_token(fleet: Platform, pod: Object) -> None:
    """Find the sidecar where the operator looks for the REST."""
    name = pod["metadata"]["name"]
    rest = f"/api/v1/namespaces/{fleet.namespace}/pods/{name}:8080/proxy"
    with pytest.raises(CommandError, match="status 401"):
        await fleet.cluster.request("GET", f"{rest}/colibri/stats")


async def _in_jicofo(fleet: Platform, pod: Object, what: str) -> None:
    """Wait until Jicofo knows something of the bridge."""
    nickname = pod["metadata"]["annotations"]["octofleet.io/nickname"]

    async def known() -> bool | None:
        return True if (await _bridges(fleet)).get(nickname, {}).get(what) is True else None

    await until(f"{nickname}: {what}", known, seconds=60)


async def _holds(fleet: Platform) -> bool:
    nickname = (await _pod(fleet))["metadata"]["annotations"]["octofleet.io/nickname"]
    return bool((await _bridges(fleet)).get(nickname, {}).get("endpoints"))


async def _is_told(fleet: Platform) -> bool | None:
    """Tell whether the region's status has people on the bridge, as the bridge itself says."""
    bridges = (await fleet.region(NAME))["status"].get("bridges", ())
    return True if any(each.get("participants") for each in bridges) else None


async def _bridges(fleet: Platform) -> dict[str, Object]:
    debug = await fleet.cluster.get(fleet.jicofo("debug"))
    seen: dict[str, Object] = debug["bridge_selector"]["bridge"]
    return {jid.rsplit("/", 1)[-1]: bridge for jid, bridge in seen.items()}


async def _lost_bridges(fleet: Platform) -> int:
    stats = await fleet.cluster.get(fleet.jicofo("stats"))
    return int(stats["bridge_selector"]["lost_bridges"])
