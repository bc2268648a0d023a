"""One meeting on three real bridges: everyone hears and sees everyone, and reads their messages."""

import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.integration.bridge.running import RunningBridge, environment, spawn
from tests.integration.focus.conftest import settings, until
from tests.integration.focus.test_focus_and_real_bridges import end, heard_by_all, where
from tests.integration.prosody import Prosody

from octoload.crowd import CallRequest, Crowd
from octoload.focus.app import Running, running
from octoload.focus.focus import Focus

pytestmark = pytest.mark.slow

REGIONS = ("eu", "us", "asia")
EACH = 2
EVERYONE = EACH * len(REGIONS)
STREAMS = EVERYONE * (EVERYONE - 1) * 2
"""Audio and video of everyone to all others."""


@dataclass
class World:
    """A focus that links bridges, one bridge a region, and people."""

    focus: Focus
    running: Running
    crowd: Crowd
    bridges: dict[str, RunningBridge] = field(default_factory=dict[str, RunningBridge])

    def fill(self, each: int = EACH) -> None:
        """Bring each region's people into the meeting."""
        for number, region in enumerate(REGIONS, 1):
            self.crowd.apply(
                CallRequest(name="call", participants=number * each, region=region, bitrate=64_000)
            )

    def connected(self) -> int:
        return self.crowd.status("call").connected

    async def until_everything_comes(self, streams: int, seconds: float = 60) -> None:
        """Wait until every stream of everyone reaches all others."""
        await until(lambda: self.crowd.status("call").arriving == streams, seconds)


@asynccontextmanager
async def world(prosody: Prosody, *regions: str) -> AsyncGenerator[World]:
    configured = settings(
        prosody,
        ENABLE_OCTO="1",
        OCTO_BRIDGE_SELECTION_STRATEGY="RegionBasedBridgeSelectionStrategy",
    )
    async with AsyncExitStack() as stack:
        focus = await stack.enter_async_context(running(configured))
        url = f"ws://127.0.0.1:{focus.signal_port}/signal"
        crowd = await stack.enter_async_context(Crowd(url, "127.0.0.1"))
        made = World(focus.shell.focus, focus, crowd)
        for region in regions:
            octo = {
                "ENABLE_OCTO": "1",
                "JVB_OCTO_REGION": region,
                "JVB_OCTO_RELAY_ID": f"relay-{region}",
            }
            bridge = made.bridges[region] = await spawn(environment(prosody, region, **octo))
            stack.push_async_callback(end, bridge)
        await until(lambda: len(made.focus.bridges) == len(regions), 60)
        yield made


async def test_everyone_sees_hears_and_reads_everyone_across_three_bridges(
    prosody: Prosody,
) -> None:
    async with world(prosody, *REGIONS) as here:
        here.fill()
        await until(lambda: here.connected() == EVERYONE, 60)
        assert where(here.focus) == set(REGIONS)
        await here.until_everything_comes(STREAMS)
        await heard_by_all(here.crowd, "call", EVERYONE)
        for region, bridge in here.bridges.items():
            stats = await bridge.stats()
            assert (stats["local_endpoints"], stats["endpoints"]) == (EACH, EVERYONE), region
            assert stats["octo_endpoints"] == EVERYONE - EACH


async def test_people_of_a_bridge_that_dies_are_back_with_everyone(prosody: Prosody) -> None:
    async with world(prosody, *REGIONS) as here:
        here.fill()
        await until(lambda: here.connected() == EVERYONE, 60)
        await here.until_everything_comes(STREAMS)
        here.bridges["us"].signal(signal.SIGKILL)
        await until(lambda: where(here.focus) == {"eu", "asia"}, 60)
        await until(lambda: here.connected() == EVERYONE, 60)
        await here.until_everything_comes(STREAMS)
        await heard_by_all(here.crowd, "call", EVERYONE)
