"""One meeting on three bridges: what crosses between them, packet by packet.

Ends in one line: `relay: bridges=3 copies_per_bridge=1.00 loss=0 messages=ok`. Two people are in
each of three regions, and each region's bridge has two of them. All show a picture and one of each
region speaks: a bridge leaves silence out, and with more voices some would be silent. So what a
person sends must cross to each other bridge once, however many listen there. `loss` counts packets
that missed a bridge, and those that the people's own counters miss. For `messages` everyone writes
to all.

Runs in a network namespace of its own, in which every process has an address on the loopback, so
that packets are counted between real processes and reach nobody else. The kernel takes it away
with the last process in it.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from octodemo.local import LocalBridge, local_platform
from octodemo.relay_people import People, people
from octodemo.relay_wire import Crossings, Wire, judge

__all__ = [
    "INSIDE",
    "OCTO",
    "PEOPLE_ADDRESS",
    "RelayFailedError",
    "enter_a_namespace",
    "prove_relay",
    "set_addresses",
]

INSIDE: Final = ("setpriv", "--pdeathsig", "KILL", "--")
"""What to run programs by that shall end with us."""
REALTIME: Final = ("chrt", "--rr", "5")
PEOPLE_ADDRESS: Final = "10.99.0.1"
BRIDGES: Final = tuple(
    LocalBridge(f"10.99.{number}.1", f"bridge-{region}", region)
    for number, region in enumerate(("eu", "us", "asia"), 1)
)
EACH: Final = 2
PEOPLE: Final = EACH * len(BRIDGES)
STREAMS: Final = (PEOPLE + len(BRIDGES)) * (PEOPLE - 1)
"""Everyone's picture and each region's voice, to all others."""
OCTO: Final = {
    "ENABLE_OCTO": "1",
    "OCTO_BRIDGE_SELECTION_STRATEGY": "RegionBasedBridgeSelectionStrategy",
}
CALL: Final = "meeting"
SECONDS: Final = 20.0
LATE_SECONDS: Final = 2.0
"""In which what was sent at the window's end still crosses."""


class RelayFailedError(AssertionError):
    """The proof's bounds don't hold."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of the last line."""

    bridges: int
    crossings: Crossings
    lost: int
    """By the people's counters."""
    written: bool

    def line(self) -> str:
        """Return the line."""
        messages = "ok" if self.written else "missing"
        return (
            f"relay: bridges={self.bridges} "
            f"copies_per_bridge={self.crossings.copies_per_bridge:.2f} "
            f"loss={self.crossings.missing + self.lost} messages={messages}"
        )

    @property
    def holds(self) -> bool:
        """Whether it is as it must be."""
        good = self.crossings.sent > 0 and self.crossings.missing == 0 and self.lost == 0
        once = abs(self.crossings.copies_per_bridge - 1) < 0.005
        return good and once and self.written and self.bridges == len(BRIDGES)


def enter_a_namespace() -> None:
    """Become the same program in a network namespace of its own, once."""
    if os.environ.get("OCTODEMO_NAMESPACE") == "1":
        return
    if os.geteuid() != 0:
        raise SystemExit("relay: must be root, to make a network namespace")
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    command = [*inside, sys.executable, "-m", "octodemo", *sys.argv[1:]]
    os.environ["OCTODEMO_NAMESPACE"] = "1"
    os.execvp(command[0], command)  # noqa: S606 - its own program again, without a shell


async def prove_relay(console: Console, *, seconds: float = SECONDS) -> str:
    """Hold a meeting on three bridges and count what crosses; return the line.

    Raises:
        RelayFailedError: a bound doesn't hold.
    """
    await set_addresses(bridge.address for bridge in BRIDGES)
    # A run that the engines send at once would pass, and be counted, as a single packet.
    await _ip("link", "set", "lo", "gso_max_segs", "1")
    async with (
        local_platform(await _ahead(), PEOPLE_ADDRESS, BRIDGES, OCTO) as platform,
        people(platform) as crowd,
    ):
        outcome = await _measure(crowd, console, seconds)
    if not outcome.holds:
        raise RelayFailedError(outcome.line())
    return outcome.line()


async def _measure(crowd: People, console: Console, seconds: float) -> Outcome:
    for number, bridge in enumerate(BRIDGES):
        await crowd.call(CALL, EACH * number + 1, region=bridge.region)
        await crowd.call(CALL, EACH * (number + 1), region=bridge.region, audio=False)
    await crowd.until_streams(CALL, STREAMS)
    console.print(f"{PEOPLE} people on {len(BRIDGES)} bridges: all {STREAMS} streams come in")
    bridges = await crowd.bridges()
    await crowd.reset()
    crossings, unread = await _watch(seconds)
    lost = await crowd.lost()
    written = await crowd.write(CALL)
    if unread:
        raise RelayFailedError(f"{unread} packets passed faster than they could be counted")
    without = crossings.due * EACH
    console.print(
        f"{crossings.sent} packets sent, {crossings.made} crossings in {seconds:.0f} s "
        f"(one for each listener would be {without}), {crossings.foreign} repairs or probes"
    )
    return Outcome(len(bridges), crossings, lost, written)


async def _watch(seconds: float) -> tuple[Crossings, int]:
    """Count for a while; return what crossed, and how many packets couldn't be counted."""
    wire = Wire()
    wire.start()
    await asyncio.sleep(seconds)
    during = wire.take()
    await asyncio.sleep(LATE_SECONDS)
    after = wire.take()
    unread = wire.stop()
    return judge(during, after, {bridge.address for bridge in BRIDGES}), unread


async def _ahead() -> tuple[str, ...]:
    """What to run programs by: they end with us, and what else the machine does comes after."""
    probe = await asyncio.create_subprocess_exec(
        *REALTIME, "true", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    first = () if await probe.wait() else REALTIME
    return (*first, *INSIDE)


async def set_addresses(bridges: Iterable[str]) -> None:
    """Give the namespace's loopback everyone's address."""
    await _ip("link", "set", "lo", "up")
    for one in (PEOPLE_ADDRESS, *bridges):
        await _ip("address", "add", f"{one}/32", "dev", "lo")


async def _ip(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec("ip", *arguments)
    if await process.wait():
        raise RelayFailedError(f"ip {' '.join(arguments)} failed")
