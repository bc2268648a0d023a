"""Messages between bridges: what each tells the other, and what comes of it."""

import json
from typing import Any

import pytest
from hypothesis import given as generate
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire import bridge_channel as wire
from jitsiwire.bridge_channel import VideoConstraints, VideoType
from jitsiwire.colibri2 import Endpoint, Relay
from octobridge.core.connectivity import watch
from octobridge.core.conversations import Conversations
from octobridge.core.messages import Messages
from octobridge.core.policy import Policy
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

POLICY = Policy(relay_id="here")


def call_of(*names: str, policy: Policy = POLICY) -> Call:
    call = Call(policy)
    for number, name in enumerate(names):
        call.join(name, given.audio(name, 10 * number + 1), given.camera(name, 100 * (number + 1)))
    return call


def elsewhere(name: str, ssrc: int) -> Endpoint:
    return given.relayed(name, given.audio(name, ssrc), given.camera(name, ssrc + 1))


def wish(source: str, height: int) -> wire.AddReceiver:
    return wire.AddReceiver(
        bridge_id="there",
        source_name=source,
        video_constraints=VideoConstraints(max_height=height),
    )


def wants(call: Call, relay: int) -> dict[str | None, int]:
    """What another bridge was told since the last look, by source."""
    told = call.told(relay, wire.AddReceiver)
    return {
        m.source_name: m.video_constraints.max_height
        for m in told
        if isinstance(m, wire.AddReceiver)
    }


def demanded(call: Call, name: str) -> list[int]:
    told = call.told(call.transport(name), wire.SenderSourceConstraints)
    return [m.max_height for m in told if isinstance(m, wire.SenderSourceConstraints)]


def test_what_is_wanted_of_others_is_asked_of_their_bridge() -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501))
    call.step()
    assert wants(call, relay) == {"b-v0": 0}
    call.want("a", default_constraints={"max_height": 360})
    call.step()
    assert wants(call, relay) == {"b-v0": 360}
    call.want("a", last_n=0)
    call.step()
    assert wants(call, relay) == {"b-v0": 0}


def test_what_is_wanted_is_told_again_when_the_channel_opens_again() -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501))
    call.want("a", default_constraints={"max_height": 180})
    call.step()
    registry = call.handler.registry
    reports, messages = Reports(registry, Traffic()), Messages(registry)
    reports.channel_closed(relay)
    call.want("a", default_constraints={"max_height": 720})
    call.step()
    assert wants(call, relay) == {"b-v0": 180}, "of before; nothing is said without a channel"
    reports.channel_opened(relay)
    call.model.apply(messages.opened(relay))
    assert wants(call, relay) == {"b-v0": 720}


def test_senders_are_told_the_greatest_of_what_anyone_anywhere_wants() -> None:
    call = call_of("a", "b")
    relay = call.link("there", elsewhere("c", 501))
    call.want("b", default_constraints={"max_height": 180})
    call.step()
    assert demanded(call, "a") == [180]
    call.say(relay, wish("a-v0", 720))
    call.step()
    assert demanded(call, "a") == [720]
    call.say(relay, wish("a-v0", 90))
    call.step()
    assert demanded(call, "a") == [180]
    call.say(relay, wish("a-v0", -1))
    call.step()
    assert demanded(call, "a") == [-1]
    call.ask_relay(Relay("there", expire=True))
    call.step()
    assert demanded(call, "a") == [180], "a bridge that is gone wants nothing"


def test_a_wish_may_come_before_the_source_it_is_about() -> None:
    call = call_of("a", "b")
    relay = call.link("there")
    call.say(relay, wish("late-v0", 360))
    call.join("late", given.camera("late", 900))
    call.step()
    assert demanded(call, "late") == [360]


def test_wishes_cross_from_mesh_to_mesh_and_not_within_one() -> None:
    call = call_of("a")
    b = call.link("b", elsewhere("on-b", 501), mesh="0")
    c = call.link("c", mesh="0")
    d = call.link("d", mesh="1")
    call.step()
    assert wants(call, b) == {"on-b-v0": 0}
    call.say(c, wish("on-b-v0", 720))
    call.step()
    assert wants(call, b) == {}, "its own link is for that"
    call.say(d, wish("on-b-v0", 360))
    call.step()
    assert wants(call, b) == {"on-b-v0": 360}


def test_too_many_wishes_are_dropped_and_counted() -> None:
    call = call_of("a", policy=Policy(relay_id="here", relay_messages_at_once=9_000))
    relay = call.link("there")
    for number in range(5_001):
        call.say(relay, wish(f"x{number}-v0", 180))
    call.say(relay, wish("y" * 600, 180))
    assert call.handler.registry.counters.relay_messages_dropped == {"too_many_sources": 2}
    assert len(call.adaptation.remote_wishes(relay)) == 5_000


