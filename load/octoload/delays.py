"""Percentiles of how long packets took, from an engine's histogram. Pure."""

from collections.abc import Sequence

__all__ = ["Histogram", "percentile"]

Histogram = Sequence[tuple[float, int]]
"""Upper bounds in ms and numbers of packets, ascending, cumulative from some beginning."""


def percentile(before: Histogram, after: Histogram, share: float) -> float | None:
    """Return how long at most this share of the packets took that came between two looks, in ms.

    It is the bound of the bucket they end in, so never too low. None: no packet came.
    """
    earlier = dict(before)
    counts = [(bound, count - earlier.get(bound, 0)) for bound, count in after]
    left = share * sum(count for _, count in counts)
    for bound, count in counts:
        left -= count
        if left <= 0 < count:
            return bound
    return None
