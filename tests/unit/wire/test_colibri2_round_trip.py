"""Whatever we build parses back to the same, also after a trip through bytes."""

from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire import colibri2
from jitsiwire.colibri2_xml import (
    build_error,
    build_reply,
    build_request,
    parse_error,
    parse_reply,
    parse_request,
)
from jitsiwire.errors import LocalProtocolError

M = TypeVar("M")

# Text that an attribute carries unchanged: no controls, no surrogates.
attribute = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
)
word = attribute.filter(lambda text: bool(text.strip()))
ssrc = st.integers(0, 2**32 - 1)
port = st.integers(0, 65535)
int32 = st.integers(0, 2**31 - 1)


def some(strategy: st.SearchStrategy[M]) -> st.SearchStrategy[M | None]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[M]) -> st.SearchStrategy[tuple[M, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


payload_types = st.builds(
    colibri2.PayloadType,
    id=st.integers(0, 127),
    name=some(attribute),
    clockrate=some(int32),
    channels=some(st.integers(0, 255)),
    parameters=several(st.tuples(attribute, attribute)),
    feedback=several(st.builds(colibri2.RtcpFeedback, type=word, subtype=some(attribute))),
)
media = st.builds(
    colibri2.Media,
    type=word,
    payload_types=several(payload_types),
    header_extensions=several(
        st.builds(colibri2.HeaderExtension, id=st.integers(0, 255), uri=word)
    ),
    extmap_allow_mixed=st.booleans(),
)
candidates = st.builds(
    colibri2.Candidate,
    component=st.integers(1, 256),
    foundation=word,
    generation=int32,
    id=attribute,
    network=int32,
    ip=word,
    port=port,
    priority=ssrc,
    protocol=word,
    type=word,
    rel_addr=some(attribute),
    rel_port=some(port),
    tcptype=some(attribute),
)
fingerprints = st.builds(
    colibri2.Fingerprint,
    hash=word,
    value=word.map(str.strip),
    setup=some(attribute),
    required=some(st.booleans()),
    cryptex=some(st.booleans()),
)
ice = st.builds(
    colibri2.IceTransport,
    ufrag=some(attribute),
    pwd=some(attribute),
    ice_generation=some(st.integers(-1, 2**31 - 1)),
    candidates=several(candidates),
    rtcp_mux=st.booleans(),
    fingerprints=several(fingerprints),
    web_sockets=several(st.builds(colibri2.WebSocket, url=word, active=some(st.booleans()))),
)
transports = st.builds(
    colibri2.Transport,
    ice_controlling=st.booleans(),
    use_unique_port=st.booleans(),
    ice_restart=st.booleans(),
    ice=some(ice),
    sctp=some(
        st.builds(colibri2.Sctp, port=some(port), role=some(st.sampled_from(["client", "server"])))
    ),
)
media_sources = st.builds(
    colibri2.MediaSource,
    type=word,
    id=word,
    sources=several(
        st.builds(
            colibri2.Source,
            ssrc=ssrc,
            name=some(attribute),
            video_type=some(attribute),
            rid=some(attribute),
        )
    ),
    groups=several(st.builds(colibri2.SourceGroup, semantics=word, ssrcs=several(ssrc))),
    synthetic=st.booleans(),
)
endpoints = st.builds(
    colibri2.Endpoint,
    id=word,
    create=st.booleans(),
    expire=st.booleans(),
    stats_id=some(attribute),
    muc_role=some(attribute),
    diarize=some(st.booleans()),
    media=several(media),
    transport=some(transports),
    sources=some(several(media_sources)),
    force_mute=some(st.builds(colibri2.ForceMute, audio=st.booleans(), video=st.booleans())),
    capabilities=several(word),
    initial_last_n=some(st.integers(-1, 2**31 - 1)),
)
relays = st.builds(
    colibri2.Relay,
    id=word,
    create=st.booleans(),
    expire=st.booleans(),
    mesh_id=some(attribute),
    media=several(media),
    transport=some(transports),
    sources=some(several(media_sources)),
    endpoints=some(several(endpoints)),
)
connects = st.builds(
    colibri2.Connect,
    url=attribute.map("wss://{}".format),
    protocol=st.just("mediajson"),
    type=st.sampled_from(["recorder", "transcriber", "translator"]),
    id=some(attribute),
    audio=st.booleans(),
    video=st.booleans(),
    create=st.booleans(),
    expire=st.booleans(),
)
requests = st.builds(
    colibri2.ConferenceModify,
    meeting_id=word,
    name=some(attribute),
    create=st.booleans(),
    expire=st.booleans(),
    rtcstats_enabled=st.booleans(),
    endpoints=several(endpoints),
    relays=several(relays),
    connects=several(connects),
)
replies = st.builds(
    colibri2.ConferenceModified,
    endpoints=several(endpoints),
    relays=several(relays),
    sources=some(several(media_sources)),
)
errors = st.builds(
    colibri2.Colibri2Error,
    condition=st.sampled_from(colibri2.Condition),
    text=attribute.map(str.strip),
    reason=some(st.sampled_from(colibri2.Reason)),
    endpoints=several(word),
)


@given(requests)
def test_a_request_survives_the_wire(request: colibri2.ConferenceModify) -> None:
    assert survives(request, build_request, parse_request)


@given(replies)
def test_a_reply_survives_the_wire(reply: colibri2.ConferenceModified) -> None:
    assert survives(reply, build_reply, parse_reply)


@given(errors)
def test_an_error_survives_the_wire(error: colibri2.Colibri2Error) -> None:
    assert survives(error, build_error, parse_error)


def survives(model: M, build: Callable[[M], Element], parse: Callable[[Element], M]) -> bool:
    return parse(fromstring(tostring(build(model), encoding="utf-8"))) == model


def test_the_strategies_fill_every_field_of_the_models() -> None:
    """A field added to a model must be added here too, or its round trip goes untested."""
    for model, count in [
        (colibri2.Endpoint, 12),
        (colibri2.Relay, 8),
        (colibri2.ConferenceModify, 8),
        (colibri2.IceTransport, 8),
        (colibri2.Candidate, 13),
        (colibri2.Connect, 8),
    ]:
        assert len(fields(model)) == count, model


def endpoint(**changes: object) -> colibri2.ConferenceModify:
    values: dict[str, object] = {"id": "a1", **changes}
    one = colibri2.Endpoint(**values)  # pyright: ignore[reportArgumentType] - illegal on purpose
    return colibri2.ConferenceModify(meeting_id="m", endpoints=(one,))


def sources(ssrc: int) -> tuple[colibri2.MediaSource, ...]:
    return (colibri2.MediaSource("audio", "a1-a0", sources=(colibri2.Source(ssrc),)),)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (colibri2.ConferenceModify(meeting_id=" "), "meeting-id"),
        (endpoint(id=""), "<endpoint>: attribute id"),
        (endpoint(stats_id="nul\x00"), "stats-id='nul\\\\x00'"),
        (endpoint(stats_id="two\nlines"), "stats-id"),
        (endpoint(stats_id="x" * 2000), "longer than 1024"),
        (endpoint(sources=sources(2**32)), "ssrc='4294967296'"),
        (endpoint(sources=sources(-1)), "ssrc='-1'"),
        (endpoint(transport=colibri2.Transport(sctp=colibri2.Sctp(role="boss"))), "role='boss'"),
        (endpoint(initial_last_n=-2), "value='-2'"),
        (
            endpoint(media=(colibri2.Media("audio", (colibri2.PayloadType(128),)),)),
            "<payload-type>: id='128'",
        ),
        (endpoint(stats_id=1.5), "float"),
        (endpoint(stats_id=7), "wouldn't parse back"),
        (
            colibri2.ConferenceModify("m", connects=(colibri2.Connect("http://x", "p", "t"),)),
            "<connect>: url=…",
        ),
    ],
)
def test_nothing_illegal_is_built(request_: colibri2.ConferenceModify, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        build_request(request_)


def test_a_password_shows_in_no_error() -> None:
    ice_part = colibri2.IceTransport(ufrag="u", pwd="s3cret\x01")
    with pytest.raises(LocalProtocolError) as caught:
        build_request(endpoint(transport=colibri2.Transport(ice=ice_part)))
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(ice_part)


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("bad-request", "modify"),
        ("conflict", "cancel"),
        ("feature-not-implemented", "cancel"),
        ("forbidden", "auth"),
        ("internal-server-error", "cancel"),
        ("item-not-found", "cancel"),
        ("service-unavailable", "cancel"),
    ],
)
def test_an_errors_type_is_the_conditions_own(condition: str, kind: str) -> None:
    error = build_error(colibri2.Colibri2Error(colibri2.Condition(condition), "why"))
    assert error.get("type") == kind
