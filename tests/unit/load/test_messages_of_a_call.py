"""Who should get a call's messages, and who did."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire.bridge_channel import ClientHello, build
from octoload.post import ROUNDS_LIMIT, Post, letter

PEOPLE = ("a", "b", "c")


def test_a_round_is_complete_when_everyone_heard_all_others() -> None:
    post = Post()
    found = post.begin("t1", PEOPLE)
    assert (found.expected, found.received) == (6, 0)
    for sender in PEOPLE:
        for hearer in PEOPLE:
            post.heard(hearer, build(letter("t1", sender)))
    assert (found.received, found.repeated) == (6, 0), "nobody counts its own"
    post.heard("a", build(letter("t1", "b")))
    assert (found.received, found.repeated) == (6, 1)


def test_only_what_belongs_to_the_round_counts() -> None:
    post = Post()
    found = post.begin("t1", PEOPLE)
    for text in (
        build(letter("t0", "b")),
        build(letter("t1", "stranger")),
        build(ClientHello()),
        json.dumps({"colibriClass": "EndpointMessage", "to": "", "octoloadRound": ["t1"]}),
        json.dumps({"octoloadRound": "t1"}),
        "octoloadRound",
    ):
        post.heard("a", text)
    post.heard("stranger", build(letter("t1", "b")))
    assert found.received == 0


def test_old_rounds_are_forgotten() -> None:
    post = Post()
    for number in range(ROUNDS_LIMIT + 5):
        post.begin(str(number), PEOPLE)
    assert post.round("4") is None
    assert post.round("5") is not None


@settings(deadline=None)
@given(st.text())
def test_whatever_a_bridge_says_is_taken(text: str) -> None:
    post = Post()
    post.begin("t", PEOPLE)
    post.heard("a", text)
    post.heard("a", "octoloadRound" + text)
