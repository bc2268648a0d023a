"""What a peer may write into the bridge channel: taken strictly, or refused with one error."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_channel import (
    MESSAGES,
    EndpointMessage,
    EndpointStats,
    LastNChangedEvent,
    ReceiverVideoConstraints,
    SourceVideoTypeMessage,
    VideoType,
    build,
    parse,
)
from jitsiwire.bridge_channel_json import MAX_DEPTH
from jitsiwire.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "isn't JSON"),
        ("{", "isn't JSON"),
        ("[]", "a list, not an object"),
        ("null", "None, not an object"),
        ("{}", "colibriClass None is unknown"),
        ('{"colibriClass": "clienthello"}', "clienthello is unknown"),
        ('{"colibriClass": ["ClientHello"]}', "a list is unknown"),
        ('{"colibriClass": "ClientHello", "a": 1}', "ClientHello: a is 1"),
        ('{"colibriClass": "EndpointMessage"}', "EndpointMessage: to is missing"),
        ('{"colibriClass": "EndpointMessage", "to": 5}', "EndpointMessage: to is 5"),
        ('{"colibriClass": "LastNChangedEvent"}', "lastN is missing"),
        ('{"colibriClass": "LastNChangedEvent", "lastN": true}', "lastN is True"),
        ('{"colibriClass": "LastNChangedEvent", "lastN": "2"}', "lastN is 2"),
        ('{"colibriClass": "LastNChangedEvent", "lastN": 4294967296}', "lastN is 4294967296"),
        ('{"colibriClass": "LastNChangedEvent", "lastN": 1, "lastN": 2}', "lastN is there twice"),
        ('{"colibriClass": "LastNChangedEvent", "last_n": 1}', "lastN is missing"),
        (
            '{"colibriClass": "ReceiverVideoConstraints", "selectedEndpoints": []}',
            "selectedEndpoints is a list",
        ),
        (
            '{"colibriClass": "ReceiverVideoConstraints", "constraints": {"a": {"maxHeight": -2}}}',
            "constraints.a.maxHeight is -2",
        ),
        (
            '{"colibriClass": "ReceiverVideoConstraints", "constraints": {"a": {}}}',
            "constraints.a.maxHeight is missing",
        ),
        (
            '{"colibriClass": "SourceVideoTypeMessage", "sourceName": "a", "videoType": "film"}',
            "videoType is film",
        ),
        (
            '{"colibriClass": "EndpointConnectivityStatusChangeEvent",'
            ' "endpoint": "a", "active": true}',
            "active is True",
        ),
        ('{"colibriClass": "EndpointStats", "x": NaN}', "NaN"),
        ('{"colibriClass": "EndpointStats", "x": 1e999}', "1e999"),
        ('{"colibriClass": "EndpointStats", "x": {"a": 1, "a": 1}}', "a is there twice"),
        ('{"colibriClass": "EndpointStats", "x": %s}' % ("[" * 100_000), "nested"),
    ],
)
def test_the_error_names_the_field_and_the_value(text: str, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "message",
    [
        {"colibriClass": "ClientHello"},
        {
            "colibriClass": "ReceiverVideoConstraints",
            "assumedBandwidthBps": -1,
            "constraints": {"79f0273d-v0": {"maxHeight": 720}, "1f-v1": {"maxHeight": 2160}},
            "defaultConstraints": {"maxHeight": 180},
            "lastN": -1,
            "onStageSources": ["79f0273d-v0"],
            "selectedSources": [],
        },
        {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v1", "videoType": "desktop"},
        {"colibriClass": "ReceiverAudioSubscription", "mode": "Exclude", "list": ["a-a0"]},
        {
            "colibriClass": "EndpointStats",
            "bitrate": {"upload": 2412, "download": 120},
            "packetLoss": {"upload": 0, "download": 0, "total": 0},
            "connectionQuality": 100,
            "jvbRTT": 12,
            "serverRegion": None,
            "maxEnabledResolution": 720,
        },
        {"colibriClass": "EndpointMessage", "to": "", "msgPayload": {"type": "e2e-ping-request"}},
        {"colibriClass": "LastNChangedEvent", "lastN": 20},
    ],
)
def test_what_a_jitsi_client_says_is_read(message: dict[str, Any]) -> None:
    kept = json.loads(build(parse(json.dumps(message))))
    assert set(message) <= set(kept), "nothing it said is lost"
    assert parse(json.dumps(kept)) == parse(json.dumps(message))


def test_a_message_larger_than_asked_is_refused_unread() -> None:
    text = json.dumps({"colibriClass": "EndpointStats", "x": "é" * 100}, ensure_ascii=False)
    size = len(text.encode())
    assert isinstance(parse(text, size), EndpointStats)
    with pytest.raises(RemoteProtocolError, match="more than"):
        parse(text, size - 1)


@pytest.mark.parametrize(("depth", "taken"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False)])
def test_nesting_is_bounded(depth: int, taken: bool) -> None:
    text = '{"colibriClass": "EndpointStats", "x": ' + "[" * depth + "]" * depth + "}"
    if taken:
        assert parse(build(parse(text))) == parse(text)
        return
    with pytest.raises(RemoteProtocolError, match="nested"):
        parse(text)


def test_enums_are_read_in_any_case() -> None:
    message = parse(
        '{"colibriClass": "SourceVideoTypeMessage", "sourceName": "a", "videoType": "DeskTop"}'
    )
    assert message == SourceVideoTypeMessage(source_name="a", video_type=VideoType.DESKTOP)


def test_a_fraction_is_cut_as_the_stock_bridge_cuts_it() -> None:
    assert parse('{"colibriClass": "LastNChangedEvent", "lastN": 3.7}') == LastNChangedEvent(
        last_n=3
    )


def test_constraints_of_one_source_tolerate_what_they_dont_know() -> None:
    message = parse(
        '{"colibriClass": "ReceiverVideoConstraints",'
        ' "defaultConstraints": {"maxHeight": 180, "idealHeight": 360}}'
    )
    assert isinstance(message, ReceiverVideoConstraints)
    assert message.default_constraints is not None
    assert message.default_constraints.max_height == 180


def test_fields_of_the_senders_own_are_kept_whatever_their_names() -> None:
    own: dict[str, Any] = {"fields": 1, "from_": 2, "model_config": {"a": None}, "": []}
    message = parse(json.dumps({"colibriClass": "EndpointMessage", "to": "b", **own}))
    assert isinstance(message, EndpointMessage)
    assert message.fields == own
    assert json.loads(build(message)) == {"colibriClass": "EndpointMessage", "to": "b", **own}


def test_half_a_surrogate_pair_is_relayed_escaped() -> None:
    message = parse('{"colibriClass": "EndpointStats", "x": "\\ud800é"}')
    assert build(message).encode()
    assert parse(build(message)) == message


def test_other_writing_is_relayed_as_it_is() -> None:
    message = parse('{"colibriClass": "EndpointStats", "x": "日本"}')
    assert "日本" in build(message)


@given(st.text() | st.text(st.characters()))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse(text)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["true", "camera", "All", 10**400, -(10**400)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just("maxHeight"), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = sorted(
    {
        field.alias or name
        for model in MESSAGES.values()
        for name, field in model.model_fields.items()
    }
)


@given(
    st.sampled_from(sorted(MESSAGES)),
    st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=4), _values, max_size=6),
)
def test_no_object_of_a_known_class_raises_anything_else(kind: str, rest: dict[str, Any]) -> None:
    with contextlib.suppress(RemoteProtocolError):
        message = parse(json.dumps(rest | {"colibriClass": kind}))
        assert parse(build(message)) == message
