"""What clients write over the message channel, and who is told of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.bridge.talking import Call

from octobridge.core.policy import Policy


def test_hello_is_answered_to_its_sender_alone() -> None:
    call = Call("a", "b")
    answer = call.told(call.say("a", {"colibriClass": "ClientHello"}))
    assert answer == {"a": [{"colibriClass": "ServerHello"}]}


def test_the_version_is_told_only_where_that_is_set() -> None:
    call = Call("a", policy=Policy(version="v7", announce_version=True))
    answer = call.told(call.say("a", {"colibriClass": "ClientHello"}))
    assert answer == {"a": [{"colibriClass": "ServerHello", "version": "v7"}]}


def test_a_message_to_all_reaches_everyone_else_with_its_true_sender() -> None:
    call = Call("a", "b", "c", "v", visitors=["v"])
    said = {"colibriClass": "EndpointMessage", "to": "", "from": "c", "msgPayload": {"x": [1]}}
    told = call.told(call.say("a", said))
    assert set(told) == {"b", "c", "v"}
    assert told["b"] == [said | {"from": "a"}]


def test_a_message_to_one_reaches_that_one() -> None:
    call = Call("a", "b", "c")
    said = {"colibriClass": "EndpointMessage", "to": "c", "anything": None}
    assert call.told(call.say("a", said)) == {"c": [said | {"from": "a"}]}
    assert call.say("a", said | {"to": "nobody"}) == []
    assert call.dropped() == {"unknown_receiver": 1}


def test_visitors_are_not_relayed() -> None:
    call = Call("a", "v", visitors=["v"])
    assert call.say("v", {"colibriClass": "EndpointMessage", "to": ""}) == []
    assert call.say("v", {"colibriClass": "EndpointStats"}) == []
    assert call.dropped() == {"from_visitor": 2}


def test_whose_channel_is_closed_is_not_written_to() -> None:
    call = Call("a", "b", "c")
    call.reports.channel_closed(call.endpoint("b").transport)
    assert set(call.told(call.say("a", {"colibriClass": "EndpointMessage", "to": ""}))) == {"c"}


def test_statistics_reach_everyone_in_a_small_conference() -> None:
    call = Call("a", "b", "c")
    told = call.told(call.say("a", {"colibriClass": "EndpointStats", "bitrate": {"up": 3}}))
    assert told["b"] == [{"colibriClass": "EndpointStats", "from": "a", "bitrate": {"up": 3}}]
    assert set(told) == {"b", "c"}


def test_statistics_of_who_spoke_lately_reach_everyone_in_a_large_one() -> None:
    call = Call("a", "b", "c", policy=Policy(stats_filter_threshold=2))
    stats = {"colibriClass": "EndpointStats"}
    assert call.say("a", stats) == []
    for frame in range(50):
        call.conference.speech.level("a", 90, frame * 0.02)
    call.conference.speech.decide(1.0)
    assert set(call.told(call.say("a", stats))) == {"b", "c"}
    assert call.say("b", stats) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "malformed"),
        ({"colibriClass": "Nonsense"}, "malformed"),
        ({"colibriClass": "ReceiverVideoConstraints", "selectedEndpoints": []}, "malformed"),
        ({"colibriClass": "ServerHello"}, "not_for_bridges"),
        (
            {"colibriClass": "DominantSpeakerEndpointChangeEvent", "dominantSpeakerEndpoint": "b"},
            "not_for_bridges",
        ),
        (
            {"colibriClass": "SourceVideoTypeMessage", "sourceName": "b-v0", "videoType": "none"},
            "foreign_source",
        ),
        (
            {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v0x", "videoType": "none"},
            "foreign_source",
        ),
    ],
)
def test_what_comes_to_nothing_is_counted(message: dict[str, Any] | str, reason: str) -> None:
    call = Call("a", "b", "a-v0")
    assert call.say("a", message) == []
    assert call.dropped() == {reason: 1}


def test_who_writes_too_much_is_not_heard_for_a_while() -> None:
    call = Call("a", "b", policy=Policy(messages_per_second=10, messages_at_once=20))
    hello = {"colibriClass": "ClientHello"}
    assert sum(bool(call.say("a", hello)) for _ in range(100)) == 20
    assert call.dropped() == {"too_many": 80}
    assert call.say("b", hello), "one client's flood is not another's"
    call.now = 1.0
    assert sum(bool(call.say("a", hello)) for _ in range(100)) == 10


def test_what_is_for_many_counts_once_for_each() -> None:
    call = Call("a", "b", "c", policy=Policy(deliveries_per_second=4, deliveries_at_once=5))
    to_all = {"colibriClass": "EndpointMessage", "to": ""}
    assert [len(call.say("a", to_all)) for _ in range(4)] == [2, 2, 0, 0]
    assert len(call.say("a", to_all | {"to": "b"})) == 1
    assert call.dropped() == {"too_many_receivers": 2}
    call.now = 1.0
    assert [len(call.say("a", {"colibriClass": "EndpointStats"})) for _ in range(3)] == [2, 2, 0]


def test_messages_are_counted_by_kind() -> None:
    call = Call("a")
    call.say("a", {"colibriClass": "ClientHello"})
    call.say("a", "{")
    counters = call.registry.counters
    assert counters.data_channel_messages_received == 2
    assert counters.messages == {"ClientHello": 1}


def test_a_message_of_someone_gone_is_ignored() -> None:
    call = Call("a")
    assert call.messages.received(99, '{"colibriClass": "ClientHello"}', 0.0) == []
    assert call.messages.opened(99) == []


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    call = Call("a", "b")
    assert call.say("a", text) == []
