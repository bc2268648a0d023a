"""The same growing load on one bridge, on five, and on three regions of bridges joined by relays.

Every bridge has the same small CPU limit. Calls of twelve come one after the other until more than
one packet in a hundred is lost, or people can't get in any more, or what comes is half a second
late (media may wait a second in a bridge's socket before any is lost); what counts is how many
people were held before. In the last setup each call is spread over the regions, a third of it in
each, so that bridges also carry what others need. Ends in one line:
`setups: single=N cluster=N regions=N`.

Everyone is on this machine. How often the limits held bridges back, and how busy the machine was,
is printed for each setup: a setup that ended with its bridges idle and the machine busy was ended
by the machine, and held more than could be shown.

Runs in a network namespace of its own, like `relay`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console

from octodemo.local import LocalBridge, local_platform
from octodemo.relay import INSIDE, OCTO, PEOPLE_ADDRESS, set_addresses
from octodemo.relay_people import People, people
from octodemo.setups_limits import Busyness, CpuLimits, cpu_limits

__all__ = ["SetupsFailedError", "prove_setups"]

CORES: Final = 0.05
"""Of each bridge."""
REGIONS: Final = ("eu", "us", "asia")
CALL: Final = 12
SPEAKERS: Final = len(REGIONS)
STREAMS: Final = (CALL + SPEAKERS) * (CALL - 1)
MOST: Final = 600
MOST_LOSS: Final = 0.01
MOST_DELAY_MS: Final = 500.0
"""The mean; a bridge that is held back now and then adds less than a tenth of a second."""
SETTLE_SECONDS: Final = 4.0
WINDOW_SECONDS: Final = 6.0
WINDOWS: Final = 2
"""One bad window may be a moment of the machine's; two in a row aren't."""
JOIN_SECONDS: Final = 60.0
"""A bridge with so little CPU takes its time for the handshakes."""
PICTURES: Final = {"bitrate": 120_000, "frames_per_second": 15}
FIRST: Final = ("nice", "-n", "-10")
"""What else the machine does comes after; the limits hold all the same."""


class SetupsFailedError(AssertionError):
    """The proof's bounds don't hold."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Bridges, and how the focus uses them."""

    name: str
    bridges: Sequence[LocalBridge]
    focus: Mapping[str, str] = field(default_factory=dict[str, str])
    step: int = 1
    """Calls that come before it is looked at what gets lost."""


def _address(number: int) -> str:
    return f"10.99.{number}.1"


SINGLE: Final = Setup("one bridge", (LocalBridge(_address(1), "bridge-1"),))
CLUSTER: Final = Setup(
    "a cluster of five", [LocalBridge(_address(n), f"bridge-{n}") for n in range(1, 6)], step=3
)
WORLD: Final = Setup(
    "three regions of two",
    [
        LocalBridge(_address(number), f"bridge-{number}", region)
        for number, region in enumerate((*REGIONS, *REGIONS), 1)
    ],
    OCTO,
    step=3,
)


async def prove_setups(console: Console) -> str:
    """Load each of them as far as it goes; return the line.

    Raises:
        SetupsFailedError: several bridges don't hold clearly more than one.
    """
    await set_addresses(one.address for one in WORLD.bridges)
    single, cluster, regions = [await _held(setup, console) for setup in (SINGLE, CLUSTER, WORLD)]
    line = f"setups: single={single} cluster={cluster} regions={regions}"
    if not single or cluster < 2 * single or regions < single:
        raise SetupsFailedError(line)
    return line


async def _held(setup: Setup, console: Console) -> int:
    """Return how many people a setup held before it lost more than it may."""
    with cpu_limits() as limits:
        async with (
            local_platform((*FIRST, *INSIDE), PEOPLE_ADDRESS, setup.bridges, setup.focus) as found,
            people(found) as crowd,
        ):
            for bridge in setup.bridges:
                limits.limit(found.processes[bridge.name].pid, CORES)
            busy, held = Busyness(), 0
            while held < MOST and await _takes(crowd, held // CALL, setup.step, console):
                held += CALL * setup.step
                console.print(f"  {_measured(limits, busy)}")
            console.print(f"{setup.name}: {held} people held; {_measured(limits, busy)}")
    return held


def _measured(limits: CpuLimits, busy: Busyness) -> str:
    return f"bridges held back {limits.throttled():.0%}, machine busy {busy.take():.0%}"


async def _takes(crowd: People, first: int, number: int, console: Console) -> bool:
    """Bring in so many more calls; return whether everyone gets nearly everything with them."""
    calls, there = [f"call-{first + each}" for each in range(number)], CALL * (first + number)
    # One after the other: whoever places the next must know where the last one went.
    entered = [await _enters(crowd, call) for call in calls]
    await asyncio.sleep(SETTLE_SECONDS)
    for _ in range(WINDOWS):
        await crowd.reset()
        await asyncio.sleep(WINDOW_SECONDS)
        loss, delay = await crowd.lost_and_late()
        known = "" if all(entered) else "not everyone gets everything, "
        console.print(f"{there} people: {known}loss {loss:.4f}, delay {delay:.0f} ms")
        if known:
            return False
        if loss <= MOST_LOSS and delay <= MOST_DELAY_MS:
            return True
    return False


async def _enters(crowd: People, call: str) -> bool:
    """Bring in a call, spread over the regions; return whether everyone gets everything.

    One of each third speaks.
    """
    for position, region in enumerate(REGIONS):
        before = position * CALL // len(REGIONS)
        after = (position + 1) * CALL // len(REGIONS)
        await crowd.call(call, before + 1, region=region, **PICTURES)
        await crowd.call(call, after, region=region, audio=False, **PICTURES)
    try:
        await crowd.until_streams(call, STREAMS, seconds=JOIN_SECONDS)
    except TimeoutError:
        return False
    return True
