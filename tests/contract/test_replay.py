"""The replay: our bridge answers as recorded, and the comparison can tell when it doesn't."""

import itertools
from collections.abc import Callable
from copy import deepcopy
from xml.etree.ElementTree import Element

import pytest
from tests.contract.recordings import exchanges
from tests.contract.replay import (
    ARTEFACTS,
    RECORDINGS,
    Recording,
    canonical,
    echo,
    replay,
    replay_all,
)

COLIBRI2 = "{jitsi:colibri2}"
SSMA = "{urn:xmpp:jingle:apps:rtp:ssma:0}"
FRESH = itertools.count(1)


async def test_our_bridges_answer_as_the_recorded_ones() -> None:
    result = await replay_all()
    assert result.differences == []
    assert result.passed
    assert result.line == "replay: requests=165 equal=122 artefacts=43"


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.path.name[:2])
async def test_each_recording_equals_itself(recording: Recording) -> None:
    result = await replay(echo(recording.path), recording)
    assert result.passed


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.path.name[:2])
def test_every_unanswered_request_is_a_known_artefact(recording: Recording) -> None:
    unanswered = {e.line for e in exchanges(recording.path) if e.reply is None}
    assert unanswered == {*recording.artefacts, *recording.unheard}


def drop_candidate(reply: Element) -> None:
    for transport in reply.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        for candidate in transport.findall("{urn:xmpp:jingle:transports:ice-udp:1}candidate"):
            transport.remove(candidate)


def change_ssrc(reply: Element) -> None:
    for source in reply.iter(f"{SSMA}source"):
        source.set("ssrc", str(next(FRESH)))


def swap_reason(reply: Element) -> None:
    for error in reply.iter(f"{COLIBRI2}error"):
        error.set("reason", "unspecified")


def add_child(reply: Element) -> None:
    for endpoint in reply.iter(f"{COLIBRI2}endpoint"):
        endpoint.append(Element(f"{COLIBRI2}sctp"))


def forget_expiry(reply: Element) -> None:
    for kind in ("endpoint", "relay"):
        for one in reply.iter(f"{COLIBRI2}{kind}"):
            one.attrib.pop("expire", None)


def settle_role(reply: Element) -> None:
    for fingerprint in reply.iter("{urn:xmpp:jingle:apps:dtls:0}fingerprint"):
        fingerprint.set("setup", "passive")


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.path.name[:2])
@pytest.mark.parametrize(
    "spoil", [drop_candidate, change_ssrc, settle_role, add_child, forget_expiry]
)
async def test_a_wrong_reply_is_noticed(
    spoil: Callable[[Element], None], recording: Recording
) -> None:
    answers = echo(recording.path)

    async def handle(request: Element, at: float, bridge: str) -> Element:
        reply = deepcopy(await answers(request, at, bridge))
        spoil(reply)
        return reply

    result = await replay(handle, recording)
    assert result.differences
    assert not result.passed


async def test_a_wrong_reason_is_noticed() -> None:
    answers = echo()

    async def handle(request: Element, at: float, bridge: str) -> Element:
        reply = deepcopy(await answers(request, at, bridge))
        swap_reason(reply)
        return reply

    assert (await replay(handle)).differences


async def test_an_artefact_must_still_be_refused() -> None:
    async def handle(_request: Element, _at: float, _bridge: str) -> Element:
        return Element(f"{COLIBRI2}conference-modified")

    result = await replay(handle)
    assert len([d for d in result.differences if "artefact answered" in d]) == len(ARTEFACTS)


def test_own_choices_are_hidden_and_nothing_else() -> None:
    one = next(e.reply for e in exchanges(RECORDINGS[0].path) if e.reply is not None)
    other = deepcopy(one)
    for transport in other.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        transport.set("pwd", "another")
    assert canonical(one, {}) == canonical(other, {})
    for transport in other.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport"):
        transport.set("ice-generation", "1")
    assert canonical(one, {}) != canonical(other, {})
