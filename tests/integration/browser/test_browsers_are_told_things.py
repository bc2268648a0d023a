"""The bridge's messages over a browser's own data channel."""

from tests.integration.browser.conftest import Meeting

HEARD = "octo.messages('EndpointMessage').filter((one) => one.from === '{}').length === {}"
SAY = "octo.send('EndpointMessage', {{to: '{}', msgPayload: {{text: 'hello'}}}})"


async def test_messages_reach_whom_they_are_for_and_no_one_else(meeting: Meeting) -> None:
    pages = [await meeting.join(media="none") for _ in range(3)]
    ids = [await page.evaluate("octo.me()") for page in pages]
    await pages[0].evaluate("octo.send('ClientHello')")
    await pages[0].until("octo.messages('ServerHello').length === 1")
    await pages[0].evaluate(SAY.format(""))
    for page in pages[1:]:
        await page.until(HEARD.format(ids[0], 1))
    await pages[0].evaluate(SAY.format(ids[1]))
    await pages[1].until(HEARD.format(ids[0], 2))
    assert await pages[2].evaluate(HEARD.format(ids[0], 1)), "it wasn't for this one"
    assert await pages[0].evaluate("octo.messages('EndpointMessage').length") == 0
    assert meeting.complaints() == []
