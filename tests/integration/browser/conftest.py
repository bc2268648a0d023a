"""Real browsers in a call: Prosody, bridge and Chromium as processes, the focus in here."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest_asyncio
from tests.integration.bridge.running import RunningBridge
from tests.integration.bridge.running import running as running_bridge
from tests.integration.prosody import Prosody

from octodemo.chromium import Browser, Page, chromium
from octoload.focus import FocusSettings, app


@dataclass
class Meeting:
    """A place to call, and the browser whose tabs are the people."""

    url: str
    browser: Browser
    bridge: RunningBridge
    focus: app.Running
    room: str = "meeting"
    pages: list[Page] = field(default_factory=list[Page])

    async def join(self, **options: object) -> Page:
        """Let somebody in; see the query of page/main.js."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        page = await self.browser.open(f"{self.url}/call?room={self.room}&join=1&{query}")
        self.pages.append(page)
        await page.until("octo.state() === 'connected' && octo.channel() === 'open'")
        return page

    def complaints(self) -> list[str]:
        """Errors in any page."""
        return [line for page in self.pages for line in page.complaints]


@pytest_asyncio.fixture
async def meeting(prosody: Prosody) -> AsyncGenerator[Meeting]:
    """A bridge, a focus and a browser, without anybody in the call."""
    environ = {
        **prosody.environ("focus"),
        "OCTOFOCUS_REST_PORT": "0",
        "OCTOFOCUS_SIGNAL_PORT": "0",
        "OCTOFOCUS_SIGNAL_HOST": "127.0.0.1",
    }
    async with (
        running_bridge(prosody) as bridge,
        app.running(FocusSettings.from_env(environ)) as focus,
        chromium() as browser,
    ):
        yield Meeting(f"http://127.0.0.1:{focus.signal_port}", browser, bridge, focus)
