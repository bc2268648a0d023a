"""Moving whole conferences off a hot bridge of a cool region, by Jicofo's own moves.

A bridge beside a hot one doesn't cool it: Jicofo places only those who join. So where a bridge is
above the threshold and another stays well below it with what would land there, one conference is
moved: of those that are enough to cool the bridge the smallest, else the largest that lands. One at
a time, and the next only after the survivors' readings have settled. Whole, since a part of a
conference on one bridge would come back to it.

With relays a conference may be on several bridges. Then, where no whole one lands, a few people of
the largest are moved at a time: the only way to cool a bridge that is hot with a single meeting.
"""

import math
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
RELAY: Final = 3
"""People whose worth of stress a relay between two bridges may cost each."""
TRIED: Final = 5
"""Conferences looked at a bridge: each look goes through the meetings of the region."""
FEWEST: Final = 2
"""A step of fewer isn't worth a relay."""


def cool(draft: Draft) -> None:
    """Move one conference off the hottest bridge, if that helps and nothing else is moving."""
    if not draft.region.autoscaling.rebalances or not draft.snapshot.cluster.jicofo_reachable:
        return
    if draft.count(DRAINING) and any(isinstance(a, MoveConference) for a in draft.actions):
        return
    last = max((each.bridge.moved_at or 0.0 for each in draft.bridges), default=0.0)
    if draft.now - last < draft.limits.move_settle:
        return
    hot = _hot(draft, last)
    if not hot:
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
    for stress, bridge in hot:
        move = _move(draft, bridge, stress, others, coolest)
        if move is None and bridge.has_relays and all(each.bridge.has_relays for each in staying):
            move = _step(draft, bridge, stress, others, coolest)
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


def _move(
    draft: Draft, bridge: Bridge, stress: float, others: tuple[Survivor, ...], coolest: Survivor
) -> MoveConference | None:
    """Return the whole conference that is enough and lands, wherever Jicofo may put it.

    That is a bridge of the meeting's version; any, where there is no other of that version, since
    a meeting that leaves whole may begin on another.
    """
    aim = draft.limits.stress_threshold - COOL
    one = selection.stress_of_one(bridge, draft.limits)
    enough, most = (stress - aim) / one, (aim - coolest.stress) / one
    if most <= 1:
        return None  # not even one person would land
    held = [each for each in bridge.conferences or () if each.participants]
    if len(held) < 2:
        return None  # all of it would be as hot elsewhere
    fitting = [each for each in held if each.participants < most]
    alike = _alike(draft, bridge)
    for conference in sorted(fitting, key=lambda each: _order(each, enough))[:TRIED]:
        likely = _landing(draft, alike, conference, others) if alike else coolest
        if likely is not None and conference.participants < (aim - likely.stress) / one:
            return MoveConference(bridge.name, conference.id, conference.participants)
    return None


def _step(
    draft: Draft, bridge: Bridge, stress: float, others: tuple[Survivor, ...], coolest: Survivor
) -> MoveConference | None:
    """Return a part of the largest conference, as large as helps and as lands."""
    aim, one = draft.limits.stress_threshold - COOL, selection.stress_of_one(bridge, draft.limits)

    def room(of: Survivor) -> int:
        return int((aim - of.stress) / one) - RELAY

    if room(coolest) < FEWEST:
        return None  # nowhere: said before every meeting of the region is looked through
    held = [each for each in bridge.conferences or () if each.participants]
    if not held:
        return None
    largest = max(held, key=lambda each: (each.participants, each.id))
    there = _landing(draft, _alike(draft, bridge), largest, others)
    if there is None:
        return None
    people = min(draft.limits.move_step, math.ceil((stress - aim) / one), room(there))
    if not FEWEST <= people < largest.participants:
        return None
    return MoveConference(bridge.name, largest.id, people, whole=False)


def _alike(draft: Draft, bridge: Bridge) -> list[Bridge]:
    """Return the other bridges of its version: Jicofo never mixes versions in a meeting."""
    ready = [each.bridge for each in draft.of(READY)]
    return [each for each in ready if each.version == bridge.version and each.name != bridge.name]


def _landing(
    draft: Draft, alike: list[Bridge], conference: Conference, others: tuple[Survivor, ...]
) -> Survivor | None:
    """Return where among `alike` Jicofo puts those who are moved.

    It prefers bridges that the conference has.
    """
    names = {each.name for each in alike}
    on = {
        each.name
        for each in alike
        if any(held.id == conference.id for held in each.conferences or ())
    }
    elsewhere = [each for each in others if each.name in names]
    cool = [each for each in elsewhere if each.stress < draft.limits.stress_threshold]
    joined = [each for each in cool if each.name in on]
    return min(
        joined or cool, key=lambda each: (each.stress, each.participants, each.name), default=None
    )


def _order(conference: Conference, enough: float) -> tuple[bool, float, str]:
    """Return the place in line: the smallest that is enough, then the largest of the others."""
    suffices = conference.participants >= enough
    size = conference.participants if suffices else -conference.participants
    return not suffices, size, conference.id
