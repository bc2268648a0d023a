"""What chaos strikes: at random by its seed, everything in turn, and never what can't be borne."""

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from octodemo.chaos import kinds_of, strike_together
from octodemo.strikes import KINDS


@given(st.integers(0, 10_000))
def test_a_seed_repeats_itself_and_nothing_is_forgotten(seed: int) -> None:
    first = list(islice(kinds_of(random.Random(seed)), 30))
    assert first == list(islice(kinds_of(random.Random(seed)), 30))
    for start in range(0, 30, len(KINDS)):
        assert sorted(first[start : start + len(KINDS)]) == sorted(KINDS)


def test_who_lost_their_bridge_can_be_given_another() -> None:
    assert strike_together("bridge", "operator")
    assert strike_together("kubelet", "api-server")
    assert not strike_together("bridge", "focus")
    assert not strike_together("prosody", "bridge")
    assert not strike_together("focus", "focus")
