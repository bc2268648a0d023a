"""Percentiles between two looks at a cumulative histogram."""

from hypothesis import given
from hypothesis import strategies as st

from octoload.delays import percentile

COUNTS = st.lists(st.integers(0, 1000), min_size=5, max_size=5)
BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0)


def test_it_is_the_bound_of_the_bucket_that_the_share_ends_in() -> None:
    after = [(1.0, 98), (2.0, 1), (8.0, 1)]
    assert percentile([], after, 0.98) == 1.0
    assert percentile([], after, 0.99) == 2.0
    assert percentile([], after, 0.995) == 8.0


def test_what_came_before_does_not_count() -> None:
    before = [(1.0, 1000), (8.0, 5)]
    assert percentile(before, [(1.0, 1000), (4.0, 3), (8.0, 5)], 0.5) == 4.0


def test_without_packets_there_is_none() -> None:
    assert percentile([(1.0, 3)], [(1.0, 3)], 0.99) is None


@given(COUNTS, COUNTS, st.floats(0.01, 1))
def test_at_least_the_share_lies_within_and_less_does_in_the_bucket_before(
    first: list[int], more: list[int], share: float
) -> None:
    before = list(zip(BOUNDS, first, strict=True))
    after = [(bound, count + new) for (bound, count), new in zip(before, more, strict=True)]
    found = percentile(before, after, share)
    if found is None:
        assert sum(more) == 0
        return
    at = BOUNDS.index(found)
    assert sum(more[: at + 1]) >= share * sum(more) * (1 - 1e-9)
    assert sum(more[:at]) <= share * sum(more) * (1 + 1e-9)
