"""Moving whole conferences off a hot bridge of a cool region, by Jicofo's own moves.

A bridge beside a hot one doesn't cool it: Jicofo places only those who join. So where a bridge is
above the threshold and another stays well below it with what would land there, one conference is
moved: of those that are enough to cool the bridge the smallest, else the largest that lands. One at
a time, and the next only after the survivors' readings have settled. Whole, since a part of a
conference on one bridge would come back to it.
"""

from typing import Final

from octofleet.core import selection
from octofleet.core.actions import MoveConference
from octofleet.core.drafts import DRAINING, READY, Draft
from octofleet.core.observation import Bridge, Conference
from octofleet.core.selection import Survivor

__all__ = ["cool"]

COOL: Final = 0.1
"""A bridge that takes a conference stays this far below the threshold with it, and a hot one is
cooled to this far below."""


def cool(draft: Draft) -> None:
    """Move one conference off the hottest bridge, if that helps and nothing else is moving."""
    if not draft.region.autoscaling.rebalances or not draft.snapshot.cluster.jicofo_reachable:
        return
    if draft.count(DRAINING) and any(isinstance(a, MoveConference) for a in draft.actions):
        return
    last = max((each.bridge.moved_at or 0.0 for each in draft.bridges), default=0.0)
    if draft.now - last < draft.limits.move_settle:
        return
    drained = draft.drained
    staying = [each for each in draft.of(READY) if each.bridge.name not in drained]
    others = selection.survivors(staying, draft.now, draft.limits)
    # Jicofo places what is moved on the least stressed bridge, whether it has room or not.
    coolest = min(
        others, key=lambda each: (each.stress, each.participants, each.name), default=None
    )
    if coolest is None:
        return
    for stress, bridge in _hot(draft, last):
        move = _move(draft, bridge, stress, coolest)
        if move is not None:
            draft.actions.append(move)
            return


def _hot(draft: Draft, moved: float) -> list[tuple[float, Bridge]]:
    """Return the bridges above the threshold by a reading after the last move, hottest first."""
    found: list[tuple[float, Bridge]] = []
    for each in draft.of(READY):
        reading = draft.limits.fresh(each.bridge.stress, draft.now)
        if reading and reading.at > moved and reading.value >= draft.limits.stress_threshold:
            found.append((reading.value, each.bridge))
    return sorted(found, key=lambda each: (-each[0], each[1].name))


def _move(draft: Draft, bridge: Bridge, stress: float, coolest: Survivor) -> MoveConference | None:
    aim = draft.limits.stress_threshold - COOL
    one = selection.stress_of_one(bridge, draft.limits)
    enough, most = (stress - aim) / one, (aim - coolest.stress) / one
    if most <= 1:
        return None  # not even one person would land
    held = [each for each in bridge.conferences or () if each.participants]
    if len(held) < 2:
        return None  # all of it would be as hot elsewhere
    landing = [each for each in held if each.participants < most]
    if not landing:
        return None
    chosen = min(landing, key=lambda each: _order(each, enough))
    return MoveConference(bridge.name, chosen.id, chosen.participants)


def _order(conference: Conference, enough: float) -> tuple[bool, float, str]:
    """Return the place in line: the smallest that is enough, then the largest of the others."""
    suffices = conference.participants >= enough
    size = conference.participants if suffices else -conference.participants
    return not suffices, size, conference.id
