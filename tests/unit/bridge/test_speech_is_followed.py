"""From the engine's audio levels to what clients are told of who speaks."""

import random
from typing import Any

import pytest
from tests.unit.bridge.talking import Call

from octobridge.core.conversations import Conversations, Level
from octobridge.core.effects import Effect, RequestKeyframe, SendMessage
from octobridge.core.rounds import Rounds


def speak(call: Call, hearing: Conversations, who: str, start: float) -> list[Effect]:
    """Let one speak for three seconds, the others sending near silence."""
    dice = random.Random(1)
    effects: list[Effect] = []
    for frame in range(150):
        now = start + frame * 0.02
        batch: list[Level] = []
        for endpoint in call.conference.endpoints:
            loud = endpoint.id == who and frame % 12
            level = dice.randint(30, 45) if loud else dice.randint(100, 104)
            batch.append((endpoint.transport, 1, level, int(now * 1000) + 7_000_000))
        effects += hearing.levels(batch, now)
    return effects


def test_a_new_speaker_is_told_to_all_with_those_before() -> None:
    call = Call("a", "b", "c")
    hearing = Conversations(call.registry)
    speak(call, hearing, "b", 0.0)
    before = call.conference.speech.recent
    told = call.told(speak(call, hearing, "c", 10.0))
    assert set(told) == {"a", "b", "c"}
    assert before[0] == "b"
    assert told["a"][-1] == {
        "colibriClass": "DominantSpeakerEndpointChangeEvent",
        "dominantSpeakerEndpoint": "c",
        "previousSpeakers": list(before),
        "silence": False,
    }
    assert call.registry.counters.dominant_speaker_changes >= 2


def test_a_speaker_who_left_is_nobodys_speaker() -> None:
    call = Call("a", "b")
    hearing = Conversations(call.registry)
    speak(call, hearing, "a", 0.0)
    assert call.conference.speech.dominant == "a"
    call.registry.remove_endpoint(call.conference, call.endpoint("a"), 5.0)
    assert call.conference.speech.dominant is None
    assert "a" not in call.conference.speech.recent


def test_when_a_speaker_leaves_clients_are_told_who_is_left() -> None:
    call = Call("a", "b", "c", "d")
    hearing = Conversations(call.registry)
    for start, who in enumerate("abc"):
        speak(call, hearing, who, start * 10.0)
    assert hearing.departures(30.0) == []
    changes = call.registry.counters.dominant_speaker_changes
    call.registry.remove_endpoint(call.conference, call.endpoint("c"), 30.0)
    told = call.told(Rounds(call.registry, hearing, None, 30.0).go(0.1, 30.5))
    assert set(told) == {"a", "b", "d"}
    (event,) = (m for m in told["d"] if "dominantSpeakerEndpoint" in m)
    assert (event["dominantSpeakerEndpoint"], event["previousSpeakers"]) == ("b", ["a"])
    assert call.registry.counters.dominant_speaker_changes == changes + 1
    assert hearing.departures(31.0) == []
    call.registry.remove_endpoint(call.conference, call.endpoint("a"), 32.0)
    told = call.told(hearing.departures(32.5))
    assert told["d"][0]["previousSpeakers"] == []
    assert call.registry.counters.dominant_speaker_changes == changes + 1
    for name in "db":
        call.registry.remove_endpoint(call.conference, call.endpoint(name), 33.0)
    assert hearing.departures(33.5) == [], "nobody is left who spoke"


def test_visitors_and_the_departed_have_no_voice() -> None:
    call = Call("a", "v", visitors=["v"])
    hearing = Conversations(call.registry)
    levels: list[Level] = [(call.endpoint("v").transport, 1, 10, 5), (99, 1, 10, 5)]
    for frame in range(100):
        assert hearing.levels(levels, frame * 0.02) == []
    assert call.conference.speech.dominant is None


