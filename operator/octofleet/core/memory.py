"""What a region has learned: what one person costs, how long a bridge takes, how fast people come.

Bounded, frozen, and safe to lose: without it the priors hold. `learning` writes it, `headroom`
reads it, the shell keeps it in a ConfigMap.
"""

from dataclasses import dataclass, field
from typing import Final

__all__ = ["SLOTS", "SLOT_SECONDS", "UNKNOWN", "Cost", "Memory", "Rush"]

SLOT_SECONDS: Final = 600
SLOTS: Final = 7 * 86_400 // SLOT_SECONDS
"""The week in steps of ten minutes, from Monday 0:00 UTC."""
UNKNOWN: Final = -1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The stress of people on one kind of node, as sums of a regression through the origin."""

    kind: str
    people_squared: float = 0.0
    people_stress: float = 0.0
    residual_squared: float = 0.0
    weight: float = 0.0
    """How many readings count, after forgetting."""


@dataclass(frozen=True, slots=True)
class Rush:
    """How many more people there were a little later, over the week."""

    recent: tuple[tuple[float, float], ...] = ()
    """(when, people), one a minute, oldest first: as long as a bridge may take to start."""
    hour: tuple[float, ...] = ()
    """The rises of the last hour, oldest first."""
    week: tuple[float, ...] = (UNKNOWN,) * SLOTS
    """By slot: the greatest rise that began in it, fading from week to week; -1 = unknown."""
    peaks: tuple[float, ...] = (UNKNOWN,) * SLOTS
    """By slot: the most people there were soon after, fading likewise."""
    slot: int = -1
    greatest: float = UNKNOWN
    """The rise in the slot that is being filled."""
    peak: float = UNKNOWN
    """The most people in the slot that is being filled."""


@dataclass(frozen=True, slots=True)
class Memory:
    """All that is learned."""

    costs: tuple[Cost, ...] = ()
    leads: tuple[float, ...] = ()
    """How long the last bridges took from their creation until Jicofo listed them, seconds."""
    awaited: tuple[tuple[str, float], ...] = ()
    """(uid, created) of bridges that are on their way."""
    learned_at: float = 0.0
    rush: Rush = field(default_factory=Rush)
