"""Two browsers meet on a bridge: each sees and hears the other, until one leaves."""

from tests.integration.browser.conftest import Meeting

SEEN = """octo.stats().then(({received}) => received.some(
  (one) => one.kind === 'video' && one.source && one.framesDecoded > 30))"""
HEARD = """octo.stats().then(({received}) => received.some(
  (one) => one.kind === 'audio' && one.source && one.totalAudioEnergy > 0))"""
ALL_LAYERS = """octo.stats().then(({sent}) => sent.filter(
  (one) => one.kind === 'video' && one.framesSent > 5).length === 3)"""


async def test_two_browsers_see_and_hear_each_other(meeting: Meeting) -> None:
    first, second = await meeting.join(height=720), await meeting.join(height=720)
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
