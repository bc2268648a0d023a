"""Moving whole conferences off a hot bridge of a cool region, by Jicofo's own moves.

A bridge beside a hot one doesn't cool it: Jicofo places only those who join. So where a bridge is
above the threshold and another stays well below it with what would land there, one conference is
moved: of those that are enough to cool the bridge the smallest, else the largest that lands. One at
a time, and the next only after the survivors' readings have settled. Whole, since a part of a
conference on one bridge would come back to it.
"""

from typing import Final

from octofleet.core import selection
from octofleet.core.actions import DrainBridge, MoveConference
from octofleet.core.drafts import DRAINING, READY, Draft
from octofleet.core.observation import Bridge, Conference
from octofleet.core.selection import Capacity, Survivor

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
    for bridge in _hot(draft, last):
        move = _move(draft, bridge)
        if move is not None:
            draft.actions.append(move)
            return


def _hot(draft: Draft, moved: float) -> list[Bridge]:
    """Return the bridges above the threshold by a reading after the last move, hottest first."""
    found: list[tuple[float, Bridge]] = []
    for each in draft.of(READY):
        reading = draft.limits.fresh(each.bridge.stress, draft.now)
        if reading and reading.at > moved and reading.value >= draft.limits.stress_threshold:
            found.append((reading.value, each.bridge))
    return [bridge for _, bridge in sorted(found, key=lambda each: (-each[0], each[1].name))]


def _move(draft: Draft, bridge: Bridge) -> MoveConference | None:
    stress = draft.limits.fresh(bridge.stress, draft.now)
    people = draft.limits.fresh(bridge.participants, draft.now)
    if stress is None or people is None or people.value < 1:
        return None
    one = selection.stress_of_one(bridge, draft.limits)
    excess = stress.value - (draft.limits.stress_threshold - COOL)
    held = [each for each in bridge.conferences or () if each.participants]
    if len(held) < 2:
        return None  # all of it would be as hot elsewhere
    for conference in sorted(held, key=lambda each: _order(each, excess / one)):
        if _lands(draft, bridge, conference, one):
            return MoveConference(bridge.name, conference.id, conference.participants)
    return None


def _order(conference: Conference, enough: float) -> tuple[bool, float, str]:
    """Return the place in line: the smallest that is enough, then the largest of the others."""
    suffices = conference.participants >= enough
    size = conference.participants if suffices else -conference.participants
    return not suffices, size, conference.id


def _lands(draft: Draft, bridge: Bridge, conference: Conference, one: float) -> bool:
    drained = {each.name for each in draft.actions if isinstance(each, DrainBridge)}
    staying = [
        each
        for each in draft.of(READY)
        if each.bridge.name not in drained and each.bridge is not bridge
    ]
    others: tuple[Survivor, ...] = selection.survivors(staying, draft.now, draft.limits)
    room = Capacity(float("inf"), draft.limits.stress_threshold - COOL)
    return selection.landing(conference, others, room, one) is not None
