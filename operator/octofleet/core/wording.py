"""Lists in messages for people, of bounded length."""

from collections.abc import Sequence

__all__ = ["first_of"]


def first_of(texts: Sequence[str], most: int) -> str:
    """Return the first few of some texts in their order, and how many more there are."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