def test_messages_to_all_cross_every_link_once_and_those_to_one_his_own() -> None:
    call = call_of("a", "b")
    near = call.link("near", elsewhere("on-near", 501), mesh="0")
    far = call.link("far", elsewhere("on-far", 601), mesh="1")
    all_of_it = wire.EndpointMessage(to="", fields={"x": 1})
    call.say(call.transport("a"), all_of_it)
    expected = all_of_it.model_copy(update={"from_": "a"})
    everyone = {call.transport("b"), near, far}
    assert {t: m for t, m in call.model.told if isinstance(m, wire.EndpointMessage)} == (
        dict.fromkeys(everyone, expected)
    )
    call.model.told.clear()
    call.say(call.transport("a"), wire.EndpointMessage(to="on-far"))
    assert [t for t, m in call.model.told if isinstance(m, wire.EndpointMessage)] == [far]
    call.model.told.clear()
    call.say(near, wire.EndpointMessage(to="", from_="on-near"))
    reached = {t for t, m in call.model.told if isinstance(m, wire.EndpointMessage)}
    assert reached == {call.transport("a"), call.transport("b"), far}
    call.model.told.clear()
    call.say(near, wire.EndpointMessage(to="a", from_="on-near"))
    call.say(near, wire.EndpointMessage(to="on-far", from_="on-near"))
    reached_one = [t for t, m in call.model.told if isinstance(m, wire.EndpointMessage)]
    assert reached_one == [call.transport("a"), far]
    call.say(near, wire.EndpointMessage(to="nobody", from_="on-near"))
    assert call.handler.registry.counters.relay_messages_dropped == {"unknown_receiver": 1}


def test_statistics_cross_with_their_true_sender() -> None:
    call = call_of("a", "b")
    relay = call.link("there", elsewhere("c", 501))
    call.say(call.transport("a"), wire.EndpointStats(fields={"bitrate": 3}))
    (told,) = call.told(relay, wire.EndpointStats)
    assert isinstance(told, wire.EndpointStats)
    assert (told.from_, told.fields) == ("a", {"bitrate": 3})
    call.say(relay, wire.EndpointStats(from_="c"))
    assert len(call.told(call.transport("b"), wire.EndpointStats)) == 1
    call.say(relay, wire.EndpointStats(from_="x"))
    call.say(relay, wire.EndpointStats())
    assert call.handler.registry.counters.relay_messages_dropped == {"unknown_sender": 2}


def test_in_a_large_meeting_statistics_reach_those_who_see_the_sender() -> None:
    call = call_of("a", "b", policy=Policy(relay_id="here", stats_filter_threshold=2))
    relay = call.link("there", elsewhere("c", 501))
    call.want("a", on_stage_sources=("c-v0",))
    call.say(relay, wire.EndpointStats(from_="c"))
    reached = [t for t, m in call.model.told if isinstance(m, wire.EndpointStats)]
    assert reached == [call.transport("a")]


def test_what_a_source_shows_is_told_to_other_bridges_now_and_when_they_come() -> None:
    call = call_of("a")
    early = call.link("early")
    desktop = wire.SourceVideoTypeMessage(source_name="a-v0", video_type=VideoType.DESKTOP)
    call.say(call.transport("a"), desktop)
    told = desktop.model_copy(update={"endpoint_id": "a"})
    assert call.told(early, wire.SourceVideoTypeMessage) == [told]
    late = call.link("late")
    assert call.told(late, wire.SourceVideoTypeMessage) == [told]


def test_what_a_source_of_another_bridge_shows_is_believed_of_its_own_people() -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501), mesh="0")
    further = call.link("further", mesh="1")
    shows = wire.SourceVideoTypeMessage(
        source_name="b-v0", video_type=VideoType.DESKTOP, endpoint_id="b"
    )
    call.say(relay, shows)
    assert call.adaptation.video_type("b-v0") is VideoType.DESKTOP
    assert call.told(further, wire.SourceVideoTypeMessage) == [shows]
    call.say(relay, shows.model_copy(update={"source_name": "a-v0", "endpoint_id": "a"}))
    assert call.adaptation.video_type("a-v0") is VideoType.CAMERA
    assert call.handler.registry.counters.relay_messages_dropped == {"foreign_source": 1}


def test_what_a_source_of_another_bridge_shows_may_be_said_before_it_is_signalled() -> None:
    call = call_of("a")
    relay = call.link("there", Endpoint("b", create=True), mesh="0")
    call.say(
        relay,
        wire.SourceVideoTypeMessage(source_name="b-v0", video_type=VideoType.NONE, endpoint_id="b"),
    )
    call.ask_relay(Relay("there", endpoints=(elsewhere("b", 501),)))
    assert call.adaptation.video_type("b-v0") is VideoType.NONE


