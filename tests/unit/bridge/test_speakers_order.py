"""A conference's speakers in order, and what clients are told of them."""

from octobridge.core.speakers import RECENT, Speech


def speak(speech: Speech, who: str, start: float) -> str | None:
    """Let one speak for three seconds, the others saying nothing; return the last change."""
    last = None
    for frame in range(150):
        at = start + frame * 0.02
        level = 90 if frame % 12 else 20
        speech.level(who, level, at)
        last = speech.decide(at) or last
    return last


def test_the_latest_speaker_comes_first_and_the_silent_as_they_came() -> None:
    speech = Speech()
    assert speech.notice() is None
    assert speak(speech, "b", 0.0) == "b"
    assert speak(speech, "a", 10.0) == "a"
    assert speech.order(["x", "a", "b", "y"]) == ("a", "b", "x", "y")
    notice = speech.notice()
    assert notice is not None
    assert (notice.dominant_speaker_endpoint, notice.previous_speakers) == ("a", ("b",))
    assert notice.silence is False


def test_those_who_left_are_forgotten() -> None:
    speech = Speech()
    speak(speech, "a", 0.0)
    speak(speech, "b", 10.0)
    speech.leave("b")
    assert speech.dominant is None
    assert speech.recent == ("a",)
    assert speech.order(["a"]) == ("a",)
    speech.leave("nobody")


def test_clients_are_told_of_a_bounded_number() -> None:
    speech = Speech()
    for number in range(RECENT + 3):
        speak(speech, f"e{number}", number * 10.0)
    notice = speech.notice()
    assert notice is not None
    assert len(notice.previous_speakers or ()) == RECENT
    assert speech.recent[0] == f"e{RECENT + 2}"
