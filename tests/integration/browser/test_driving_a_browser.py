"""The browser's driver: what pages throw is told, and nothing of a browser stays."""

import os
import tempfile
from pathlib import Path

import pytest
from tests.integration.browser.conftest import Meeting

from octodemo.chromium import BrowserError, chromium


def profiles() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"octofleet-chromium-{os.getpid()}-*"))


def in_group(group: int) -> list[int]:
    """The processes of a process group."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


async def test_a_closed_browser_leaves_neither_process_nor_profile() -> None:
    before = profiles()
    async with chromium() as browser:
        page = await browser.open("data:text/html,<title>here</title>")
        assert await page.until("document.title") == "here"
        assert len(profiles()) == len(before) + 1
        group = browser.process.pid
        assert in_group(group)
    assert in_group(group) == []
    assert profiles() == before


async def test_an_expression_that_throws_is_an_error_with_its_words(meeting: Meeting) -> None:
    page = await meeting.browser.open(f"{meeting.url}/")
    with pytest.raises(BrowserError, match="no such thing"):
        await page.evaluate("Promise.reject(new Error('no such thing'))")
    with pytest.raises(TimeoutError, match="false"):
        await page.until("false", seconds=0.2)
    await page.close()
