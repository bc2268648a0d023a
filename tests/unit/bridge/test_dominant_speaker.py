"""Who dominates a conversation: speech does, noises don't."""

import random
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from octobridge.core.dominant import DECISION_SECONDS, DominantSpeaker

Span = tuple[float, float, int]
"""From, until, and how loud: 0 silence to 127."""

PACKET = 0.02
NOISE = 25
SPEECH = 85


def speech_like(level: int, at: float, dice: random.Random) -> int:
    """Syllables of some 200 ms with short gaps, around a level."""
    in_gap = (at % 0.25) > 0.2
    return NOISE + dice.randint(0, 4) if in_gap else min(127, level + dice.randint(-12, 12))


def converse(
    script: Mapping[str, Sequence[Span]],
    seconds: float,
    *,
    sends_silence: bool = True,
    seed: int = 1,
) -> list[tuple[float, str]]:
    """Play a conversation and return when who began to dominate."""
    identification, dice = DominantSpeaker(), random.Random(seed)
    changes: list[tuple[float, str]] = []
    for frame in range(int(seconds / PACKET)):
        at = frame * PACKET
        for who, spans in script.items():
            loud = next((level for start, end, level in spans if start <= at < end), 0)
            if loud:
                identification.level(who, speech_like(loud, at, dice), at)
            elif sends_silence:
                identification.level(who, NOISE + dice.randint(0, 4), at)
        chosen = identification.decide(at)
        if chosen is not None:
            changes.append((at, chosen))
    return changes


def speakers(changes: Sequence[tuple[float, str]]) -> list[str]:
    return [who for _, who in changes]


def test_whoever_is_alone_dominates() -> None:
    assert speakers(converse({"a": []}, 1.0)) == ["a"]


def test_turns_are_followed_within_two_seconds() -> None:
    changes = converse(
        {"a": [(0.0, 5.0, SPEECH)], "b": [(5.0, 10.0, SPEECH)], "c": [(10.0, 15.0, SPEECH)]}, 15.0
    )
    assert speakers(changes) == ["a", "b", "c"]
    assert [5.0 < changes[1][0] < 7.0, 10.0 < changes[2][0] < 12.0] == [True, True]


def test_a_cough_takes_nothing_over() -> None:
    for length in (0.1, 0.2, 0.3):
        changes = converse(
            {"a": [(0.0, 10.0, SPEECH)], "b": [(4.0, 4.0 + length, 125)]}, 10.0, seed=7
        )
        assert speakers(changes) == ["a"], length


def test_a_cough_in_a_pause_takes_nothing_over() -> None:
    changes = converse(
        {"a": [(0.0, 4.0, SPEECH), (4.6, 10.0, SPEECH)], "b": [(4.1, 4.3, 125)]}, 10.0
    )
    assert speakers(changes) == ["a"]


def test_an_interrupter_takes_over_once_the_other_gives_way() -> None:
    changes = converse(
        {"a": [(0.0, 5.5, SPEECH)], "b": [(4.0, 10.0, SPEECH)]}, 10.0, sends_silence=False
    )
    assert speakers(changes) == ["a", "b"]
    assert 4.5 < changes[1][0] < 7.0


def test_everyone_falling_silent_changes_nobody() -> None:
    for sends_silence in (True, False):
        changes = converse({"a": [(0.0, 2.0, SPEECH)], "b": []}, 8.0, sends_silence=sends_silence)
        assert speakers(changes)[-1] == "a"


def test_a_loud_room_is_not_speech() -> None:
    """A microphone beside a fan is as loud as speech, but steadily."""
    identification, dice = DominantSpeaker(), random.Random(3)
    changes: list[str] = []
    for frame in range(int(10 / PACKET)):
        at = frame * PACKET
        identification.level("fan", 70 + dice.randint(0, 5), at)
        speaks = (1.0 <= at < 3.0) or (5.0 <= at < 8.0)
        identification.level("a", speech_like(SPEECH, at, dice) if speaks else NOISE, at)
        changes += [c for c in (identification.decide(at),) if c is not None]
    assert changes[-1] == "a"


def test_who_left_dominates_no_more_and_another_is_found() -> None:
    identification = DominantSpeaker()
    for frame in range(100):
        identification.level("a", SPEECH, frame * PACKET)
        identification.level("b", 1, frame * PACKET)
        identification.decide(frame * PACKET)
    assert identification.dominant == "a"
    identification.forget("a")
    assert identification.dominant is None
    assert identification.decide(2.0 + DECISION_SECONDS) == "b"
    identification.forget("b")
    assert len(identification) == 0
    assert identification.decide(10.0) is None


def test_a_hundred_idle_people_cost_a_decision_next_to_nothing() -> None:
    """Nobody's levels are kept growing while they're silent."""
    identification = DominantSpeaker()
    for number in range(100):
        identification.level(str(number), 50, 0.0)
    identification.decide(3600.0)
    assert set(identification.scores().values()) == {identification.scores()["0"]}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(-5, 200),
            st.floats(-1.0, 1.0),
            st.sampled_from(["level", "decide", "forget"]),
        ),
        max_size=200,
    )
)
def test_no_order_of_events_breaks_it(steps: list[tuple[str, int, float, str]]) -> None:
    """Clocks that jump back, wild levels, people who come and go."""
    identification, now, present = DominantSpeaker(), 0.0, set[str]()
    for who, level, later, what in steps:
        now += later
        if what == "level":
            identification.level(who, level, now)
            present.add(who)
        elif what == "forget":
            identification.forget(who)
            present.discard(who)
        else:
            before = identification.dominant
            chosen = identification.decide(now)
            assert chosen is None or (chosen != before and chosen == identification.dominant)
        assert identification.dominant is None or identification.dominant in present
        assert len(identification) == len(present)


@given(st.lists(st.integers(0, 127), min_size=1, max_size=80), st.floats(0, 5))
def test_scores_are_those_of_the_paper_whatever_came(levels: list[int], pause: float) -> None:
    """Activity is positive and finite, and after two silent seconds it is gone."""
    identification = DominantSpeaker()
    for frame, level in enumerate(levels):
        identification.level("a", level, frame * PACKET)
    identification.decide(len(levels) * PACKET + pause)
    assert all(0 < score < 500 for score in identification.scores()["a"])
    identification.decide(len(levels) * PACKET + pause + 2.5)
    silent = DominantSpeaker()
    silent.level("a", 0, 0.0)
    assert identification.scores()["a"] == silent.scores()["a"]
