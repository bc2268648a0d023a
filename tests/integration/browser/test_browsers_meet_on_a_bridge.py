"""Two browsers meet on a bridge: each sees and hears the other, until one leaves."""

import pytest
from tests.integration.browser.conftest import Meeting

SEEN = """octo.stats().then(({received}) => received.some(
  (one) => one.kind === 'video' && one.source && one.framesDecoded > 30))"""
HEARD = """octo.stats().then(({received}) => received.some(
  (one) => one.kind === 'audio' && one.source && one.totalAudioEnergy > 0))"""
ALL_LAYERS = """octo.stats().then(({sent}) => sent.filter(
  (one) => one.kind === 'video' && one.framesSent > 5).length === 3)"""
FRAMES = """octo.stats().then(({received}) => received.reduce(
  (sum, one) => sum + (one.kind === 'video' && one.source ? one.framesDecoded : 0), 0))"""


@pytest.mark.parametrize("rewriting", [0, 1])
async def test_two_browsers_see_and_hear_each_other(meeting: Meeting, rewriting: int) -> None:
    first = await meeting.join(height=720, rewriting=rewriting)
    second = await meeting.join(height=720, rewriting=rewriting)
    for page in (first, second):
        await page.until(SEEN)
        await page.until(HEARD)
    await first.until(ALL_LAYERS)
    transport = (await first.evaluate("octo.stats()"))["transport"]
    assert transport["srtpCipher"] == "SRTP_AEAD_AES_128_GCM"
    assert transport["nominated"] is True
    assert meeting.complaints() == []


async def test_a_browser_that_leaves_is_gone_for_the_other(meeting: Meeting) -> None:
    first, second = await meeting.join(media="none"), await meeting.join(height=180)
    await first.until("octo.sources().length === 2")
    await first.until(SEEN)
    await second.evaluate("octo.leave()")
    await first.until("octo.sources().length === 0")
    await first.until("document.querySelectorAll('.tile').length === 1")
    assert meeting.complaints() == []


async def test_new_ice_credentials_keep_the_media_going(meeting: Meeting) -> None:
    await meeting.join(height=180)
    watcher = await meeting.join(media="none", height=180)
    await watcher.until(SEEN)
    session = await watcher.evaluate("octo.call.peer.sessionId")
    before = await watcher.evaluate("octo.stats()")
    frames = sum(one["framesDecoded"] for one in before["received"])
    assert await watcher.evaluate("octo.restartIce()") == 1
    old = before["transport"]["remote"]
    await watcher.until(
        f"octo.stats().then(({{transport: {{remote}}}}) => remote && remote !== '{old}')"
    )
    await watcher.until(
        f"""octo.stats().then(({{received}}) => received.some((one) =>
          one.kind === 'video' && one.framesDecoded > {frames + 40}))"""
    )
    assert await watcher.evaluate("octo.call.peer.sessionId") == session
    assert await watcher.evaluate("octo.state()") == "connected"
    assert meeting.complaints() == []


async def test_a_shared_screen_is_seen_until_it_ends(meeting: Meeting) -> None:
    sharer, watcher = await meeting.join(media="none"), await meeting.join(media="none")
    await sharer.evaluate("octo.share(true)")
    screen = await watcher.until("octo.sources().find((one) => one.videoType === 'desktop')")
    assert screen["name"].endswith("-v1")
    await watcher.until(SEEN)
    await sharer.evaluate("octo.share(false)")
    await watcher.until("octo.sources().length === 0")
    assert meeting.complaints() == []


async def test_a_camera_that_was_muted_comes_back(meeting: Meeting) -> None:
    muter, watcher = await meeting.join(height=180), await meeting.join(media="none", height=180)
    await watcher.until(SEEN)
    await muter.evaluate("octo.mute('camera', true)")
    await watcher.until("octo.sources().find((one) => one.kind === 'video').muted")
    before = sum(
        one["framesDecoded"] for one in (await watcher.evaluate("octo.stats()"))["received"]
    )
    await muter.evaluate("octo.mute('camera', false)")
    await watcher.until("!octo.sources().find((one) => one.kind === 'video').muted")
    await watcher.until(
        f"""octo.stats().then(({{received}}) => received.some((one) =>
          one.framesDecoded > {before + 20}))"""
    )
    assert meeting.complaints() == []


async def test_a_browser_that_reconnects_sees_and_is_seen_again(meeting: Meeting) -> None:
    first, second = await meeting.join(height=180), await meeting.join(height=180)
    for page in (first, second):
        await page.until(SEEN)
    session = await first.evaluate("octo.call.peer.sessionId")
    await first.evaluate("octo.reconnect()")
    await first.until(f"octo.call.peer.sessionId !== '{session}' && octo.state() === 'connected'")
    await first.until("octo.channel() === 'open'")
    await first.until(SEEN)
    # The frames of before, if the picture stays where it was, and some of the new ones.
    seen = await second.evaluate(FRAMES)
    await second.until(f"{FRAMES}.then((frames) => frames > {seen + 20})")
    assert await first.evaluate("octo.sources().length") == 2
    assert await second.evaluate("octo.sources().length") == 2
    assert meeting.complaints() == []
