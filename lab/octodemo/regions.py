"""Proofs: what Octo brings to people in three regions, and what is left when one is lost.

`regions: near=1.00 local_ms=N central_ms=N wan_mbps=N wan_mbps_central=N`: the same people on the
same network, once with bridges and relays in every region, once with all bridges in one. The
milliseconds are those of a packet from somebody to somebody else of the same region, the mean over
the regions; the rate is all that passed between regions.

`regionloss: back_s=N lost=0`: every bridge of one region killed at once.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from octodemo import regions_picture
from octodemo.kube import Cluster
from octodemo.platform import install_operator, until
from octodemo.regions_picture import Measured
from octodemo.world import REGIONS, World, bytes_between, standing

__all__ = ["prove_regionloss", "prove_regions"]

SENDERS: Final = 2
WATCHERS: Final = 3
BITRATE_BPS: Final = 300_000
SETTLE_SECONDS: Final = 8.0
MEASURE_SECONDS: Final = 15.0
BACK_SECONDS: Final = 15.0


async def prove_regions(cluster: Cluster, console: Console, picture: Path | None = None) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    console.print("bridges and relays in every region")
    octo = await _measured(cluster, "prove-regions", relays=True)
    console.print(octo.table())
    console.print("all bridges in one region")
    central = await _measured(cluster, "prove-central", relays=False)
    console.print(central.table())
    if picture is not None:
        await asyncio.to_thread(picture.write_text, regions_picture.drawn(octo, central))
    line = (
        f"regions: near={octo.near:.2f} local_ms={octo.local_ms:.0f} "
        f"central_ms={central.local_ms:.0f} wan_mbps={octo.wan_mbps:.2f} "
        f"wan_mbps_central={central.wan_mbps:.2f}"
    )
    shorter, less = octo.local_ms < central.local_ms, octo.wan_mbps < central.wan_mbps
    if octo.near < 1 or not shorter or not less:
        raise AssertionError(line)
    return line


async def _measured(cluster: Cluster, namespace: str, *, relays: bool) -> Measured:
    async with standing(cluster, namespace, relays=relays) as world:
        await _people(world)
        if relays:
            await world.linked()
        await asyncio.sleep(SETTLE_SECONDS)
        await world.reset()
        before, began = await bytes_between(cluster), time.monotonic()
        await asyncio.sleep(MEASURE_SECONDS)
        after, seconds = await bytes_between(cluster), time.monotonic() - began
        reports = await world.reports()
        passed = sum(after.values()) - sum(before.values())
        return Measured(
            regions=REGIONS,
            near=await world.near(),
            delays={
                (origin, target): reports[target]["conferences"][_call(origin)]["delay_ms_mean"]
                for origin in REGIONS
                for target in REGIONS
            },
            wan_mbps=passed * 8 / seconds / 1e6,
            links=tuple(
                (one["first"], one["second"], one.get("rtt", "?")) for one in await world.links()
            ),
        )


async def _people(world: World) -> None:
    """One call for each region: its people speak and show themselves, all others look on."""
    for origin in REGIONS:
        for target, crowd in world.crowds.items():
            if target == origin:
                await crowd.call(_call(origin), SENDERS, bitrate_bps=BITRATE_BPS, region=target)
            else:
                await crowd.call(_call(origin), WATCHERS, video=False, audio=False, region=target)
    each = SENDERS + (len(REGIONS) - 1) * WATCHERS
    for crowd in world.crowds.values():
        await crowd.connected(each, seconds=180)


def _call(origin: str) -> str:
    return f"from-{origin}"


@dataclass(frozen=True, slots=True)
class _Loss:
    """What the loss of a region cost."""

    people: int
    back_s: float
    lost: int

    def line(self) -> str:
        return f"regionloss: back_s={self.back_s:.1f} lost={self.lost}"


async def prove_regionloss(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with standing(cluster, "prove-regionloss", relays=True) as world:
        outcome = await _lose_a_region(world, console)
    line = outcome.line()
    if outcome.lost or not outcome.people or outcome.back_s > BACK_SECONDS:
        raise AssertionError(f"{line} people={outcome.people}")
    return line


async def _lose_a_region(world: World, console: Console) -> _Loss:
    each, gone = 3, REGIONS[-1]
    for region, crowd in world.crowds.items():
        await crowd.call("world", each, bitrate_bps=100_000, region=region)
    for crowd in world.crowds.values():
        await crowd.connected(each, seconds=180)
    await world.linked()
    await asyncio.sleep(SETTLE_SECONDS)
    before = await _arriving(world)
    await world.reset()
    people = await world.kill_bridges(gone)
    console.print(f"all bridges of {gone} killed, with {people} people on them")

    async def back() -> bool | None:
        now = await _arriving(world)
        return True if all(a >= b for a, b in zip(now, before, strict=True)) else None

    # The killed ones' streams still count for a moment: only what comes later says anything.
    await asyncio.sleep(SETTLE_SECONDS)
    await until(f"everyone receives {before} streams again", back, seconds=90)
    totals = [report["total"] for report in (await world.reports()).values()]
    longest = max(one["killed_max_gap_ms"] for one in totals) / 1000
    return _Loss(people, longest, sum(each - one["present"] for one in totals))


async def _arriving(world: World) -> list[int]:
    """Return how many streams come in at the people of each region."""
    return await asyncio.gather(*(crowd.arriving() for crowd in world.crowds.values()))
