"""Two courses of one workload laid side by side: the simulator's, and what real bridges did.

Sizes are compared in their order, not by the second. Stress is compared bridge by bridge over
time, by rank: which of two idle bridges gets the first call is chance.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = [
    "EACH",
    "Course",
    "Order",
    "Sampled",
    "matching",
    "orders",
    "packets_due",
    "root_mean_square",
    "turns",
]

Sampled = tuple[float, tuple[float, ...]]
"""A moment, and the stress of each bridge, the busiest first."""
EACH = 90.0
"""Packets a second that a synthetic participant sends, and gets from each other."""
TOGETHER = 0.5
"""Seconds within which people join or leave at once."""


@dataclass(frozen=True, slots=True)
class Order:
    """At a moment, a call is to have so many people."""

    at: float
    call: str
    people: int


@dataclass(frozen=True, slots=True)
class Course:
    """What `octofleet simulate course` told."""

    seconds: float
    autoscaling: dict[str, Any]
    joins: tuple[tuple[float, float, str], ...]
    sizes: tuple[int, ...]
    stress: tuple[Sampled, ...]

    @staticmethod
    def read(text: str) -> "Course":
        """Return the course in the command's output."""
        found = json.loads(text)
        return Course(
            float(found["seconds"]),
            dict(found["autoscaling"]),
            tuple((float(a), float(b), str(call)) for a, b, call in found["joins"]),
            tuple(int(size) for _, size in found["sizes"]),
            tuple((float(at), tuple(map(float, levels))) for at, levels in found["stress"]),
        )


def orders(joins: Sequence[tuple[float, float, str]], until: float) -> list[Order]:
    """Return what to ask of the participants, in order, up to a moment."""
    changes = sorted(
        [(joined, call, 1) for joined, _, call in joins]
        + [(left, call, -1) for _, left, call in joins]
    )
    people: dict[str, int] = {}
    found: list[Order] = []
    for at, call, change in changes:
        if at >= until:
            break
        people[call] = people.get(call, 0) + change
        last = found[-1] if found else None
        if last is not None and last.call == call and at - last.at <= TOGETHER:
            found[-1] = Order(last.at, call, people[call])
        else:
            found.append(Order(at, call, people[call]))
    return found


def packets_due(joins: Sequence[tuple[float, float, str]], until: float) -> float:
    """Return how many packets people get by a moment: all that the others of their call send."""
    changes = sorted(
        [(min(joined, until), call, 1) for joined, _, call in joins]
        + [(min(left, until), call, -1) for _, left, call in joins]
    )
    people: dict[str, int] = {}
    due, pairs, before = 0.0, 0, 0.0
    for at, call, change in [*changes, (until, "", 0)]:
        due += EACH * pairs * (at - before)
        before, number = at, people.get(call, 0)
        people[call] = number + change
        pairs += people[call] * (people[call] - 1) - number * (number - 1)
    return due


def turns(sizes: Sequence[int]) -> list[int]:
    """Return the decisions that lead from size to size: by how much each changed it."""
    return [b - a for a, b in pairwise(sizes) if a != b]


def matching(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many decisions are the same in the same order: the longest common subsequence."""
    before = [0] * (len(other) + 1)
    for a in one:
        now = [0]
        for n, b in enumerate(other):
            now.append(before[n] + 1 if a == b else max(before[n + 1], now[n]))
        before = now
    return before[-1]


def root_mean_square(one: Sequence[Sampled], other: Sequence[Sampled]) -> float:
    """Return how far two courses of stress are apart, over all bridges and moments of the first.

    A bridge that only one of them has is compared with an idle one that isn't there. Of the other
    course the look nearest in time counts.
    """
    errors: list[float] = []
    for at, levels in one:
        near = min(other, key=lambda each: abs(each[0] - at), default=(at, ()))[1]
        width = max(len(levels), len(near))
        pairs = zip(_padded(levels, width), _padded(near, width), strict=True)
        errors += [(a - b) ** 2 for a, b in pairs]
    return math.sqrt(sum(errors) / len(errors)) if errors else 0.0


def _padded(levels: Sequence[float], width: int) -> list[float]:
    return sorted((*levels, *[0.0] * (width - len(levels))), reverse=True)
