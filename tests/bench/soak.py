"""The soak itself; run by bench_soak.py inside a network namespace.

First, what one person costs a fresh bridge in memory, without and with a message channel. Then
people come and go on another fresh bridge, by Colibri2 over a real Prosody: most are expired by
the focus, some vanish first, and a few have to be noticed by the bridge itself. When all is over
and everyone has gone, the bridge must be as small as it was after the warm-up (which is longer
than the bridge keeps the vanished, so that their number stands still), with no descriptor more
than before anyone came.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.soak_crowd import UNNOTICED, Crowd
from tests.integration.bridge.running import RunningBridge, running
from tests.integration.bridge.scripted_focus import ScriptedFocus, focus_in
from tests.integration.prosody import Prosody

from octoload.media import MediaEngine

MEASURED_PEOPLE = 150
SAMPLE_SECONDS = 1.0
LINE_SECONDS = 10.0
MOST_GROWTH_MB = 30
MOST_AT_THE_DOOR = 100
"""Joining takes some ten milliseconds: when so many are at it, the machine can't keep up, and more
of them would only run into their time limits."""
CATCHING_UP = 1.2
"""How much faster than the rate people may come after a delay."""
GOING_SECONDS = 80.0
"""The bridge gives people up a minute after their last sign of life."""


@dataclass
class Watch:
    """Readings of a bridge's process."""

    pid: int
    rss_mb: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def rss(self) -> float:
        """Return its resident memory in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def descriptors(self) -> int:
        """Return how many files it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sample(self, at: float) -> None:
        """Remember a reading."""
        self.rss_mb.append((at, self.rss()))

    def around(self, begin: float, end: float) -> float:
        """Return the median of the readings of a span."""
        return statistics.median(mb for at, mb in self.rss_mb if begin <= at <= end)


async def tell_costs(prosody: Prosody, focus: ScriptedFocus) -> None:
    """Print what one person costs in memory."""
    bare = await cost_of_one(prosody, focus, with_channel=False)
    talking = await cost_of_one(prosody, focus, with_channel=True)
    print(f"one person costs {bare:.0f} KiB, with a message channel {talking:.0f} KiB", flush=True)


async def cost_of_one(prosody: Prosody, focus: ScriptedFocus, *, with_channel: bool) -> float:
    """Return what one connected person costs a fresh bridge, in KiB."""
    async with AsyncExitStack() as stack:
        bridge, media = await scene(prosody, focus, stack, f"memory-{int(with_channel)}")
        crowd = Crowd(focus, bridge.nickname, media, "memory")
        watch = Watch(bridge.process.pid)
        # What the first few load and warm up is nobody's in particular.
        await crowd.dismiss(await crowd.gather(10, with_channel=with_channel))
        before = watch.rss()
        here = await crowd.gather(MEASURED_PEOPLE, with_channel=with_channel)
        await asyncio.sleep(2.0)
        after = watch.rss()
        await crowd.dismiss(here)
        return (after - before) * 1e6 / 1024 / MEASURED_PEOPLE


async def scene(
    prosody: Prosody, focus: ScriptedFocus, stack: AsyncExitStack, nickname: str
) -> tuple[RunningBridge, MediaEngine]:
    """Start a bridge that the focus sees, and an engine for people."""
    bridge = await stack.enter_async_context(running(prosody, nickname))
    await focus.until_bridge(nickname)
    media = MediaEngine("127.0.0.1")
    stack.callback(media.close)
    return bridge, media