def test_who_falls_silent_is_told_across_and_newcomers_learn_of_him() -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501))
    registry = call.handler.registry
    call.model.apply(watch(registry, 20.0))
    (silent,) = call.told(relay, wire.EndpointConnectivityStatusChangeEvent)
    assert isinstance(silent, wire.EndpointConnectivityStatusChangeEvent)
    assert (silent.endpoint, silent.active) == ("a", False)
    call.say(relay, wire.EndpointConnectivityStatusChangeEvent(endpoint="b", active=False))
    assert len(call.told(call.transport("a"), wire.EndpointConnectivityStatusChangeEvent)) == 1
    call.say(relay, wire.EndpointConnectivityStatusChangeEvent(endpoint="c", active=False))
    told = call.told(call.transport("a"), wire.EndpointConnectivityStatusChangeEvent)
    assert len(told) == 1, "of somebody not announced yet, too: his bridge knows him"
    newcomer = call.join("late")
    about = call.told(newcomer, wire.EndpointConnectivityStatusChangeEvent)
    names = [m.endpoint for m in about if isinstance(m, wire.EndpointConnectivityStatusChangeEvent)]
    assert names == ["a", "b"]
    other = call.link("other", mesh="0")
    ours = call.told(other, wire.EndpointConnectivityStatusChangeEvent)
    assert [m for m in ours if m != silent] == [], "each bridge tells of its own"


def test_hello_is_said_to_who_asks_only() -> None:
    call = call_of("a", policy=Policy(relay_id="here", announce_version=True, version="v1"))
    waited, opened = call.link("waited"), call.link("opened", opens=True)
    for relay in (waited, opened):
        assert call.told(relay, wire.ServerHello) == [], "on data channels nobody begins with it"
        call.say(relay, wire.ClientHello())
        assert call.told(relay, wire.ServerHello) == [wire.ServerHello(version="v1")]
    call.say(waited, wire.ServerHello(version="v1"))
    call.say(waited, wire.ServerHello(version="v2"))
    call.say(waited, wire.ServerHello())
    assert call.handler.registry.counters.relays_of_other_versions == 1


def test_the_dominant_speaker_may_be_on_another_bridge() -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501))
    talk = Conversations(call.handler.registry)
    for frame in range(100):
        level = (relay, 501, 30, 20 * frame)
        call.model.apply(talk.levels([level], 0.02 * frame))
    (told,) = call.told(call.transport("a"), wire.DominantSpeakerEndpointChangeEvent)
    assert isinstance(told, wire.DominantSpeakerEndpointChangeEvent)
    assert told.dominant_speaker_endpoint == "b"
    assert talk.levels([(relay, 999, 30, 5000)], 5.0) == [], "nobody's SSRC"


MESSAGES: list[dict[str, Any]] = [
    {"colibriClass": "ReceiverVideoConstraints", "lastN": 1},
    {"colibriClass": "AddReceiver", "bridgeId": "x", "videoConstraints": {"maxHeight": 1}},
    {"colibriClass": "EndpointMessage", "to": ""},
    {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v0", "videoType": "camera"},
]


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_not_a_bridges_to_say_comes_to_nothing(message: dict[str, Any]) -> None:
    call = call_of("a")
    relay = call.link("there")
    messages = Messages(call.handler.registry)
    assert messages.received(relay, json.dumps(message), 0.0) == []
    assert sum(call.handler.registry.counters.relay_messages_dropped.values()) == 1


@settings(deadline=None, max_examples=100)
@generate(
    st.lists(st.one_of(st.text(max_size=80), st.builds(json.dumps, st.sampled_from(MESSAGES))))
)
def test_no_message_of_another_bridge_breaks_a_call(texts: list[str]) -> None:
    call = call_of("a")
    relay = call.link("there", elsewhere("b", 501))
    messages = Messages(call.handler.registry)
    for text in texts:
        call.model.apply(messages.received(relay, text, 0.0))
    call.step()


def test_a_bridge_that_writes_too_much_is_not_listened_to() -> None:
    policy = Policy(relay_id="here", relay_messages_at_once=3, relay_deliveries_per_second=1)
    call = call_of("a", "b", policy=policy)
    relay = call.link("there", elsewhere("c", 501))
    for _ in range(5):
        call.say(relay, wire.EndpointMessage(to="", from_="c"))
    dropped = call.handler.registry.counters.relay_messages_dropped
    assert dropped == {"too_many_receivers": 3, "too_many": 2}
