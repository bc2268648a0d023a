"""Real browsers in a call: Prosody, bridge and Chromium as processes, the focus in here.

They start once for all tests of this folder; each test has a call of its own.
"""

import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from tests.integration.bridge.running import RunningBridge
from tests.integration.bridge.running import running as running_bridge
from tests.integration.prosody import Prosody

from octodemo.chromium import Browser, Page, chromium
from octoload.focus import FocusSettings, app

ROOMS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts once lives on one event loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            # Several waits, each long where the machine is busy with other things.
            item.add_marker(pytest.mark.timeout(400), append=False)


@dataclass
class Meeting:
    """A call, and the browser whose tabs are the people."""

    url: str
    browser: Browser
    bridge: RunningBridge
    focus: app.Running
    room: str = field(default_factory=lambda: f"meeting-{next(ROOMS)}")
    pages: list[Page] = field(default_factory=list[Page])

    async def join(self, **options: object) -> Page:
        """Let somebody in; see the query of page/main.js."""
        query = urlencode({"room": self.room, "join": 1, **options})
        page = await self.browser.open(f"{self.url}/call?{query}")
        self.pages.append(page)
        await page.until("octo.state() === 'connected' && octo.channel() === 'open'", seconds=90)
        return page

    def complaints(self) -> list[str]:
        """Errors in any page."""
        return [line for page in self.pages for line in page.complaints]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Meeting]:
    """A bridge, a focus and a browser."""
    prosody = Prosody(tmp_path_factory.mktemp("prosody"))
    prosody.start()
    environ = {
        **prosody.environ("focus"),
        "OCTOFOCUS_REST_PORT": "0",
        "OCTOFOCUS_SIGNAL_PORT": "0",
        "OCTOFOCUS_SIGNAL_HOST": "127.0.0.1",
    }
    try:
        async with (
            running_bridge(prosody) as bridge,
            app.running(FocusSettings.from_env(environ)) as focus,
            chromium() as browser,
        ):
            yield Meeting(f"http://127.0.0.1:{focus.signal_port}", browser, bridge, focus)
    finally:
        prosody.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def meeting(place: Meeting) -> AsyncGenerator[Meeting]:
    """A call without anybody in it."""
    made = Meeting(place.url, place.browser, place.bridge, place.focus)
    yield made
    for page in made.pages:
        await page.evaluate("octo.leave()")
        await page.close()
