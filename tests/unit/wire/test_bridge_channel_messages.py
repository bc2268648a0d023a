"""The bridge channel's messages: every one there and back, in the wire's exact forms."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_channel import (
    MESSAGES,
    AddReceiver,
    AudioMode,
    AudioSourceMapping,
    AudioSourcesMap,
    ClientHello,
    ConnectionStats,
    DominantSpeakerEndpointChangeEvent,
    EndpointConnectivityStatusChangeEvent,
    EndpointMessage,
    EndpointStats,
    ForwardedSources,
    LastNChangedEvent,
    Message,
    ReceiverAudioSubscription,
    ReceiverVideoConstraints,
    RemoveReceiver,
    SenderSourceConstraints,
    ServerHello,
    SourceVideoTypeMessage,
    SyntheticSourceSendingChangeEvent,
    VideoConstraints,
    VideoSourceMapping,
    VideoSourcesMap,
    VideoType,
    VideoTypeMessage,
    build,
    parse,
)


def built(kind: type[Any], **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a model with these fields; `st.builds` would add its own by the wire's names."""
    return st.fixed_dictionaries(parts).map(lambda given: kind(**given))


text = st.text(max_size=12)
names = st.lists(text, max_size=4).map(tuple)
ssrcs = st.integers(0, 2**32 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
free = st.dictionaries(
    text.filter(lambda key: key not in ("colibriClass", "to", "from")), json_values, max_size=4
)
constraints = built(
    VideoConstraints,
    max_height=st.integers(-1, 4320),
    max_frame_rate=st.floats(-1, 120, allow_nan=False),
)
video_types = st.sampled_from(VideoType)
maybe = st.none() | text

messages = st.one_of(
    built(ClientHello),
    built(ServerHello, version=maybe),
    built(EndpointMessage, to=text, from_=maybe, fields=free),
    built(EndpointStats, from_=maybe, fields=free),
    built(LastNChangedEvent, last_n=int32),
    built(
        ReceiverVideoConstraints,
        last_n=st.none() | int32,
        selected_sources=st.none() | names,
        on_stage_sources=st.none() | names,
        default_constraints=st.none() | constraints,
        constraints=st.none() | st.dictionaries(text, constraints, max_size=3),
        assumed_bandwidth_bps=st.none() | st.integers(-1, 2**63 - 1),
    ),
    built(SourceVideoTypeMessage, video_type=video_types, source_name=text, endpoint_id=maybe),
    built(VideoTypeMessage, video_type=video_types, endpoint_id=maybe),
    built(
        ReceiverAudioSubscription,
        all=st.booleans(),
        include=names,
        exclude=names,
        mode=st.none() | st.sampled_from(AudioMode),
        list=names,
    ),
    built(
        DominantSpeakerEndpointChangeEvent,
        dominant_speaker_endpoint=text,
        previous_speakers=st.none() | names,
        silence=st.booleans(),
    ),
    built(EndpointConnectivityStatusChangeEvent, endpoint=text, active=st.booleans()),
    built(ForwardedSources, forwarded_sources=names),
    built(
        VideoSourcesMap,
        mapped_sources=st.lists(
            built(
                VideoSourceMapping,
                source=text,
                owner=maybe,
                ssrc=ssrcs,
                rtx=st.integers(-1, 2**32 - 1),
                video_type=video_types,
                mid=maybe,
            ),
            max_size=3,
        ).map(tuple),
    ),
    built(
        AudioSourcesMap,
        mapped_sources=st.lists(
            built(AudioSourceMapping, source=text, owner=maybe, ssrc=ssrcs, mid=maybe),
            max_size=3,
        ).map(tuple),
    ),
    built(SenderSourceConstraints, source_name=text, max_height=int32),
    built(ConnectionStats, estimated_downlink_bandwidth=st.integers(-1, 2**63 - 1)),
    built(
        SyntheticSourceSendingChangeEvent,
        source_name=text,
        sending=st.booleans(),
        timestamp=ssrcs,
    ),
    built(
        AddReceiver,
        bridge_id=text,
        endpoint_id=maybe,
        source_name=maybe,
        video_constraints=constraints,
    ),
    built(RemoveReceiver, bridge_id=text, endpoint_id=text),
)


@given(messages)
def test_what_is_built_is_parsed_to_the_same(message: Message) -> None:
    assert parse(build(message)) == message


@given(messages)
def test_the_class_comes_first_and_is_the_models_name(message: Message) -> None:
    written = json.loads(build(message))
    assert next(iter(written)) == "colibriClass"
    assert MESSAGES[written["colibriClass"]] is type(message)


def test_every_message_of_the_channel_is_there() -> None:
    assert set(MESSAGES) == {
        "ClientHello",
        "ServerHello",
        "EndpointMessage",
        "EndpointStats",
        "LastNChangedEvent",
        "ReceiverVideoConstraints",
        "SourceVideoTypeMessage",
        "VideoTypeMessage",
        "ReceiverAudioSubscription",
        "DominantSpeakerEndpointChangeEvent",
        "EndpointConnectivityStatusChangeEvent",
        "ForwardedSources",
        "VideoSourcesMap",
        "AudioSourcesMap",
        "SenderSourceConstraints",
        "ConnectionStats",
        "SyntheticSourceSendingChangeEvent",
        "AddReceiver",
        "RemoveReceiver",
    }


MAPPED: dict[str, Any] = {
    "source": "a-v0",
    "owner": "a",
    "ssrc": 4294967295,
    "rtx": 7,
    "videoType": "CAMERA",
    "mid": "v0",
}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (ClientHello(), {"colibriClass": "ClientHello"}),
        (ServerHello(), {"colibriClass": "ServerHello"}),
        (
            EndpointConnectivityStatusChangeEvent(endpoint="a", active=False),
            {
                "colibriClass": "EndpointConnectivityStatusChangeEvent",
                "endpoint": "a",
                "active": "false",
            },
        ),
        (
            DominantSpeakerEndpointChangeEvent(
                dominant_speaker_endpoint="a", previous_speakers=("b", "c")
            ),
            {
                "colibriClass": "DominantSpeakerEndpointChangeEvent",
                "dominantSpeakerEndpoint": "a",
                "previousSpeakers": ["b", "c"],
                "silence": False,
            },
        ),
        (
            VideoSourcesMap(
                mapped_sources=(
                    VideoSourceMapping(
                        source="a-v0",
                        owner="a",
                        ssrc=4294967295,
                        rtx=7,
                        video_type=VideoType.CAMERA,
                        mid="v0",
                    ),
                )
            ),
            {"colibriClass": "VideoSourcesMap", "mappedSources": [MAPPED]},
        ),
        (
            EndpointMessage(to="", from_="a", fields={"msgPayload": {"x": None}}),
            {"colibriClass": "EndpointMessage", "to": "", "from": "a", "msgPayload": {"x": None}},
        ),
        (
            SenderSourceConstraints(source_name="a-v0", max_height=-1),
            {"colibriClass": "SenderSourceConstraints", "sourceName": "a-v0", "maxHeight": -1},
        ),
        (
            SourceVideoTypeMessage(source_name="a-v0", video_type=VideoType.DESKTOP_HIGH_FPS),
            {
                "colibriClass": "SourceVideoTypeMessage",
                "videoType": "desktop_high_fps",
                "sourceName": "a-v0",
            },
        ),
    ],
)
def test_the_wires_forms_are_exact(message: Message, wire: dict[str, Any]) -> None:
    assert json.loads(build(message)) == wire


@pytest.mark.parametrize(
    ("subscription", "wanted"),
    [
        ({}, []),
        ({"all": True}, ["a-a0", "b-a0", "c-a0"]),
        ({"all": True, "exclude": ["b-a0"]}, ["a-a0", "c-a0"]),
        ({"include": ["a-a0", "b-a0"], "exclude": ["b-a0"]}, ["a-a0"]),
        ({"mode": "all"}, ["a-a0", "b-a0", "c-a0"]),
        ({"mode": "NONE", "all": True}, []),
        ({"mode": "Include", "list": ["c-a0"]}, ["c-a0"]),
        ({"mode": "Exclude", "list": ["c-a0"]}, ["a-a0", "b-a0"]),
    ],
)
def test_exclusion_goes_before_inclusion_and_that_before_all(
    subscription: dict[str, Any], wanted: list[str]
) -> None:
    message = parse(json.dumps({"colibriClass": "ReceiverAudioSubscription", **subscription}))
    assert isinstance(message, ReceiverAudioSubscription)
    assert [name for name in ("a-a0", "b-a0", "c-a0") if message.wants(name)] == wanted
