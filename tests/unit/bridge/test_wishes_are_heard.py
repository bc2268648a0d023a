"""What clients want to receive reaches adaptation, and what follows reaches clients."""

from dataclasses import replace
from typing import Any

from tests.unit.bridge import given
from tests.unit.bridge.talking import Call
from tests.unit.bridge.test_reporting import AROUND

from jitsiwire import colibri2 as wire
from jitsiwire.bridge_channel import VideoType
from octobridge.core import effects as fx
from octobridge.core.debug import conference_view
from octobridge.core.pictures import MAX_ANNOUNCED
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


def shows(source: str, video_type: str) -> dict[str, Any]:
    return {
        "colibriClass": "SourceVideoTypeMessage",
        "sourceName": source,
        "videoType": video_type,
    }


def test_what_a_source_shows_may_be_said_before_it_is_signalled() -> None:
    call = Call("a", "b")
    assert call.say("a", shows("a-v0", "desktop")) == []
    call.shows("a", 100)
    adaptation = call.conference.adaptation
    assert adaptation.video_type("a-v0") is VideoType.DESKTOP
    call.shows("a", 100, layers=3)
    assert adaptation.video_type("a-v0") is VideoType.DESKTOP, "signalling said nothing new"
    call.say("a", shows("a-v0", "camera"))
    assert adaptation.video_type("a-v0") is VideoType.CAMERA


def test_what_was_said_early_is_bounded_and_goes_with_who_said_it() -> None:
    call = Call("a", "b")
    for number in range(MAX_ANNOUNCED + 1):
        call.say("a", shows(f"a-v{number}", "none"))
    last = f"a-v{MAX_ANNOUNCED}"
    sources = (given.camera("a", 1), replace(given.camera("a", 11), id=last))
    given.reply_of(call.handler.handle(given.modify(wire.Endpoint("a", sources=sources)), 0))
    adaptation = call.conference.adaptation
    assert adaptation.video_type("a-v0") is VideoType.NONE
    assert adaptation.video_type(last) is VideoType.CAMERA
    given.reply_of(call.handler.handle(given.modify(wire.Endpoint("a", expire=True)), 0))
    given.reply_of(call.handler.handle(given.modify(given.new_endpoint("a")), 0))
    again = (replace(given.camera("a", 1), id="a-v1"),)
    given.reply_of(call.handler.handle(given.modify(wire.Endpoint("a", sources=again)), 0))
    assert adaptation.video_type("a-v1") is VideoType.CAMERA


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
        call.endpoint("a").transport, 100, layer_bps=[(100, 200, 300_000)], height=180
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
