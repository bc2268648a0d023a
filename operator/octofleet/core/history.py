"""What scaling remembers: recommendations for the windows, changes for the policies. Bounded.

A recommendation holds until the next one differs, so only changes are kept. When there are too
many, the oldest two become one that is safe for both: the larger size, and the change counted
at the later moment.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from octofleet.api.effective import Pace
from octofleet.core.observation import History, Recommendation, ScaleEvent, Timestamp

__all__ = ["change_within", "recommended_within", "with_recommendation", "with_size"]

KEPT: Final = 60


def recommended_within(history: History, window: float, now: Timestamp) -> tuple[int, ...]:
    """Return the sizes that were recommended at some time in the last `window` seconds."""
    if window <= 0 or not history.recommendations:
        return ()
    recommendations = history.recommendations
    sizes = [a.wanted for a, b in pairwise(recommendations) if b.at > now - window]
    return (*sizes, recommendations[-1].wanted)


def with_recommendation(history: History, wanted: int, keep: float, now: Timestamp) -> History:
    """Return the history with a recommendation made now; older than `keep` seconds is let go."""
    kept = list(history.recommendations)
    if not kept or kept[-1].wanted != wanted:
        kept.append(Recommendation(now, wanted))
    # The last one before the horizon still holds at the horizon.
    while len(kept) > 1 and kept[1].at <= now - keep:
        del kept[0]
    while len(kept) > KEPT:
        kept[:2] = [Recommendation(kept[0].at, max(kept[0].wanted, kept[1].wanted))]
    return replace(history, recommendations=tuple(kept))


def change_within(history: History, period: float, now: Timestamp) -> tuple[int, int]:
    """Return by how many bridges the size grew and shrank in the last `period` seconds."""
    recent = [event.change for event in history.scale_events if event.at > now - period]
    return sum(c for c in recent if c > 0), sum(-c for c in recent if c < 0)


def with_size(history: History, wanted: int, paces: tuple[Pace, ...], now: Timestamp) -> History:
    """Return the history with a size decided now, and its change, if it is one."""
    keep = max((policy.period for pace in paces for policy in pace.policies), default=0.0)
    events = tuple(event for event in history.scale_events if event.at > now - keep)
    if history.desired is not None and history.desired != wanted:
        events = (*events, ScaleEvent(now, wanted - history.desired))
    while len(events) > KEPT:
        events = _joined(events)
    return replace(history, scale_events=events, desired=wanted)


def _joined(events: tuple[ScaleEvent, ...]) -> tuple[ScaleEvent, ...]:
    """Return the events with the oldest two of the more frequent direction made one."""
    grew = sum(event.change > 0 for event in events) > len(events) / 2
    first, second, *_ = [event for event in events if (event.change > 0) is grew]
    joined = ScaleEvent(second.at, first.change + second.change)
    return tuple(joined if event is second else event for event in events if event is not first)
