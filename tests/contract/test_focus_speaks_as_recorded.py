"""The focus' own Colibri2 requests have the shape of those the real Jicofo was recorded to make."""

from dataclasses import replace

import pytest
from tests.contract.recordings import exchanges
from tests.contract.replay import RECORDING

from jitsiwire.colibri2 import Capability, ConferenceModify
from jitsiwire.colibri2_xml import parse_request
from octoload import signalling
from octoload.focus import requests, sources


def recorded(line: int) -> ConferenceModify:
    return parse_request(next(e.request for e in exchanges(RECORDING) if e.line == line))


NOT_ASKED_FOR = (Capability.SOURCE_NAMES, Capability.SSRC_REWRITING)
"""What recorded clients could do and synthetic participants can't: rewriting."""


@pytest.mark.parametrize("line", [204, 205])
def test_an_allocation_is_the_recorded_one(line: int) -> None:
    theirs = recorded(line)
    (endpoint,) = theirs.endpoints
    room = theirs.name if theirs.create else None
    ours = requests.allocation(theirs.meeting_id, endpoint.id, str(endpoint.stats_id), room)
    more = replace(ours.endpoints[0], capabilities=NOT_ASKED_FOR)
    assert _by_kind(replace(ours, endpoints=(more,))) == _by_kind(theirs)


def _by_kind(request: ConferenceModify) -> ConferenceModify:
    """The same request with its media in one order: the recorded ones come in either."""
    (endpoint,) = request.endpoints
    media = tuple(sorted(endpoint.media, key=lambda one: one.type))
    return replace(request, endpoints=(replace(endpoint, media=media),))


def test_an_answer_is_the_recorded_one() -> None:
    theirs = recorded(208)
    (endpoint,) = theirs.endpoints
    assert endpoint.transport is not None
    ice = endpoint.transport.ice
    assert ice is not None
    (candidate,), (fingerprint,) = ice.candidates, ice.fingerprints
    described = signalling.TransportDescription.model_validate(
        {
            "ufrag": ice.ufrag,
            "pwd": ice.pwd,
            "candidates": [
                {"priority": candidate.priority, "address": candidate.ip, "port": candidate.port}
            ],
            "fingerprint": fingerprint.value,
            "setup": fingerprint.setup,
        }
    )
    assert endpoint.sources is not None
    first = {one.type: one.sources[0].ssrc for one in endpoint.sources}
    offered = signalling.SourcesOffered(audio_ssrc=first["audio"], video_ssrc=first["video"])
    ours = requests.answer(
        theirs.meeting_id,
        endpoint.id,
        str(endpoint.stats_id),
        described,
        sources.described(offered),
    )
    (mine,) = ours.endpoints
    assert replace(mine, sources=None, transport=None) == replace(
        endpoint, sources=None, transport=None
    )
    assert mine.transport is not None
    assert mine.transport.ice is not None
    renamed = replace(mine.transport.ice.candidates[0], id=candidate.id)
    assert replace(mine.transport.ice, candidates=(renamed,)) == ice
    assert mine.sources is not None
    assert [(s.type, s.id) for s in mine.sources] == [(s.type, s.id) for s in endpoint.sources]
    assert [s.sources[0] for s in mine.sources] == [s.sources[0] for s in endpoint.sources]


def test_expiry_is_the_recorded_one() -> None:
    one, conference = recorded(232), recorded(410)
    assert requests.expire_endpoints(one.meeting_id, ["e274fa56"]) == one
    assert requests.expire_conference(conference.meeting_id) == conference
