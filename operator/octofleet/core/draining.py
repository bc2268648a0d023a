"""Steps of drains under way: asked for again, people moved, the empty shut down."""

from octofleet.core import lifecycle, selection, shrinking
from octofleet.core.actions import DrainBridge, MoveConference, ShutDownBridge
from octofleet.core.drafts import LEAVING, READY, SCALE_IN, Draft, RefusalReason
from octofleet.core.observation import Bridge, BridgeState, Conference
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
    _move(draft, [each.bridge for each in ours if each.state is S.EVACUATING])


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
    """Move one conference: the smallest that lands, off a bridge whose patience is over."""
    meetings = _meetings([bridge for bridge in evacuating if bridge.draining is True])
    if not meetings or _is_settling(draft) or not draft.snapshot.cluster.jicofo_reachable:
        return
    staying = draft.staying(READY)
    for conference, bridge in meetings:
        others = selection.survivors(staying, draft.now, draft.limits)
        one = selection.stress_of_one(bridge, draft.limits)
        if selection.landing(conference, others, _capacity(draft, bridge), one) is not None:
            move = MoveConference(bridge.name, conference.id, conference.participants)
            draft.actions.append(move)
            return
    names = ", ".join(sorted({bridge.name for _, bridge in meetings}))
    why = f"the people on {names} should be moved, but the others have no room for them"
    draft.refuse(RefusalReason.NO_ROOM, why)


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
    """Return what others may carry: past the deadline all that is no overload."""
    since = bridge.draining_since
    deadline = draft.limits.deadline_for(bridge.drain_reason)
    if since is not None and draft.now - since >= deadline:
        return Capacity(float("inf"), draft.limits.stress_threshold)
    return shrinking.capacity(draft)
