"""What clients want to receive reaches adaptation, and what follows reaches clients."""

from typing import Any

from tests.unit.bridge.talking import Call
from tests.unit.bridge.test_reporting import AROUND

from octobridge.core import effects as fx
from octobridge.core.debug import conference_view
from octobridge.core.policy import Policy
from octobridge.core.reporting import stats
from octobridge.core.traffic import Traffic


def wants(height: int, **more: Any) -> dict[str, Any]:
    return {
        "colibriClass": "ReceiverVideoConstraints",
        "defaultConstraints": {"maxHeight": height},
        **more,
    }


def watching(*names: str) -> Call:
    """A call in which all but the first watch the first one's camera."""
    call = Call(*names)
    call.shows(names[0], 100)
    call.step()
    for name in names[1:]:
        call.say(name, wants(180))
    call.step()
    return call


def test_constraints_bring_the_picture_and_tell_both_sides() -> None:
    call = Call("a", "b")
    call.shows("a", 100)
    assert call.say("b", wants(180)) == []
    effects = call.step()
    a, b = call.endpoint("a").transport, call.endpoint("b").transport
    assert any(isinstance(e, fx.Subscribe) and (e.receiver, e.sender) == (b, a) for e in effects)
    told = call.told(effects)
    assert {
        "colibriClass": "SenderSourceConstraints",
        "sourceName": "a-v0",
        "maxHeight": 180,
    } in told["a"]
    assert {"colibriClass": "ForwardedSources", "forwardedSources": ["a-v0"]} in told["b"]


def test_last_n_of_none_stops_the_picture_and_its_sender() -> None:
    call = watching("a", "b")
    call.say("b", {"colibriClass": "LastNChangedEvent", "lastN": 0})
    told = call.told(call.step())
    assert {"colibriClass": "ForwardedSources", "forwardedSources": []} in told["b"]
    assert told["a"][-1]["maxHeight"] == 0


def test_a_source_that_shows_nothing_is_not_forwarded() -> None:
    call = watching("a", "b")
    message = {
        "colibriClass": "SourceVideoTypeMessage",
        "sourceName": "a-v0",
        "videoType": "NONE",
    }
    call.say("a", message)
    assert call.told(call.step())["b"][-1]["forwardedSources"] == []
    call.say("a", {"colibriClass": "VideoTypeMessage", "videoType": "camera"})
    assert call.told(call.step())["b"][-1]["forwardedSources"] == ["a-v0"]


def test_whoever_opens_a_channel_late_is_told_how_things_stand() -> None:
    call = watching("a", "b")
    for name in ("a", "b"):
        transport = call.endpoint(name).transport
        call.reports.channel_closed(transport)
    assert call.told(call.step()) == {}
    for name in ("a", "b"):
        call.reports.channel_opened(call.endpoint(name).transport)
    told = call.told(call.messages.opened(call.endpoint("a").transport))
    assert told["a"][0]["colibriClass"] == "SenderSourceConstraints"
    told = call.told(call.messages.opened(call.endpoint("b").transport))
    assert {"colibriClass": "ForwardedSources", "forwardedSources": ["a-v0"]} in told["b"]


def test_statistics_in_a_large_conference_reach_those_who_see_the_sender() -> None:
    call = Call("a", "b", "c", policy=Policy(stats_filter_threshold=2))
    call.shows("a", 100)
    call.say("b", wants(0, onStageSources=["a-v0"]))
    call.step()
    assert set(call.told(call.say("a", {"colibriClass": "EndpointStats"}))) == {"b"}


def test_what_is_allocated_is_shown_and_counted() -> None:
    call = watching("a", "b")
    call.conference.adaptation.set_reading(
        call.endpoint("a").transport, 100, temporal_bps=(100, 200, 300_000), height=180
    )
    call.reports.bandwidth(call.endpoint("b").transport, 50)
    call.reports.encoding_activity(call.endpoint("a").transport, 100, active=True)
    call.reports.picture_size(call.endpoint("a").transport, 100, 320, 180)
    call.step()
    receives = conference_view(call.conference, full=True)["endpoints"]["b"]["receives"]
    assert receives["bandwidth_bps"] == 50
    assert receives["suspended"] == ["a-v0"]
    assert receives["sources"]["a-v0"]["ideal"]["bps"] == 300_000
    told = stats(call.registry, Traffic(), Traffic(), AROUND)
    assert told.endpoints_with_suspended_sources == 1
    assert told.total_layering_changes_received == 2
