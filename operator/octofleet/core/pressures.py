"""Sizes from metrics that say that something hurts, but not by how much the fleet is too small.

Pure. Loss and delay have many causes, and a hot bridge doesn't cool by another one beside it: so
each of these asks for one bridge more, waits for it, and looks again. None of them ever asks for
fewer.
"""

__all__ = ["pressure_size", "worst_size"]


def pressure_size(ratio: float, tolerance: float, serving: int, coming: int) -> int:
    """Return the size that a hurting metric asks for; 0 where nothing hurts.

    Args:
        ratio: The metric over its target.
        tolerance: How far above one it may be.
        serving: Bridges that take people, or will.
        coming: Those of them that are on their way: they are waited for.
    """
    if ratio <= 1 + tolerance:
        return 0
    return serving if coming else serving + 1


def worst_size(worst: float, limit: float, ready: int, current: int) -> int | None:
    """Return the size that the busiest bridge asks for, None while it is below its limit."""
    if worst < limit:
        return None
    return current if current > ready else current + 1
