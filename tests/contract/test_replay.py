"""The replay: our bridge answers as recorded, and the comparison can tell when it doesn't."""

from collections.abc import Callable
from copy import deepcopy
from xml.etree.ElementTree import Element

import pytest
from tests.contract.recordings import exchanges
from tests.contract.replay import ARTEFACTS, RECORDING, canonical, echo, replay
from tests.contract.replay_bridge import RecordedClockBridge

COLIBRI2 = "{jitsi:colibri2}"
SSMA = "{urn:xmpp:jingle:apps:rtp:ssma:0}"


async def test_our_bridge_answers_as_the_recorded_one() -> None:
    result = await replay(RecordedClockBridge())
    assert result.differences == []
    assert result.passed
    assert result.line == "replay: requests=113 equal=71 artefacts=42"


async def test_the_recording_equals_itself() -> None:
    result = await replay(echo())
    assert result.passed


def test_every_unanswered_request_is_a_known_artefact() -> None:
    unanswered = {exchange.line for exchange in exchanges(RECORDING) if exchange.reply is None}
    assert unanswered == set(ARTEFACTS)


def drop_candidate(reply: Element) -> None:
    for transport in reply.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        for candidate in transport.findall("{urn:xmpp:jingle:transports:ice-udp:1}candidate"):
            transport.remove(candidate)


def change_ssrc(reply: Element) -> None:
    for number, source in enumerate(reply.iter(f"{SSMA}source")):
        source.set("ssrc", str(id(reply) + number))


def swap_reason(reply: Element) -> None:
    for error in reply.iter(f"{COLIBRI2}error"):
        error.set("reason", "unspecified")


def add_child(reply: Element) -> None:
    for endpoint in reply.iter(f"{COLIBRI2}endpoint"):
        endpoint.append(Element(f"{COLIBRI2}sctp"))


def forget_expiry(reply: Element) -> None:
    for endpoint in reply.iter(f"{COLIBRI2}endpoint"):
        endpoint.attrib.pop("expire", None)


@pytest.mark.parametrize(
    "spoil", [drop_candidate, change_ssrc, swap_reason, add_child, forget_expiry]
)
async def test_a_wrong_reply_is_noticed(spoil: Callable[[Element], None]) -> None:
    answers = echo()

    async def handle(request: Element, at: float) -> Element:
        reply = deepcopy(await answers(request, at))
        spoil(reply)
        return reply

    result = await replay(handle)
    assert result.differences
    assert not result.passed


async def test_an_artefact_must_still_be_refused() -> None:
    async def handle(_request: Element, _at: float) -> Element:
        return Element(f"{COLIBRI2}conference-modified")

    result = await replay(handle)
    assert len([d for d in result.differences if "artefact answered" in d]) == len(ARTEFACTS)


def test_own_choices_are_hidden_and_nothing_else() -> None:
    one = next(e.reply for e in exchanges(RECORDING) if e.reply is not None)
    other = deepcopy(one)
    for transport in other.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        transport.set("pwd", "another")
    assert canonical(one, {}) == canonical(other, {})
    for transport in other.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        transport.set("ice-generation", "1")
    assert canonical(one, {}) != canonical(other, {})
