"""One stream with three pictures in it: each watcher gets as much of it as it asks for."""

import asyncio

from tests.integration.browser.conftest import Meeting
from tests.integration.browser.test_layers_follow import ASK

from octodemo.chromium import Page

SENT = """octo.stats().then(({sent}) => sent.find((one) => one.kind === 'video'
  && one.codec === 'video/VP9' && one.scalability === 'L3T3_KEY' && one.frameHeight >= 360)
  ?.frameHeight)"""
GOT = """octo.stats().then(({{received}}) => received.find((one) => one.kind === 'video'
  && one.source && one.frameHeight === {} && one.framesPerSecond > 0)?.framesDecoded)"""
DECODED = """octo.stats().then(({{received}}) => received.some((one) => one.kind === 'video'
  && one.source && one.framesDecoded > {}))"""


async def shown(sender: Page, watcher: Page, divisor: int) -> int:
    """Wait until a watcher sees the sent picture, so many times smaller; return its frames."""
    async with asyncio.timeout(90):
        while True:
            # A browser sends smaller pictures at first, and where the machine is busy.
            height = await sender.until(SENT, seconds=90)
            decoded = await watcher.evaluate(GOT.format(height // divisor))
            if decoded:
                return decoded
            await asyncio.sleep(0.2)


async def test_each_watcher_gets_the_spatial_layer_it_asks_for(meeting: Meeting) -> None:
    sender = await meeting.join(height=0, codec="VP9")
    wide = await meeting.join(media="none", height=720, codec="VP9")
    narrow = await meeting.join(media="none", height=180, codec="VP9")
    await shown(sender, wide, 1)
    await shown(sender, narrow, 4)
    for height, divisor in ((720, 1), (180, 4)):
        await narrow.evaluate(ASK.format(height))
        decoded = await shown(sender, narrow, divisor)
        await narrow.until(DECODED.format(decoded + 60), seconds=90)
    assert meeting.complaints() == []