def test_a_late_batch_is_heard_at_the_time_it_was_spoken() -> None:
    """A loop that stalls for half a second must not squeeze speech into one moment."""
    call = Call("a", "b")
    prompt, late = Conversations(call.registry), Conversations(call.registry)
    other = Call("a", "b")
    late.registry = other.registry
    for frame in range(100):
        now = frame * 0.02
        batch: list[Level] = [(2, 1, 40 if frame % 12 else 100, int(now * 1000))]
        prompt.levels(batch, now)
        # The second bridge's loop runs only twice a second.
        late.levels(batch, now if frame == 0 else (int(now * 2) + 1) / 2)
    assert (
        other.conference.speech.activity()["a"]["long"]
        == (call.conference.speech.activity()["a"]["long"])
    )


def watched(*names: str) -> Call:
    """A call where everyone has a camera and the second one shows the first large."""
    call = Call(*names)
    for number, name in enumerate(names):
        call.shows(name, 100 * (number + 1))
    message: dict[str, Any] = {
        "colibriClass": "ReceiverVideoConstraints",
        "onStageSources": [f"{names[0]}-v0"],
    }
    call.say(names[1], message)
    call.step()
    return call


def test_a_new_speaker_is_asked_for_a_keyframe_once_receivers_have_switched() -> None:
    call = watched("a", "b", "c")
    for name, rtt in (("a", 40.0), ("b", 300.0), ("c", 100.0)):
        call.endpoint(name).rtt_ms = rtt
    hearing = Conversations(call.registry)
    speak(call, hearing, "a", 0.0)
    effects = speak(call, hearing, "c", 10.0)
    counters = call.registry.counters
    assert effects.count(RequestKeyframe(call.endpoint("c").transport, 300)) == 1
    assert counters.preemptive_keyframes_sent == counters.dominant_speaker_changes
    # The slowest receiver hears of the change 300 ms later; the speaker's answer takes 100.
    told = next(i for i, e in enumerate(effects) if isinstance(e, SendMessage))
    assert told < effects.index(RequestKeyframe(call.endpoint("c").transport, 300))
    assert hearing.due(1000.0) == []


def test_no_keyframe_is_asked_for_where_nobody_shows_a_camera_large() -> None:
    call = watched("a", "b", "c")
    call.say("b", {"colibriClass": "ReceiverVideoConstraints", "onStageSources": []})
    hearing = Conversations(call.registry)
    effects = speak(call, hearing, "c", 0.0)
    assert not [e for e in effects if isinstance(e, RequestKeyframe)]
    counters = call.registry.counters
    assert counters.preemptive_keyframes_suppressed == counters.dominant_speaker_changes > 0


def test_the_delay_is_that_of_the_slowest_receiver_beyond_the_speakers_own() -> None:
    call = watched("a", "b", "c")
    for name, rtt in (("a", 40.0), ("b", 300.0), ("c", 100.0)):
        call.endpoint(name).rtt_ms = rtt
    hearing = Conversations(call.registry)
    changed_at = 0.0
    for frame in range(150):
        now = frame * 0.02
        levels: list[Level] = [(call.endpoint("c").transport, 1, 30, int(now * 1000))]
        if hearing.levels(levels, now):
            changed_at = now
            break
    due = [now for now in (changed_at + step / 1000 for step in range(400)) if hearing.due(now)]
    assert due == pytest.approx([changed_at + 0.21], abs=0.002)


def test_calls_of_two_need_no_such_keyframe() -> None:
    call = watched("a", "b")
    hearing = Conversations(call.registry)
    effects = speak(call, hearing, "a", 0.0)
    assert not [e for e in effects if isinstance(e, RequestKeyframe)]
    counters = call.registry.counters
    assert (counters.preemptive_keyframes_sent, counters.preemptive_keyframes_suppressed) == (0, 0)


def test_the_order_of_speech_reaches_adaptation() -> None:
    """With room for one video only, it is the speaker's."""
    call = watched("a", "b", "c")
    message: dict[str, Any] = {
        "colibriClass": "ReceiverVideoConstraints",
        "lastN": 1,
        "onStageSources": [],
        "defaultConstraints": {"maxHeight": 180},
    }
    call.say("b", message)
    hearing = Conversations(call.registry)
    for who in ("a", "c"):
        speak(call, hearing, who, 0.0 if who == "a" else 10.0)
        call.now += 20.0
        call.step()
        assert call.conference.adaptation.forwarded["b"] == (f"{who}-v0",)
