"""The message channel's answers."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octobridge.shell.channel import answer


def test_hello_is_answered_with_hello() -> None:
    reply = answer('{"colibriClass": "ClientHello"}', Counter())
    assert reply is not None
    assert json.loads(reply) == {"colibriClass": "ServerHello"}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("{", "malformed"),
        ("[" * 100_000, "malformed"),
        ("[]", "other"),
        ('{"colibriClass": "EndpointStats"}', "other"),
        ('{"colibriClass": 5}', "other"),
        (b"\x00", "binary"),
    ],
)
def test_everything_else_is_counted_and_not_answered(message: str | bytes, kind: str) -> None:
    kinds: Counter[str] = Counter()
    assert answer(message, kinds) is None
    assert kinds == {kind: 1}


@given(st.text() | st.binary())
def test_no_message_breaks_it(message: str | bytes) -> None:
    answer(message, Counter())
