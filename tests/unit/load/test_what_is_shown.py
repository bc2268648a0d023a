"""Of many pictures a participant expects those that its bridge says it sends."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire.bridge_channel import ForwardedSources, VideoConstraints, build
from octoload.shown import Shown
from octoload.signalling_media import RemoteSource
from octoload.streams import Wish
from octoload.watching import constraints


def source(number: int, kind: str = "video", muted: bool = False) -> RemoteSource:
    return RemoteSource.model_validate(
        {
            "endpoint_id": f"e{number}",
            "ssrc": number,
            "kind": kind,
            "muted": muted,
            "name": f"e{number}-{kind[0]}0",
        }
    )


def said(*names: str) -> str:
    return build(ForwardedSources(forwarded_sources=names))


def expected(shown: Shown, text: str) -> dict[int, bool]:
    """What is expected after a message: by SSRC, whether it is muted."""
    return {one.ssrc: one.muted for one in shown.heard(text)}


def test_who_wants_everything_expects_everything() -> None:
    shown = Shown(by_bridge=False)
    assert [one.muted for one in shown.replace([source(1), source(2, muted=True)])] == [False, True]
    assert shown.heard(said()) == [], "the bridge's word changes nothing"


def test_pictures_are_expected_once_the_bridge_sends_them_and_voices_always() -> None:
    shown = Shown(by_bridge=True)
    first = shown.replace([source(1), source(2), source(3, "audio")])
    assert {one.ssrc: one.muted for one in first} == {1: True, 2: True, 3: False}
    assert expected(shown, said("e1-v0")) == {1: False, 2: True, 3: False}
    assert expected(shown, said("e2-v0", "e9-v0")) == {1: True, 2: False, 3: False}


def test_a_picture_that_comes_later_waits_for_the_bridge() -> None:
    shown = Shown(by_bridge=True)
    shown.heard(said("e2-v0"))
    assert [one.muted for one in shown.change((), [source(1), source(2)])] == [True, False]
    shown.change((2,), ())
    assert expected(shown, said("e1-v0")) == {1: False}


def test_a_muted_picture_stays_muted_though_it_is_sent() -> None:
    shown = Shown(by_bridge=True)
    shown.replace([source(1, muted=True)])
    assert expected(shown, said("e1-v0")) == {1: True}


@settings(deadline=None)
@given(st.text())
def test_whatever_the_bridge_says_is_taken(text: str) -> None:
    shown = Shown(by_bridge=True)
    shown.replace([source(1)])
    shown.heard(text)
    shown.heard("ForwardedSources" + text)


def test_a_wish_is_said_as_clients_do() -> None:
    asked = constraints(Wish(last_n=9, height=180, stage="teacher-v0"))
    assert (asked.last_n, asked.on_stage_sources) == (9, ("teacher-v0",))
    assert asked.default_constraints == VideoConstraints(max_height=180)
    assert asked.constraints == {"teacher-v0": VideoConstraints(max_height=720)}
    everything = constraints(Wish())
    assert (everything.last_n, everything.on_stage_sources) == (-1, ())
