"""What chaos strikes: at random by its seed, everything in turn, and never what can't be borne."""

import random
from itertools import chain, islice

from hypothesis import given
from hypothesis import strategies as st

from octodemo.chaos import rounds_of, strike_together
from octodemo.strikes import KINDS


@given(st.integers(0, 10_000))
def test_a_seed_repeats_itself_and_nothing_is_forgotten(seed: int) -> None:
    rounds = list(islice(rounds_of(random.Random(seed)), 30))
    assert rounds == list(islice(rounds_of(random.Random(seed)), 30))
    struck = list(chain.from_iterable(rounds))
    for start in range(0, len(struck) - len(KINDS), len(KINDS)):
        assert sorted(struck[start : start + len(KINDS)]) == sorted(KINDS)


@given(st.integers(0, 10_000))
def test_two_at_once_are_two_that_may_be(seed: int) -> None:
    pairs = [each for each in islice(rounds_of(random.Random(seed)), 100) if len(each) > 1]
    assert pairs
    assert all(strike_together(*pair) for pair in pairs)


def test_who_lost_their_bridge_can_be_given_another() -> None:
    assert strike_together("bridge", "operator")
    assert strike_together("kubelet", "api-server")
    assert not strike_together("bridge", "focus")
    assert not strike_together("prosody", "bridge")
    assert not strike_together("focus", "focus")


def test_no_bridge_is_killed_where_nothing_can_be() -> None:
    assert not strike_together("bridge", "kubelet")
