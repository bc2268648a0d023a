"""From the engine's audio levels to what clients are told of who speaks."""

import random

from tests.unit.bridge.talking import Call

from octobridge.core.conversations import Conversations, Level
from octobridge.core.effects import Effect


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
