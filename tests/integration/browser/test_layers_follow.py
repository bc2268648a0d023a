"""Browsers get the layer they ask for, and send only what somebody watches."""

import pytest
from tests.integration.browser.conftest import Meeting

HEIGHT = """octo.stats().then(({{received}}) => received.some((one) =>
  one.kind === 'video' && one.source && one.frameHeight === {} && one.framesPerSecond > 0))"""
ASK = "octo.receive({{defaultConstraints: {{maxHeight: {}}}}})"
LIMIT = "octo.messages('SenderSourceConstraints').at(-1)?.maxHeight === {}"
FORWARDED = "octo.messages('ForwardedSources').at(-1)?.forwardedSources.length === {}"
ACTIVE = """octo.stats().then(({{sent}}) => sent.filter((one) =>
  one.kind === 'video' && one.active).length === {})"""
SENT = """octo.stats().then(({sent}) => sent.reduce(
  (sum, one) => sum + (one.kind === 'video' ? one.packetsSent : 0), 0))"""


@pytest.mark.parametrize(("codec", "rewriting"), [("VP8", 1), ("H264", 0)])
async def test_layers_follow_what_a_receiver_asks(
    meeting: Meeting, codec: str, rewriting: int
) -> None:
    sender = await meeting.join(height=0, codec=codec)
    watcher = await meeting.join(media="none", height=180, codec=codec, rewriting=rewriting)
    for layers, height in ((1, 180), (2, 360), (3, 720), (1, 180)):
        await watcher.evaluate(ASK.format(height))
        await sender.until(LIMIT.format(height))
        await watcher.until(HEIGHT.format(height), seconds=90)
        await sender.until(ACTIVE.format(layers))
    assert meeting.complaints() == []


async def test_nobody_sends_what_no_one_watches(meeting: Meeting) -> None:
    sender = await meeting.join(height=0)
    watcher = await meeting.join(media="none", height=180)
    await watcher.until(HEIGHT.format(180))
    await watcher.evaluate(ASK.format(0))
    await watcher.until(FORWARDED.format(0))
    await sender.until(LIMIT.format(0))
    await sender.until(ACTIVE.format(0))
    before = await sender.evaluate(SENT)
    await watcher.evaluate(ASK.format(180))
    await watcher.until(FORWARDED.format(1))
    await sender.until(f"{SENT}.then((packets) => packets > {before + 20})")


async def test_last_n_pictures_are_forwarded(meeting: Meeting) -> None:
    for _ in range(2):
        await meeting.join(height=0)
    watcher = await meeting.join(media="none", height=180)
    await watcher.until(FORWARDED.format(2))
    await watcher.evaluate("octo.receive({lastN: 1})")
    await watcher.until(FORWARDED.format(1))
    await watcher.evaluate(
        "octo.receive({lastN: -1, onStageSources: [octo.sources().at(-1).name]})"
    )
    await watcher.until(FORWARDED.format(2))
    assert meeting.complaints() == []
