"""Who can't be heard: noticed, counted, told to the call and to whoever joins it."""

from typing import Any

from tests.unit.bridge.readings import Reading
from tests.unit.bridge.talking import Call

from octobridge.core.connectivity import watch
from octobridge.core.conversations import Conversations
from octobridge.core.effects import RemoveTransport
from octobridge.core.load_reducer import LoadReducer, Reduction
from octobridge.core.rounds import Rounds


def notice(name: str, active: str) -> dict[str, Any]:
    return {
        "colibriClass": "EndpointConnectivityStatusChangeEvent",
        "endpoint": name,
        "active": active,
    }


def heard(call: Call, age_ms: int, now: float, *names: str) -> None:
    """Have everybody named been heard so long ago."""
    readings = [Reading(call.endpoint(n).transport, received_age_ms=age_ms) for n in names]
    call.reports.readings(readings, [], now)


def test_silence_and_return_are_told_to_everyone_and_counted() -> None:
    call = Call("a", "b")
    counters = call.registry.counters
    heard(call, 0, 10.0, "a", "b")
    assert watch(call.registry, 10.0) == []
    heard(call, 0, 18.0, "b")
    assert watch(call.registry, 18.0) == []
    heard(call, 0, 18.1, "b")
    assert call.told(watch(call.registry, 18.1)) == {
        "a": [notice("a", "false")],
        "b": [notice("a", "false")],
    }
    assert watch(call.registry, 18.2) == []
    assert (counters.endpoints_disconnected, counters.endpoints_reconnected) == (1, 0)
    heard(call, 5, 20.0, "a", "b")
    assert call.told(watch(call.registry, 20.0))["b"] == [notice("a", "true")]
    assert (counters.endpoints_disconnected, counters.endpoints_reconnected) == (1, 1)


def test_one_that_never_came_is_told_after_a_while_but_is_no_loss() -> None:
    call = Call("a", "b")
    heard(call, 0, 15.0, "a")
    assert watch(call.registry, 15.0) == []
    heard(call, 0, 15.1, "a")
    assert call.told(watch(call.registry, 15.1))["a"] == [notice("b", "false")]
    heard(call, 0, 16.0, "a", "b")
    assert call.told(watch(call.registry, 16.0))["a"] == [notice("b", "true")]
    counters = call.registry.counters
    assert (counters.endpoints_disconnected, counters.endpoints_reconnected) == (0, 0)


def test_visitors_are_not_watched() -> None:
    call = Call("a", "v", visitors=["v"])
    heard(call, 0, 100.0, "a")
    assert watch(call.registry, 100.0) == []


def test_whose_channel_opens_is_told_who_is_inactive_and_who_speaks() -> None:
    call = Call("a", "b", "c")
    heard(call, 0, 20.0, "a", "b")
    watch(call.registry, 20.0)
    for frame in range(50):
        call.conference.speech.level("b", 90, frame * 0.02)
    call.conference.speech.decide(1.0)
    told = call.told(call.messages.opened(call.endpoint("a").transport))
    assert set(told) == {"a"}
    assert notice("c", "false") in told["a"]
    assert told["a"][-1] == {
        "colibriClass": "DominantSpeakerEndpointChangeEvent",
        "dominantSpeakerEndpoint": "b",
        "previousSpeakers": [],
        "silence": False,
    }


def rounds(call: Call) -> Rounds:
    return Rounds(call.registry, Conversations(call.registry), None, 0.0)


def test_after_a_pause_of_the_bridge_itself_nobody_is_given_up() -> None:
    call = Call("a", "b")
    going = rounds(call)
    heard(call, 0, 1.0, "a", "b")
    assert going.go(0.0, 1.0) == []
    assert going.go(0.0, 100.0) == []
    assert RemoveTransport(2) in going.go(0.0, 105.0)


def test_clients_are_told_what_their_downlink_carries_where_it_is_known() -> None:
    call = Call("a", "b")
    going = rounds(call)
    call.reports.bandwidth(call.endpoint("a").transport, 1_234_567)
    told: dict[str, list[dict[str, Any]]] = {}
    for second in range(1, 21):
        heard(call, 0, float(second), "a", "b")
        for name, messages in call.told(going.go(0.0, float(second))).items():
            told.setdefault(name, []).extend(messages)
    message = {"colibriClass": "ConnectionStats", "estimatedDownlinkBandwidth": 1_234_567}
    assert told == {"a": [message, message]}


def test_an_overloaded_bridge_sends_everyone_less_until_there_is_room() -> None:
    call = Call("a", "b", "c", "d")
    for number, name in enumerate("abcd"):
        call.shows(name, 100 * (number + 1))
        call.say(name, {"colibriClass": "ReceiverVideoConstraints", "lastN": -1})
    call.step()
    assert len(call.conference.adaptation.forwarded["a"]) == 3
    reducer = LoadReducer(Reduction())
    going = Rounds(call.registry, Conversations(call.registry), reducer, 0.0)
    heard(call, 0, 9.0, *"abcd")
    going.go(1.5, 9.0)
    assert reducer.last_n == -1, "one look every ten seconds"
    heard(call, 0, 10.0, *"abcd")
    going.go(1.5, 10.0)
    call.now = 20.0
    call.step()
    assert [len(names) for names in call.conference.adaptation.forwarded.values()] == [2, 2, 2, 2]
    for minute in range(2, 45):
        going.go(0.1, minute * 60.0)
    assert reducer.last_n == -1
