import json
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from octoload import signalling

M = TypeVar("M", bound=BaseModel)

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789+/", min_size=22, max_size=40)
NAME = st.text("abcdefghij0123456789_-", min_size=1, max_size=20)
CONFERENCE = st.text("abcdefghij0123456789", min_size=1, max_size=20)
SSRC = st.integers(1, 0xFFFFFFFF)
KIND = st.sampled_from(["audio", "video"])
FINGERPRINT = st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex(":").upper())


def build(model: type[M], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


CANDIDATES = build(
    signalling.Candidate,
    priority=st.integers(0, 0xFFFFFFFF),
    address=st.ip_addresses().map(str),
    port=st.integers(1, 65535),
    type=st.sampled_from(["host", "srflx", "prflx", "relay"]),
)
TRANSPORTS = build(
    signalling.TransportDescription,
    ufrag=TOKEN,
    pwd=TOKEN,
    candidates=st.lists(CANDIDATES, max_size=4).map(tuple),
    fingerprint=FINGERPRINT,
    setup=st.sampled_from(["actpass", "active", "passive"]),
)
REMOTE = build(signalling.RemoteSource, endpoint_id=NAME, ssrc=SSRC, kind=KIND)
REMOTES = st.lists(REMOTE, max_size=4).map(tuple)
TEXT = st.text(max_size=50)
GROUPS = build(
    signalling.SourceGroup,
    semantics=st.sampled_from(["SIM", "FID"]),
    ssrcs=st.lists(SSRC, min_size=2, max_size=3).map(tuple),
)
OFFERED = build(
    signalling.SourcesOffered,
    audio_ssrc=st.none() | SSRC,
    video_ssrc=st.none() | SSRC,
    video_groups=st.lists(GROUPS, max_size=3).map(tuple),
)

FROM_CLIENT = st.one_of(
    build(
        signalling.Join,
        conference=CONFERENCE,
        endpoint_id=st.none() | NAME,
        session_id=st.none() | NAME,
        region=st.none() | CONFERENCE,
        sources=OFFERED,
    ),
    build(signalling.Answer, session_id=NAME, transport=TRANSPORTS),
    build(signalling.Connected, session_id=NAME),
    build(signalling.Restart, session_id=NAME, reason=TEXT),
    build(signalling.Leave, reason=TEXT),
    build(signalling.Ping, id=st.integers(0, 1000)),
)
FROM_FOCUS = st.one_of(
    build(
        signalling.Offer,
        session_id=NAME,
        endpoint_id=NAME,
        bridge=NAME,
        bridge_region=CONFERENCE,
        transport=TRANSPORTS,
        sources=REMOTES,
    ),
    build(signalling.Resumed, session_id=NAME, endpoint_id=NAME, sources=REMOTES),
    build(signalling.Sources, added=REMOTES, removed=st.lists(SSRC, max_size=4).map(tuple)),
    build(signalling.Waiting, reason=TEXT),
    build(signalling.Ended, reason=TEXT),
    build(signalling.Pong, id=st.integers(0, 1000)),
)


@given(FROM_CLIENT)
def test_what_a_client_builds_the_focus_reads(message: signalling.ClientMessage) -> None:
    assert signalling.parse_client(signalling.build(message)) == message


@given(FROM_FOCUS)
def test_what_the_focus_builds_a_client_reads(message: signalling.FocusMessage) -> None:
    assert signalling.parse_focus(signalling.build(message)) == message


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_are_refused_or_read(frame: bytes | str) -> None:
    for parse in (signalling.parse_client, signalling.parse_focus):
        with pytest.raises(signalling.SignallingError):
            parse(frame)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"conference": "a b"}, "conference"),
        ({"conference": "x" * 129}, "conference"),
        ({"sources": {"audioSsrc": -1}}, "sources.audioSsrc"),
        ({"endpointId": "../x"}, "endpointId"),
        ({"version": 2}, "version"),
    ],
)
def test_a_bad_join_is_refused_by_the_name_of_its_field(
    change: dict[str, object], field: str
) -> None:
    good: dict[str, object] = {"type": "join", "conference": "a", "version": 1}
    assert signalling.parse_client(json.dumps(good))
    with pytest.raises(signalling.SignallingError, match=field):
        signalling.parse_client(json.dumps(good | change))


def test_a_frame_over_the_limit_is_refused() -> None:
    frame = signalling.build(signalling.Leave()) + " " * signalling.FRAME_LIMIT
    with pytest.raises(signalling.SignallingError, match="limit"):
        signalling.parse_client(frame)


def test_the_password_is_in_no_repr() -> None:
    secret = "SECRET" * 5
    transport = signalling.TransportDescription(
        ufrag="abcd", pwd=secret, fingerprint=":".join(["AA"] * 32), setup="active"
    )
    assert secret not in repr(signalling.Answer(session_id="s", transport=transport))
    frame = json.dumps({"type": "answer", "sessionId": "s", "transport": {"pwd": secret + "!"}})
    with pytest.raises(signalling.SignallingError) as caught:
        signalling.parse_client(frame)
    assert secret not in str(caught.value)


def test_unknown_fields_are_ignored() -> None:
    frame = json.dumps({"type": "leave", "reason": "x", "mood": "good"})
    assert signalling.parse_client(frame) == signalling.Leave(reason="x")
