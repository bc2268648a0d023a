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
    found = {
        "slot": slot,
        "at": round(memory.learned_at),
        "leads": [round(each, 1) for each in memory.leads],
        "costs": [_numbers(each) for each in memory.costs[:KINDS]],
        "week": _line(memory.rush.week),
        "peaks": _line(memory.rush.peaks),
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
    return Memory(
        costs=tuple(
            Cost(str(kind)[:64], *(_positive(each) for each in sums))
            for kind, *sums in found["costs"][:KINDS]
        ),
        leads=tuple(_positive(each) for each in found["leads"][-LEADS:]),
        learned_at=_positive(found["at"]),
        rush=Rush(week=_week(found["week"]), peaks=_week(found["peaks"])),
    )


def _line(week: tuple[float, ...]) -> str:
    return ",".join("" if value == UNKNOWN else f"{value:g}" for value in week)


def _week(line: object) -> tuple[float, ...]:
    values = str(line).split(",")
    if len(values) != SLOTS:
        raise ValueError(f"{len(values)} slots are no week")
    return tuple(UNKNOWN if not value else _positive(value) for value in values)


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
