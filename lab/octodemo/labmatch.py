"""Proof: what the simulator says of a small workload is what real bridges do.

One description (`--workload`) is run by both. First the lab's machine is measured with calls that
aren't in it: how stressed an idle bridge is, what a packet costs, how long a bridge takes to start.
The stress that the workload wants on average goes with the machine: it was chosen for the bridges
that the description tells of. With these the simulator tells how the workload will go; then
synthetic participants do the same on real bridges under the real operator. Ends in
`labmatch: decisions=N/N stress_rmse=0.NN`: how many of the region's decisions (by how many bridges
up or down) were the same in the same order, and how far the stress of each bridge was apart over
time.

Every decision has to match. Stress may be 0.12 apart: bridges smooth theirs over seconds and tell
it every five, a person's share of a real machine isn't only packets, and the machine does other
things meanwhile; a model that misses a call's place, or a fifth of its cost, is further off.

Where the machine is too busy for the senders, bridges carry less than was described, and nothing is
measured: then the proof fails by that name (`fed` is the share of the packets that people got).
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console

from octodemo.courses import (
    Course,
    Sampled,
    matching,
    orders,
    packets_due,
    root_mean_square,
    turns,
)
from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import Watcher, watching
from octodemo.kube import Cluster
from octodemo.machines import GAUGES, Machine, costs, fitted
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import ROOT, Platform, fresh_platform, install_operator
from octodemo.scratch import scratch

__all__ = ["WORKLOAD", "prove_labmatch"]

WORKLOAD: Final = ROOT / "examples" / "workloads" / "lab.yaml"
NAMESPACE: Final = "prove-labmatch"
REGION: Final = "lab"
LIMIT: Final = "150m"
"""CPU of a bridge: small, so that a handful of people are a load."""
BITRATE: Final = 200_000
CALM_SECONDS: Final = 15.0
EVERY: Final = 5.0
FARTHEST: Final = 0.12
FED: Final = 0.9
"""Of the packets that people should get: with fewer, the machine was too busy to tell anything."""

Object = dict[str, Any]


async def prove_labmatch(cluster: Cluster, console: Console, workload: Path = WORKLOAD) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        await cluster.apply(jitsi_cluster(NAMESPACE), _region())
        await platform.wait_ready(REGION, bridges=2)
        crowd = await start_crowd(cluster, NAMESPACE)
        machine = await _measure(platform, crowd)
        console.print(f"a bridge of this machine: {machine.description()}")
        course = await _simulated(fitted(_described(workload), machine))
        console.print(f"settings: {course.autoscaling}", markup=False)
        console.print(f"the simulator says: sizes {'-'.join(map(str, course.sizes))}")
        await _begin(platform, course)
        async with watching(platform, REGION) as watcher:
            seen = await _play(platform, crowd, watcher, course, console)
        total = (await crowd.report())["total"]
        fed = total["packets_received"] / packets_due(course.joins, course.seconds)
        console.print(f"people got {100 * fed:.0f}% of what such people send")
        line, apart = _judge(course, watcher.sizes, seen, console)
        if fed < FED:
            raise AssertionError(f"{line} fed={fed:.2f}: the machine is too busy to tell")
        if apart:
            raise AssertionError(line)
        if total["dropped"]:
            raise AssertionError(f"{line} dropped={total['dropped']}")
        return line


def _region() -> Object:
    region = octo_region(NAMESPACE, REGION, quick(None, mode="External"), replicas=2)
    cpu = {"cpu": LIMIT, "memory": "256Mi"}
    region["spec"]["bridge"]["resources"] = {"requests": {"cpu": "50m"}, "limits": cpu}
    return region


# The machine ------------------------------------------------------------------------------------


async def _measure(platform: Platform, crowd: Crowd) -> Machine:
    """Measure the lab's bridges with a call that the workload doesn't have."""
    began = time.monotonic()
    await platform.patch_region(REGION, {"replicas": 3})
    await platform.wait_ready(REGION, bridges=3)
    start = time.monotonic() - began
    await platform.patch_region(REGION, {"replicas": 2})
    await platform.wait_ready(REGION, bridges=2)
    async with watching(platform, REGION) as watcher:
        await asyncio.sleep(CALM_SECONDS)
        idle = statistics.median(_recent(watcher, lowest=True))
        levels: list[float] = []
        for people in GAUGES:
            await crowd.call("gauge", people, bitrate_bps=BITRATE)
            await crowd.connected(people)
            await asyncio.sleep(CALM_SECONDS + 5)
            levels.append(statistics.median(_recent(watcher, lowest=False)) - idle)
    await crowd.call("gauge", 0)
    await asyncio.sleep(2 * CALM_SECONDS)
    person, rate = costs(levels)
    return Machine(idle, person, rate, start)


def _recent(watcher: Watcher, *, lowest: bool) -> list[float]:
    """Return the stress of the idlest or the busiest bridge over the last seven seconds."""
    since = time.monotonic() - CALM_SECONDS / 2
    found: list[float] = []
    for view in watcher.views:
        ready = [each for each in view.bridges if each.state == "Ready"]
        told = [each.stress for each in ready if each.stress is not None]
        if view.at >= since and told:
            found.append(min(told) if lowest else max(told))
    if not found:
        raise AssertionError("no bridge tells its stress")
    return found


# The simulator ----------------------------------------------------------------------------------


def _described(workload: Path) -> Object:
    return yaml.safe_load(workload.read_text())


async def _simulated(described: Object) -> Course:
    """Have the simulator tell a workload's course."""
    with scratch("labmatch") as folder:
        path = folder / "workload.yaml"
        path.write_text(yaml.safe_dump(described))
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("octofleet"), "simulate", "course", "--workload", path,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
    if process.returncode:
        raise AssertionError(f"octofleet simulate course ended with {process.returncode}")
    return Course.read(out.decode())


