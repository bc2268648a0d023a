"""Steps that make a fleet smaller: broken bridges first, then whose people land elsewhere."""

from octofleet.api.autoscaling import MetricType
from octofleet.core import selection
from octofleet.core.actions import DeleteBridge, DrainBridge
from octofleet.core.drafts import (
    AILING,
    BROKEN,
    DRAINING,
    LEAVING,
    READY,
    SCALE_IN,
    SERVING,
    Draft,
    RefusalReason,
)
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import UPGRADE
from octofleet.core.observation import ENDED, Bridge, BridgeState
from octofleet.core.selection import Capacity, Choice

__all__ = ["capacity", "drain_surplus", "renew", "retire", "retire_broken"]

S = BridgeState


def retire_broken(draft: Draft, most: int) -> None:
    """Retire broken bridges: all once enough others serve, else what overflows.

    Args:
        draft: The plan so far.
        most: How many bridges there may be, counting broken ones.
    """
    broken = draft.of(BROKEN)
    enough = draft.count(READY) >= draft.decision.wanted
    number = len(broken) if enough else draft.count(SERVING) + len(broken) - most
    known = [each.bridge for each in broken if draft.is_known_empty(each.bridge)]
    for bridge in known[::-1][: max(0, number)]:
        retire(draft, bridge)


def drain_surplus(draft: Draft, outdated: frozenset[str] = frozenset()) -> None:
    """Drain what is too much of those that serve, or will; outdated ones before all others."""
    staying, leaving = draft.staying(), draft.of(DRAINING)
    stays = {id(each) for each in staying}
    leaving += [each for each in draft.of(SERVING) if id(each) not in stays]
    while len(staying) > draft.decision.wanted:
        victim = _victim(draft, staying, leaving, outdated)
        if victim is None:
            return
        staying.remove(victim)
        leaving.append(victim)
        retire(draft, victim.bridge, UPGRADE if victim.bridge.name in outdated else SCALE_IN)


def renew(draft: Draft) -> None:
    """Retire one bridge that never registered, so that a fresh one takes its place.

    What it was started with may be what was wrong with it, and be right by now. The controller
    side must be well, else every bridge would look like that.
    """
    cluster = draft.snapshot.cluster
    under_way = draft.count(LEAVING | {S.STOPPING}) or any(
        isinstance(action, DrainBridge | DeleteBridge) for action in draft.actions
    )
    if under_way or not (cluster.controller_ready and cluster.jicofo_reachable):
        return
    old = [
        each.bridge
        for each in draft.of(AILING)
        if each.state is S.UNREGISTERED
        and draft.now - each.bridge.created_at >= draft.limits.renewal
        and draft.is_known_empty(each.bridge)
    ]
    if old:
        retire(draft, min(old, key=lambda bridge: (bridge.created_at, bridge.name)))


def capacity(draft: Draft) -> Capacity:
    """Return what a bridge may carry without the region having to grow again."""
    scaling = draft.region.autoscaling
    people = [t.value for t in scaling.metrics if t.type is MetricType.PARTICIPANTS]
    room = min(people, default=float("inf")) * (1 + scaling.scale_up.tolerance)
    return Capacity(room, draft.limits.stress_threshold)


def retire(draft: Draft, bridge: Bridge, reason: str = SCALE_IN) -> None:
    """Have a bridge leave: what never ran is deleted, everything else is drained first."""
    if bridge.pod_phase in ENDED or draft.is_deleted(bridge):
        return
    if draft.never_ran(bridge):
        draft.actions.append(DeleteBridge(bridge.name, bridge.uid, "it never ran"))
    else:
        draft.actions.append(DrainBridge(bridge.name, reason))


def _victim(
    draft: Draft,
    staying: list[JudgedBridge],
    leaving: list[JudgedBridge],
    outdated: frozenset[str],
) -> JudgedBridge | None:
    """Return the next bridge to go, or None with the reason noted."""
    surplus = len(staying) - draft.decision.wanted
    if draft.decision.removing:
        return staying[-1]
    all_serve = all(each.state is S.READY for each in staying)
    if all_serve and not draft.snapshot.cluster.jicofo_reachable:
        why = f"{surplus} too many, but Jicofo can't be asked who is where"
        draft.refuse(RefusalReason.JICOFO_UNREACHABLE, why)
        return None
    if draft.decision.wanted == 0:
        # No other can take the people: they are waited for, and nobody is moved.
        return staying[-1]
    serving = [each for each in staying if each.state is S.READY]
    # What Jicofo lost sight of counts towards the size, but must not cost one that it uses.
    spared = serving if len(serving) <= draft.decision.wanted else []
    old = [each for each in staying if each.bridge.name in outdated]
    if old:
        spared = [each for each in staying if each.bridge.name not in outdated]
    spares = {id(each) for each in spared}
    candidates = [each for each in staying if id(each) not in spares]
    room = capacity(draft)
    choice = selection.choose(candidates, leaving, room, draft.now, draft.limits, spared)
    if isinstance(choice, Choice):
        return next(each for each in staying if each.bridge is choice.bridge)
    reason = RefusalReason.UNKNOWN_PEOPLE if choice.unknown else RefusalReason.NO_ROOM
    draft.refuse(reason, f"{surplus} too many, but {choice.because}")
    return None