async def soak(prosody: Prosody, focus: ScriptedFocus, options: argparse.Namespace) -> bool:
    """Run it; print the line and return whether it is within its bounds."""
    async with AsyncExitStack() as stack:
        bridge, media = await scene(prosody, focus, stack, "soak")
        unnoticed = 0.0 if options.quick else UNNOTICED
        crowd = Crowd(focus, bridge.nickname, media, "soak", unnoticed)
        watch = Watch(bridge.process.pid)
        descriptors = watch.descriptors()
        began = time.monotonic()
        reporting = asyncio.create_task(report(bridge, crowd, watch, began))
        try:
            await come_and_go(crowd, options.rate, options.seconds)
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
        warm = watch.around(options.warm_up - 5, options.warm_up + 5)
        growth = watch.around(options.seconds - 10, options.seconds) - warm
        await until_empty(bridge)
        more = watch.descriptors() - descriptors
        return verdict(crowd, options, growth, more)


async def come_and_go(crowd: Crowd, rate: float, seconds: float) -> None:
    """Begin a visit at every tick; wait for the last of them.

    Ticks that found too many people at the door are made up for, but slowly: memory remembers
    the largest crowd there ever was.
    """
    visits: set[asyncio.Task[None]] = set()
    door = asyncio.Semaphore(MOST_AT_THE_DOOR)
    began = last = time.monotonic()
    for number in range(int(rate * seconds)):
        due = max(began + number / rate, last + 1 / rate / CATCHING_UP)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        last = time.monotonic()
        await door.acquire()
        if time.monotonic() - began > seconds:
            break
        visit = asyncio.create_task(crowd.visit(door.release))
        visits.add(visit)
        visit.add_done_callback(visits.discard)
    await asyncio.gather(*visits)


async def report(bridge: RunningBridge, crowd: Crowd, watch: Watch, began: float) -> None:
    """Read memory every second and print a line every ten."""
    line_at, cpu = LINE_SECONDS, watch.cpu_seconds()
    while True:
        now = time.monotonic() - began
        watch.sample(now)
        if now >= line_at:
            used = (watch.cpu_seconds() - cpu) / LINE_SECONDS
            line_at, cpu = line_at + LINE_SECONDS, watch.cpu_seconds()
            stats = await bridge.stats()
            print(
                f"after {now:.0f} s: joins {crowd.counts['joins']}, failed"
                f" {crowd.counts['failed']}, connected {crowd.present}, endpoints"
                f" {stats['local_endpoints']}, stress {stats['stress_level']:.2f},"
                f" bridge {watch.rss():.1f} MB, {watch.descriptors()} descriptors,"
                f" {used:.2f} CPU",
                flush=True,
            )
        await asyncio.sleep(SAMPLE_SECONDS)


async def until_empty(bridge: RunningBridge) -> None:
    """Wait until the bridge has given up the last of the vanished."""
    async with asyncio.timeout(GOING_SECONDS):
        while (await bridge.stats())["local_endpoints"]:  # noqa: ASYNC110 - who'd tell us?
            await asyncio.sleep(1)
    # Goodbyes are said a moment after endpoints are gone.
    await asyncio.sleep(1)


def verdict(crowd: Crowd, options: argparse.Namespace, growth: float, descriptors: int) -> bool:
    for reason, times in crowd.reasons.most_common(5):
        print(f"{times} times: {reason}")
    joins = crowd.counts["joins"]
    print(f"soak: joins={joins} rss_growth_mb={growth:.1f} fds_growth={descriptors}", flush=True)
    enough = joins >= options.least * options.rate * options.seconds
    return enough and growth <= MOST_GROWTH_MB and descriptors == 0


async def main() -> None:
    parser = argparse.ArgumentParser(prog="bench_soak")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=50.0, help="joins a second")
    parser.add_argument("--warm-up", type=float, default=90.0)
    parser.add_argument("--least", type=float, default=0.95, help="share of joins to reach")
    parser.add_argument("--quick", action="store_true", help="leave out what takes a minute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        prosody = Prosody(Path(home))
        prosody.start()
        try:
            async with focus_in(prosody) as focus:
                if not options.quick:
                    await tell_costs(prosody, focus)
                is_good = await soak(prosody, focus, options)
        finally:
            prosody.stop()
    if not is_good:
        raise SystemExit(1)


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
asyncio.run(main())
