"""Limits of last-n that grow with a conference: the more are in it, the fewer anyone sees.

Source: JVB `videobridge.cc.conference-last-n-limits`, ConferenceSizeLastNLimits.kt.
"""

from bisect import bisect_right
from collections.abc import Mapping

__all__ = ["SizeLimits", "parse_size_limits"]


class SizeLimits:
    """Last-n by size: the entry of the greatest size not above the conference's own counts.

    Args:
        by_size: From which size on which last-n; empty = no limits.
    """

    def __init__(self, by_size: Mapping[int, int] | None = None) -> None:
        entries = sorted((by_size or {}).items())
        self._sizes = [size for size, _ in entries]
        self._limits = [last_n for _, last_n in entries]

    def of(self, size: int) -> int:
        """Return the last-n of a conference of this size; -1 = no limit."""
        place = bisect_right(self._sizes, size)
        return self._limits[place - 1] if place else -1


def parse_size_limits(text: str) -> tuple[int, int]:
    """Return one entry out of `size:last-n`.

    Raises:
        ValueError: It isn't one.
    """
    size, colon, last_n = text.partition(":")
    if not colon or not (_is_count(size) and _is_count(last_n)) or int(size) == 0:
        raise ValueError(text)
    return int(size), int(last_n)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
