"""Colibri2 in JSON: the same requests and replies as in XML, and no way to break the parser."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wire.test_colibri2_round_trip import replies, requests

from jitsiwire.colibri2 import (
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    ForceMute,
    Media,
    MediaSource,
    PayloadType,
    Relay,
    Sctp,
    Source,
    SourceGroup,
    Transport,
)
from jitsiwire.colibri2_json import build_reply, build_request, parse_request
from jitsiwire.errors import RemoteProtocolError

REQUEST = {
    "meeting-id": "beccf2ed",
    "name": "demo@muc.meet.jitsi",
    "create": True,
    "endpoints": [
        {
            "create": True,
            "id": "79f0273d",
            "stats-id": "Garett-w1o",
            "muc-role": "moderator",
            "medias": [
                {
                    "type": "audio",
                    "payload-types": [
                        {
                            "name": "red",
                            "id": "112",
                            "channels": "2",
                            "clockrate": "48000",
                            "parameters": {"null": "111/111"},
                        }
                    ],
                    "rtp-hdrexts": [
                        {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 1}
                    ],
                    "extmap-allow-mixed": True,
                }
            ],
            "sources": [
                {
                    "type": "video",
                    "id": "79f0273d-v0",
                    "sources": [{"ssrc": 1, "name": "79f0273d-v0"}, 2],
                    "ssrc-groups": [{"semantics": "FID", "sources": [1, 2]}],
                }
            ],
            "transport": {"ice-controlling": True, "sctp": {"role": "server", "port": 5000}},
            "capabilities": ["source-names"],
            "force-mute": {"audio": True, "video": False},
            "initial-last-n": {"value": 2},
        }
    ],
}


def test_the_stock_examples_form_is_read() -> None:
    request = parse_request(REQUEST)
    assert request.create
    (endpoint,) = request.endpoints
    assert endpoint.media[0].payload_types == (
        PayloadType(112, "red", 48000, 2, parameters=(("", "111/111"),)),
    )
    assert endpoint.media[0].extmap_allow_mixed
    assert endpoint.sources == (
        MediaSource(
            "video",
            "79f0273d-v0",
            (Source(1, "79f0273d-v0"), Source(2)),
            (SourceGroup("FID", (1, 2)),),
        ),
    )
    assert endpoint.transport == Transport(ice_controlling=True, sctp=Sctp(5000, "server"))
    assert endpoint.force_mute == ForceMute(audio=True)
    assert (endpoint.initial_last_n, endpoint.capabilities) == (2, ("source-names",))


def test_no_sources_and_absent_sources_differ() -> None:
    for sources in (None, ()):
        request = ConferenceModify("m", endpoints=(Endpoint("a", sources=sources),))
        assert parse_request(build_request(request)).endpoints[0].sources == sources


def test_a_reply_has_the_stock_forms() -> None:
    reply = ConferenceModified(
        (Endpoint("a", transport=Transport(sctp=Sctp(5000, "server"))),),
        sources=(MediaSource("audio", "jvb-a0", (Source(7, "jvb-a0"),)),),
    )
    assert build_reply(reply) == {
        "endpoints": [{"id": "a", "transport": {"sctp": {"port": 5000, "role": "server"}}}],
        "sources": [{"type": "audio", "id": "jvb-a0", "sources": [{"ssrc": 7, "name": "jvb-a0"}]}],
    }


def _media(media: tuple[Media, ...]) -> tuple[Media, ...]:
    """JSON's objects hold a name once, and call a nameless parameter "null"."""
    return tuple(
        replace(
            one,
            payload_types=tuple(
                replace(
                    p,
                    parameters=tuple(
                        {("" if k == "null" else k): v for k, v in p.parameters}.items()
                    ),
                )
                for p in one.payload_types
            ),
        )
        for one in media
    )


def _transport(transport: Transport | None) -> Transport | None:
    if transport is None or transport.ice is None:
        return transport
    # Of a WebSocket JSON tells the address only.
    sockets = tuple(replace(w, active=None) for w in transport.ice.web_sockets)
    return replace(transport, ice=replace(transport.ice, web_sockets=sockets))


def _endpoint(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, media=_media(endpoint.media), transport=_transport(endpoint.transport))


def _relay(relay: Relay) -> Relay:
    return replace(
        relay,
        media=_media(relay.media),
        transport=_transport(relay.transport),
        endpoints=None if relay.endpoints is None else tuple(map(_endpoint, relay.endpoints)),
    )


@given(requests)
def test_a_request_says_in_json_what_it_says_in_xml(request: ConferenceModify) -> None:
    told = json.loads(json.dumps(build_request(request)))
    assert parse_request(told) == replace(
        request,
        endpoints=tuple(map(_endpoint, request.endpoints)),
        relays=tuple(map(_relay, request.relays)),
    )


@given(replies)
def test_every_reply_is_json(reply: ConferenceModified) -> None:
    assert len(build_reply(reply).get("endpoints", [])) == len(reply.endpoints)
    json.dumps(build_reply(reply), allow_nan=False)


_KEYS = st.sampled_from(
    [
        "meeting-id",
        "name",
        "endpoints",
        "relays",
        "connects",
        "medias",
        "type",
        "payload-types",
        "parameters",
        "rtcp-fbs",
        "rtp-hdrexts",
        "extmap-allow-mixed",
        "transport",
        "candidates",
        "fingerprints",
        "fingerprint",
        "rtcp-mux",
        "web-sockets",
        "sctp",
        "port",
        "sources",
        "ssrc",
        "ssrc-groups",
        "force-mute",
        "initial-last-n",
        "capabilities",
        "id",
        "create",
        "xmlns",
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_KEYS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _json, max_size=6))
def test_no_json_raises_anything_but_a_protocol_error(data: Mapping[str, Any]) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_request({"meeting-id": "m", **data})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"meeting-id": ""}, "meeting-id"),
        ({"endpoints": {}}, "endpoints isn't a list"),
        ({"endpoints": ["a"]}, "endpoints isn't an object"),
        ({"endpoints": [{"id": 1.5}]}, "id isn't a word"),
        ({"create": "perhaps"}, "create"),
        ({"endpoints": [{"id": "a", "sources": [{"type": "audio"}]}]}, "id"),
    ],
)
def test_the_error_says_what_is_wrong(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        parse_request(REQUEST | change)
