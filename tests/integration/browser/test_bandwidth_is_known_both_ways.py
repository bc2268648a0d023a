"""Browsers learn from the bridge what their lines carry, and the bridge from them."""

import asyncio
import json

from tests.integration.browser.conftest import Meeting

AVAILABLE = "octo.stats().then(({transport}) => transport.available > 2e6)"
LAYERS = """octo.stats().then(({sent}) => sent.filter((one) =>
  one.kind === 'video' && one.active && one.framesSent > 20).length === 3)"""
WATCHES = """octo.stats().then(({received}) => received.some((one) =>
  one.kind === 'video' && one.frameHeight === 720))"""


async def downlinks(meeting: Meeting) -> list[int]:
    """What the bridge thinks that each line carries, where it has heard of it."""
    status, text = await meeting.bridge.get("/debug?full=true")
    assert status == 200
    endpoints = [
        endpoint
        for conference in json.loads(text)["conferences"].values()
        for endpoint in conference["endpoints"].values()
    ]
    received = [endpoint["receives"] for endpoint in endpoints if endpoint["receives"]]
    return [one["bandwidth_bps"] for one in received if one["bandwidth_bps"] is not None]


async def test_bandwidth_is_known_both_ways(meeting: Meeting) -> None:
    sender = await meeting.join(height=0)
    watcher = await meeting.join(media="none", height=720)
    await sender.until(LAYERS)
    await sender.until(AVAILABLE)
    await watcher.until(WATCHES, seconds=90)
    # Nothing holds packets up between processes of one machine.
    for _ in range(900):
        if max(await downlinks(meeting), default=-1) >= 1_000_000:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("the bridge doesn't know the watcher's line")
    assert meeting.complaints() == []
