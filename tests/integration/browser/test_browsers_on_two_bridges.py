"""One meeting of real browsers on two bridges: pictures, sound and messages cross both ways."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio
from tests.integration.bridge.running import RunningBridge
from tests.integration.bridge.running import running as running_bridge
from tests.integration.browser.conftest import ROOMS, Meeting
from tests.integration.browser.test_browsers_are_told_things import HEARD as TOLD
from tests.integration.browser.test_browsers_are_told_things import SAY
from tests.integration.browser.test_browsers_meet_on_a_bridge import HEARD, SEEN
from tests.integration.browser.test_layers_follow import ACTIVE, ASK, HEIGHT
from tests.integration.prosody import Prosody

from octodemo.chromium import Page
from octoload.focus import FocusSettings, app

REGIONS = ("eu", "us")
PATIENCE = 90.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def linked(
    place: Meeting, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Meeting]:
    """Two bridges that a focus links, for the browser that is there already."""
    prosody = Prosody(tmp_path_factory.mktemp("linked"))
    prosody.start()
    environ = {
        **prosody.environ("focus"),
        "OCTOFOCUS_REST_PORT": "0",
        "OCTOFOCUS_SIGNAL_PORT": "0",
        "OCTOFOCUS_SIGNAL_HOST": "127.0.0.1",
        "ENABLE_OCTO": "1",
        "OCTO_BRIDGE_SELECTION_STRATEGY": "RegionBasedBridgeSelectionStrategy",
    }
    try:
        async with AsyncExitStack() as stack:
            bridges: list[RunningBridge] = []
            for region in REGIONS:
                octo = {"JVB_OCTO_REGION": region, "JVB_OCTO_RELAY_ID": f"relay-{region}"}
                bridge = running_bridge(prosody, region, ENABLE_OCTO="1", **octo)
                bridges.append(await stack.enter_async_context(bridge))
            settings = FocusSettings.from_env(environ)
            focus = await stack.enter_async_context(app.running(settings))
            async with asyncio.timeout(PATIENCE):
                while len(focus.shell.focus.bridges) < len(REGIONS):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.1)
            url = f"http://127.0.0.1:{focus.signal_port}"
            yield Meeting(url, place.browser, bridges[0], focus)
    finally:
        prosody.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def across(linked: Meeting) -> AsyncGenerator[Meeting]:
    """A call without anybody in it."""
    made = replace(linked, room=f"across-{next(ROOMS)}", pages=[])
    yield made
    for page in made.pages:
        await page.evaluate("octo.leave()")
        await page.close()


async def two(meeting: Meeting, **options: object) -> list[Page]:
    """Somebody in each region, each on the region's bridge."""
    pages = [await meeting.join(region=region, **options) for region in REGIONS]
    assert [await page.evaluate("octo.bridge()") for page in pages] == list(REGIONS)
    return pages


@pytest.mark.parametrize("rewriting", [0, 1])
async def test_they_see_hear_and_read_each_other(across: Meeting, rewriting: int) -> None:
    first, second = await two(across, height=360, rewriting=rewriting)
    for page in (first, second):
        await page.until(SEEN, seconds=PATIENCE)
        await page.until(HEARD, seconds=PATIENCE)
    ids = [await page.evaluate("octo.me()") for page in (first, second)]
    await first.evaluate(SAY.format(""))
    await second.until(TOLD.format(ids[0], 1))
    await second.evaluate(SAY.format(ids[0]))
    await first.until(TOLD.format(ids[1], 1))
    assert across.complaints() == []


async def test_layers_follow_a_receiver_on_the_other_bridge(across: Meeting) -> None:
    sender = await across.join(region="eu", height=0)
    watcher = await across.join(region="us", media="none", height=180)
    assert await watcher.evaluate("octo.bridge()") == "us"
    for layers, height in ((1, 180), (3, 720), (1, 180)):
        await watcher.evaluate(ASK.format(height))
        await watcher.until(HEIGHT.format(height), seconds=PATIENCE)
        await sender.until(ACTIVE.format(layers), seconds=PATIENCE)
    assert across.complaints() == []
