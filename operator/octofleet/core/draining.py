"""Steps of drains under way: asked for again, people moved, the empty shut down.

Also of bridges whose pods somebody deleted: they drain by themselves.
"""

from dataclasses import replace

from octofleet.core import lifecycle, selection, shrinking
from octofleet.core.actions import DrainBridge, MoveConference, ShutDownBridge
from octofleet.core.drafts import LEAVING, READY, SCALE_IN, Draft, RefusalReason
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.observation import ENDED, Bridge, BridgeState, Conference
from octofleet.core.selection import Capacity

__all__ = ["follow"]

S = BridgeState


def follow(draft: Draft, returned: set[str]) -> None:
    """Go on with every drain that is ours, but for those just taken back."""
    leaving = [each for each in draft.of(LEAVING) if each.bridge.name not in returned]
    ours = [each for each in leaving if each.bridge.drain_reason is not None]
    for each in ours:
        bridge = each.bridge
        if bridge.draining is not True:
            draft.actions.append(DrainBridge(bridge.name, bridge.drain_reason or ""))
        elif each.state is S.EMPTY:
            draft.actions.append(ShutDownBridge(bridge.name))
    _repeat_shutdowns(draft)
    _move(draft, [each.bridge for each in ours if each.state is S.EVACUATING] + _doomed(draft))


def _doomed(draft: Draft) -> list[Bridge]:
    """Return the bridges whose pods somebody deleted, as soon as their people should be moved.

    Such a bridge drains by itself and is killed when its grace is over. So the patience is at
    most what leaves as much time for moves as a drain of ours has.
    """
    patience, deadline = draft.limits.patience, draft.limits.deadline
    if patience is None:
        return []
    found: list[Bridge] = []
    for each in draft.of(frozenset({S.STOPPING})):
        since, end = each.bridge.deleting_since, each.bridge.killed_at
        if since is None or end is None or each.bridge.pod_phase in ENDED:
            continue
        if draft.now >= min(since + patience, max(since, end - (deadline - patience))):
            found.append(each.bridge)
    return found


def _repeat_shutdowns(draft: Draft) -> None:
    """Ask again where a shutdown was asked for and the bridge shows no sign of it."""
    for each in draft.of(frozenset({S.STOPPING})):
        bridge, sent = each.bridge, each.bridge.shutdown_sent_at
        if sent is None or bridge.shutting_down is not False or bridge.pod_phase != "Running":
            continue
        if bridge.draining is False:
            # It restarted instead of ending, and forgot that it was to go.
            draft.actions.append(DrainBridge(bridge.name, bridge.drain_reason or SCALE_IN))
            continue
        overdue = draft.now - sent >= draft.limits.shutdown_retry
        if overdue and lifecycle.is_empty(bridge, draft.now, draft.limits):
            draft.actions.append(ShutDownBridge(bridge.name))


def _move(draft: Draft, evacuating: list[Bridge]) -> None:
    """Move one conference, or a step of it: the smallest that lands, off a bridge out of patience.

    With relays a conference may be on several bridges, so that people follow one another in steps
    and the rest of the meeting hears nothing of it. That needs a bridge of their version to go to.
    """
    meetings = _meetings([bridge for bridge in evacuating if bridge.draining is True])
    if not meetings or _is_settling(draft) or not draft.snapshot.cluster.jicofo_reachable:
        return
    staying = draft.staying(READY)
    linked = bool(staying) and all(each.bridge.has_relays for each in staying)
    for conference, bridge in meetings:
        one = selection.stress_of_one(bridge, draft.limits)
        alike = [each for each in staying if each.bridge.version == bridge.version]
        in_steps = linked and bridge.has_relays and bool(alike)
        if in_steps:
            takers = alike
        else:
            takers = staying if alike else _rest_of(draft, conference, bridge) or staying
        others = selection.survivors(takers, draft.now, draft.limits)
        for people in _steps(conference, draft, steps=in_steps):
            part = replace(conference, participants=people)
            if selection.landing(part, others, _capacity(draft, bridge), one) is not None:
                whole = people == conference.participants
                draft.actions.append(MoveConference(bridge.name, conference.id, people, whole))
                return
    names = ", ".join(sorted({bridge.name for _, bridge in meetings}))
    why = f"the people on {names} should be moved, but the others have no room for them"
    draft.refuse(RefusalReason.NO_ROOM, why)


def _rest_of(draft: Draft, conference: Conference, bridge: Bridge) -> list[JudgedBridge]:
    """Return the other bridges that a conference has people on.

    Jicofo never mixes versions in a meeting: where only bridges of another one stay, those who
    leave one of its bridges come to these, and the last of them it leaves whole.
    """
    return [
        JudgedBridge(each.bridge, S.READY)
        for each in draft.bridges
        if each.bridge is not bridge
        and any(c.id == conference.id and c.participants for c in each.bridge.conferences or ())
    ]


def _steps(conference: Conference, draft: Draft, *, steps: bool) -> tuple[int, ...]:
    """Return how many to try to move at once, the most first."""
    people = conference.participants
    if not steps:
        return (people,)
    most = min(people, draft.limits.move_step)
    return tuple(dict.fromkeys((most, max(1, most // 3), 1)))


def _meetings(bridges: list[Bridge]) -> list[tuple[Conference, Bridge]]:
    """Return the conferences with people, the smallest first."""
    pairs = [(c, bridge) for bridge in bridges for c in bridge.conferences or ()]
    held = [pair for pair in pairs if pair[0].participants > 0]
    return sorted(held, key=lambda pair: (pair[0].participants, pair[0].id))


def _is_settling(draft: Draft) -> bool:
    """Tell whether the effect of the last move hasn't been seen yet."""
    last = max((each.bridge.moved_at or 0.0 for each in draft.bridges), default=0.0)
    return draft.now - last < draft.limits.move_settle


def _capacity(draft: Draft, bridge: Bridge) -> Capacity:
    """Return what others may carry: all that is no overload, past the deadline or a deletion."""
    since, deadline = bridge.draining_since, draft.limits.deadline_for(bridge.drain_reason)
    overdue = since is not None and draft.now - since >= deadline
    if overdue or bridge.killed_at is not None:
        return Capacity(float("inf"), draft.limits.stress_threshold)
    return shrinking.capacity(draft)