# The lab ----------------------------------------------------------------------------------------


async def _begin(platform: Platform, course: Course) -> None:
    """Give the region the workload's settings, at the size it begins with."""
    # Never a moment of Auto without the workload's settings: by the defaults, what the gauge left
    # behind in metrics-server would make the region grow.
    unset = dict.fromkeys(("minBridges", "maxBridges", "metrics", "behavior", "drain"))
    await platform.patch_region(REGION, {"replicas": course.sizes[0], "autoscaling": unset})
    await platform.wait_ready(REGION, bridges=course.sizes[0])
    settings = {"mode": "Auto", **course.autoscaling}
    await platform.patch_region(REGION, {"replicas": None, "autoscaling": settings})
    await asyncio.sleep(CALM_SECONDS)
    await platform.wait_ready(REGION, bridges=course.sizes[0])


async def _play(
    platform: Platform, crowd: Crowd, watcher: Watcher, course: Course, console: Console
) -> list[Sampled]:
    """Have people come and go as described; return the stress of bridges over time."""
    await crowd.reset()
    began = time.monotonic()
    seen: list[Sampled] = []

    async def sample() -> None:
        for n in range(int(course.seconds / EVERY)):
            await asyncio.sleep(max(0.0, began + n * EVERY - time.monotonic()))
            if watcher.last is not None:
                told = [each.stress for each in watcher.last.bridges if each.stress is not None]
                seen.append((time.monotonic() - began, tuple(sorted(told, reverse=True))))

    sampling = asyncio.create_task(sample())
    try:
        for order in orders(course.joins, course.seconds):
            await asyncio.sleep(max(0.0, began + order.at - time.monotonic()))
            await crowd.call(f"call-{order.call}", order.people, bitrate_bps=BITRATE)
        await sampling
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
    for at, decision in watcher.decisions:
        console.print(f"{at - began:4.0f}s {decision}")
    return seen


def _judge(
    course: Course, sizes: list[int], seen: list[Sampled], console: Console
) -> tuple[str, bool]:
    """Lay the two side by side; return the line, and whether they are too far apart."""
    simulated, real = turns(course.sizes), turns(sizes)
    for (at, levels), (_, told) in zip(seen[::3], course.stress[::3], strict=False):
        pairs = ", ".join(f"{a:.2f}" for a in levels), ", ".join(f"{b:.2f}" for b in told)
        console.print(f"{at:4.0f}s lab {pairs[0]}  simulated {pairs[1]}", markup=False)
    console.print(f"sizes in the lab {'-'.join(map(str, sizes))}")
    number, most = matching(simulated, real), max(len(simulated), len(real))
    apart = root_mean_square(course.stress, seen)
    line = f"labmatch: decisions={number}/{most} stress_rmse={apart:.2f}"
    return line, number != most or not most or apart > FARTHEST
