"""The load reducer, limits of last-n by size, and the pace of clients."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octobridge.core.limits import SizeLimits, parse_size_limits
from octobridge.core.load_reducer import UNLIMITED, LoadReducer, Reduction
from octobridge.core.pacing import Bucket, Inbox

MANY = Bucket(1_000, 1_000)


def test_overload_lowers_last_n_below_what_anyone_gets_and_waits_for_the_effect() -> None:
    reducer = LoadReducer(Reduction())
    assert reducer.observe(1.0, 20, now=0.0)
    assert reducer.last_n == 15
    assert not reducer.observe(1.2, 15, now=59.0)
    assert reducer.observe(1.2, 15, now=60.0)
    assert reducer.last_n == 11
    assert reducer.reductions == 2


def test_between_the_thresholds_nothing_happens() -> None:
    reducer = LoadReducer(Reduction())
    reducer.observe(1.0, 20, now=0.0)
    assert not reducer.observe(0.9, 15, now=1000.0)
    assert reducer.last_n == 15


def test_room_raises_last_n_in_steps_until_the_limit_goes() -> None:
    reducer = LoadReducer(Reduction())
    reducer.observe(1.0, 2, now=0.0)
    seen = [reducer.last_n]
    for minute in range(1, 30):
        reducer.observe(0.1, 1, now=minute * 60.0)
        seen.append(reducer.last_n)
    assert seen[:5] == [1, 2, 3, 4, 5]
    assert seen[-1] == UNLIMITED
    assert max(seen) < Reduction().lifted_at


def test_a_bridge_that_sends_no_video_is_not_limited() -> None:
    reducer = LoadReducer(Reduction())
    assert not reducer.observe(2.0, 0, now=0.0)
    assert reducer.last_n == UNLIMITED


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(0, 100), st.floats(0, 90)), min_size=1, max_size=60
    )
)
def test_load_never_raises_a_limit_nor_room_lowers_it(
    course: list[tuple[float, int, float]],
) -> None:
    reducer, now = LoadReducer(Reduction()), 0.0
    for stress, most, later in course:
        now += later
        before = reducer.last_n
        changed = reducer.observe(stress, most, now)
        assert changed == (before != reducer.last_n)
        if changed and stress >= 1.0:
            assert reducer.last_n >= 1
            assert before == UNLIMITED or reducer.last_n < before
        elif changed:
            assert stress < 0.8
            assert reducer.last_n == UNLIMITED or reducer.last_n > before > 0


def test_the_size_decides_by_the_entry_below_it() -> None:
    limits = SizeLimits({20: 10, 50: 5})
    assert [limits.of(size) for size in (1, 19, 20, 49, 50, 1000)] == [-1, -1, 10, 10, 5, 5]
    assert SizeLimits().of(1000) == -1


@pytest.mark.parametrize(
    "text", ["", "20", "20:", ":5", "a:b", "-1:5", "20:-1", "0:1", "1:9999999"]
)
def test_a_bad_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        parse_size_limits(text)


def test_a_good_entry_is_read() -> None:
    assert parse_size_limits("20:10") == (20, 10)


def test_an_inbox_takes_a_burst_then_its_rate() -> None:
    inbox = Inbox(Bucket(10, 20), Bucket(1_000_000, 1_000_000), MANY)
    assert sum(inbox.admits(10, 0.0) for _ in range(100)) == 20
    assert sum(inbox.admits(10, 1.0) for _ in range(100)) == 10
    assert sum(inbox.admits(10, 1000.0) for _ in range(100)) == 20


def test_an_inbox_bounds_size_too_and_what_is_refused_costs_nothing() -> None:
    inbox = Inbox(Bucket(10, 20), Bucket(100, 100), MANY)
    assert not inbox.admits(101, 0.0)
    assert inbox.admits(100, 0.0)
    assert not inbox.admits(1, 0.0)
    assert inbox.admits(100, 1.0)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    inbox = Inbox(Bucket(10, 1), Bucket(100, 100), MANY)
    assert inbox.admits(1, 10.0)
    assert not inbox.admits(1, 5.0)
