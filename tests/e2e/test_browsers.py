"""Real browsers outside the cluster, in calls on bridge pods."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from octodemo.browser_lab import WIDE, reaching
from octodemo.callers import Caller, enter
from octodemo.chromium import chromium
from octodemo.platform import Platform, until


async def test_browsers_stay_in_their_call_while_their_bridge_is_replaced(
    fleet: Platform, region: str
) -> None:
    async with (
        reaching(fleet) as (wires, url),
        chromium(prefix=wires.inside(WIDE.name), secure=url) as browser,
    ):
        pair = [await enter(browser, url, "moved", height=180) for _ in range(2)]
        await _see_each_other(pair)
        before = await pair[0].page.evaluate("octo.call.bridge")
        async with _cordoned(fleet, await _node_of(fleet, before)):

            async def elsewhere() -> bool | None:
                # Between two bridges a page may have no call for a moment.
                where = "octo.call?.bridge ?? null"
                bridges = [await one.page.evaluate(where) for one in pair]
                return True if not {before, None}.intersection(bridges) else None

            await until("both browsers on another bridge", elsewhere, seconds=240)
            await _see_each_other(pair)
            assert [one.page.complaints for one in pair] == [[], []]


async def _see_each_other(pair: list[Caller]) -> None:
    for one, other in (pair, reversed(pair)):
        await one.page.until("octo.state() === 'connected'", seconds=90)
        await one.until_height(f"{other.id}-v0", 180, seconds=90)


async def _node_of(fleet: Platform, bridge: str) -> str:
    """Where a bridge is: in the brewery it has its pod's name and a few letters more."""
    name = bridge.rpartition("-")[0]
    pods = await fleet.bridge_pods()
    (node,) = (one["spec"]["nodeName"] for one in pods if one["metadata"]["name"] == name)
    return node


@asynccontextmanager
async def _cordoned(fleet: Platform, node: str) -> AsyncGenerator[None]:
    await fleet.cluster.kubectl("cordon", node)
    try:
        yield
    finally:
        await fleet.cluster.kubectl("uncordon", node)
