"""A region's memory as text for its status, and back: what a restart of the operator keeps.

Written when a slot of the week is filed, every ten minutes, so that it isn't a change of its own
at every look. Reading is total: what isn't understood is forgotten, and the priors hold.
"""

import json
import math
from typing import Any, Final, cast

from octofleet.core.memory import SLOTS, UNKNOWN, Cost, Memory, Rush

__all__ = ["LONGEST", "recalled", "written"]

LONGEST: Final = 20_000
"""Characters; it is about five thousand."""
KINDS: Final = 16
LEADS: Final = 20


def written(memory: Memory, before: str) -> str:
    """Return the text to keep: the one before while its slot of the week lasts."""
    slot = memory.rush.slot
    if memory == Memory() or (before and _slot(before) == slot):
        return before
    week = ",".join("" if rise == UNKNOWN else f"{rise:g}" for rise in memory.rush.week)
    found = {
        "slot": slot,
        "at": round(memory.learned_at),
        "leads": [round(each, 1) for each in memory.leads],
        "costs": [_numbers(each) for each in memory.costs[:KINDS]],
        "week": week,
    }
    text = json.dumps(found, separators=(",", ":"))
    return text if len(text) <= LONGEST else before


def recalled(text: str) -> Memory:
    """Return the memory in a text; an empty one where it isn't understood."""
    try:
        found = cast(dict[str, Any], json.loads(text))
        return _memory(found) if isinstance(found, dict) else Memory()  # pyright: ignore[reportUnnecessaryIsInstance] - it is what somebody wrote
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return Memory()


def _memory(found: dict[str, Any]) -> Memory:
    rises = str(found["week"]).split(",")
    if len(rises) != SLOTS:
        return Memory()
    week = tuple(UNKNOWN if not rise else _positive(rise) for rise in rises)
    return Memory(
        costs=tuple(
            Cost(str(kind)[:64], *(_positive(each) for each in sums))
            for kind, *sums in found["costs"][:KINDS]
        ),
        leads=tuple(_positive(each) for each in found["leads"][-LEADS:]),
        learned_at=_positive(found["at"]),
        rush=Rush(week=week),
    )


def _positive(value: object) -> float:
    number = float(str(value))
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"not a figure: {value!r}")
    return number


def _numbers(cost: Cost) -> list[object]:
    sums = (cost.people_squared, cost.people_stress, cost.residual_squared, cost.weight)
    return [cost.kind, *(round(each, 6) for each in sums)]


def _slot(text: str) -> int | None:
    try:
        return int(cast(dict[str, Any], json.loads(text))["slot"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
