"""The same growing load on one bridge, on five, and on three regions of bridges joined by relays.

Every bridge has the same small CPU limit. Calls of twelve come one after the other until more than
one packet in a hundred is lost; what counts is how many people were held before. In the last setup
each call is spread over the regions, a third of it in each, so that bridges also carry what others
need. Ends in one line: `setups: single=N cluster=N regions=N`.

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
from octodemo.setups_limits import cpu_limits

__all__ = ["SetupsFailedError", "prove_setups"]

CORES: Final = 0.05
"""Of each bridge."""
REGIONS: Final = ("eu", "us", "asia")
CALL: Final = 12
SPEAKERS: Final = len(REGIONS)
STREAMS: Final = (CALL + SPEAKERS) * (CALL - 1)
MOST: Final = 600
MOST_LOSS: Final = 0.01
SETTLE_SECONDS: Final = 4.0
WINDOW_SECONDS: Final = 6.0
JOIN_SECONDS: Final = 60.0
"""A bridge with so little CPU takes its time for the handshakes."""
PICTURES: Final = {"bitrate": 120_000, "frames_per_second": 15}


class SetupsFailedError(AssertionError):
    """The proof's bounds don't hold."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Bridges, and how the focus uses them."""

    name: str
    bridges: Sequence[LocalBridge]
    focus: Mapping[str, str] = field(default_factory=dict[str, str])


def _address(number: int) -> str:
    return f"10.99.{number}.1"


SINGLE: Final = Setup("one bridge", (LocalBridge(_address(1), "bridge-1"),))
CLUSTER: Final = Setup(
    "a cluster of five", [LocalBridge(_address(n), f"bridge-{n}") for n in range(1, 6)]
)
WORLD: Final = Setup(
    "three regions of two",
    [
        LocalBridge(_address(number), f"bridge-{number}", region)
        for number, region in enumerate((*REGIONS, *REGIONS), 1)
    ],
    OCTO,
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
            local_platform(INSIDE, PEOPLE_ADDRESS, setup.bridges, setup.focus) as platform,
            people(platform) as crowd,
        ):
            for bridge in setup.bridges:
                limits.limit(platform.processes[bridge.name].pid, CORES)
            held = 0
            while held < MOST and await _takes_one_more(crowd, held // CALL, console):
                held += CALL
    console.print(f"{setup.name}: {held} people held")
    return held


async def _takes_one_more(crowd: People, number: int, console: Console) -> bool:
    """Bring in a call; return whether everyone gets nearly everything with it."""
    call = f"call-{number}"
    for position, region in enumerate(REGIONS):
        before = position * CALL // len(REGIONS)
        after = (position + 1) * CALL // len(REGIONS)
        await crowd.call(call, before + 1, region=region, **PICTURES)
        await crowd.call(call, after, region=region, audio=False, **PICTURES)
    try:
        await crowd.until_streams(call, STREAMS, seconds=JOIN_SECONDS)
    except TimeoutError:
        console.print(f"{(number + 1) * CALL} people: not everyone gets everything")
        return False
    await asyncio.sleep(SETTLE_SECONDS)
    await crowd.reset()
    await asyncio.sleep(WINDOW_SECONDS)
    loss = await crowd.loss()
    console.print(f"{(number + 1) * CALL} people: loss {loss:.4f}")
    return loss <= MOST_LOSS
