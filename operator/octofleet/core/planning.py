"""From what is and what is wanted to the next safe step.

Pure. A plan is a step, not a journey: the world is looked at anew before the next one, so
nothing here remembers, and carrying a plan out twice does no harm.

The rules that keep calls alive:

* A pod is deleted only when nothing runs in it, or never ran; a bridge is shut down only when
  it drains by its own word and a fresh count says nobody is on it.
* Draining is taken back before a bridge is started.
* A node that is about to go is emptied at once, and what it carried is replaced.
* A bridge that falls again and again is replaced while others serve.
* No bridge is drained while Jicofo can't be asked, nor one about which something isn't known.
* People are moved only off a bridge whose patience is over, one whole conference at a time,
  only where they land without overload.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from octofleet.api.autoscaling import Mode
from octofleet.api.effective import EffectiveRegion
from octofleet.core import (
    addresses,
    draining,
    flapping,
    growing,
    lifecycle,
    rebalancing,
    rollout,
    shrinking,
    vacating,
)
from octofleet.core.actions import Action, DeleteBridge
from octofleet.core.drafts import (
    LEAVING,
    SCALE_IN,
    SERVING,
    Draft,
    Refusal,
    RefusalReason,
)
from octofleet.core.growing import bridge_name
from octofleet.core.limits import limits_of
from octofleet.core.observation import ENDED, BridgeState, Seconds, Snapshot, Timestamp
from octofleet.core.sizing import Decision
from octofleet.core.stages import Stage

__all__ = [
    "SCALE_IN",
    "Plan",
    "Refusal",
    "RefusalReason",
    "bridge_name",
    "plan",
    "with_failed_steps",
    "with_refused_bridges",
]

BUSY: Final = Seconds(5)
QUIET: Final = Seconds(15)


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step."""

    actions: tuple[Action, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    requeue: Seconds = QUIET
    """Look again after so many seconds, if no bell rings before."""
    stage: Stage = field(default_factory=Stage)
    """Where the upgrade of its bridges stands."""


def plan(region: EffectiveRegion, snapshot: Snapshot, decision: Decision, now: Timestamp) -> Plan:
    """Return the next step from the snapshot towards the decided size."""
    limits = limits_of(region.autoscaling)
    known = decision.bridges if decision.at == now else None
    bridges = lifecycle.judged(snapshot, now, limits) if known is None else known
    draft = Draft(region, snapshot, decision, now, limits, bridges)
    stage = Stage()
    # Whatever the mode: a pod that is there waits for nothing else.
    draft.actions += addresses.tell(region.bridge.addresses, snapshot)
    if decision.removing:
        _steer(draft, stage)
    elif region.autoscaling.mode is Mode.PAUSED and region.autoscaling.pauses_growth:
        draft.refuse(RefusalReason.PAUSED, "autoscaling.mode is Paused: nothing is changed")
    elif not snapshot.cluster.exists:
        why = f"JitsiCluster {region.cluster} doesn't exist: nothing is changed"
        draft.refuse(RefusalReason.CLUSTER_NOT_FOUND, why)
    else:
        stage = rollout.assess(draft)
        _steer(draft, stage)
    return Plan(tuple(draft.actions), tuple(draft.refusals), _requeue(draft), stage)


def with_refused_bridges(planned: Plan, why: Iterable[str]) -> Plan:
    """Return the plan with bridges that the API server refused to make as its first refusal."""
    text = "; ".join(why)
    if not text:
        return planned
    refusal = Refusal(RefusalReason.NOT_CREATED, f"the API server refuses bridges: {text}")
    return replace(planned, refusals=(refusal, *planned.refusals))


def with_failed_steps(planned: Plan, why: Iterable[str]) -> Plan:
    """Return the plan with steps that fail over and over as one more refusal."""
    text = "; ".join(why)
    if not text:
        return planned
    refusal = Refusal(RefusalReason.STEP_FAILED, text)
    return replace(planned, refusals=(*planned.refusals, refusal))


def _steer(draft: Draft, stage: Stage) -> None:
    """Take one step towards the size, and those of the drains under way."""
    _clear_ended(draft)
    _clear_outdated(draft, stage)
    lacking = draft.decision.wanted - draft.count(SERVING)
    stayed = vacating.give_back(draft) | rollout.give_back(draft, stage)
    lacking += vacating.vacate(draft) + flapping.relieve(draft) - len(stayed)
    returned = stayed | growing.undrain(draft, lacking)
    lacking -= len(returned - stayed)
    shrinking.retire_broken(draft, growing.ceiling(draft))
    rollout.begin(draft, stage)
    lacking = rollout.expected(draft, stage, lacking)
    if lacking > 0:
        growing.create(draft, lacking - _drained_by_others(draft), stage)
    elif not returned and not rollout.holds(draft, stage):
        shrinking.drain_surplus(draft, stage.outdated)
    rollout.advance(draft, stage)
    draining.follow(draft, returned)
    rebalancing.cool(draft)


def _clear_ended(draft: Draft) -> None:
    """Delete pods in which nothing runs any more; their names come free."""
    for each in draft.bridges:
        bridge = each.bridge
        if bridge.deleting_since is not None:
            continue
        if bridge.pod_phase == "Succeeded":
            draft.actions.append(DeleteBridge(bridge.name, bridge.uid, "it has ended"))
        kept_long_enough = draft.now - bridge.created_at >= draft.limits.failed_retention
        if bridge.pod_phase == "Failed" and kept_long_enough:
            draft.actions.append(DeleteBridge(bridge.name, bridge.uid, "it has failed"))


def _clear_outdated(draft: Draft, stage: Stage) -> None:
    """Delete what never ran and was made from other settings than those that hold now.

    What was wrong with those is why it doesn't run, as often as not. It is made anew once it is
    gone.
    """
    wanted, made = draft.snapshot.config_hash, (None, stage.target, stage.creates)
    for each in draft.bridges:
        bridge = each.bridge
        if each.state not in {BridgeState.PENDING, BridgeState.FAILED}:
            continue
        if stage.wanted is not None and bridge.release not in (None, stage.wanted):
            # What holds now says nothing about how those of an earlier release are made.
            same = bridge.release in made
        else:
            same = wanted is None or bridge.config_hash in (None, wanted)
        if not same and bridge.pod_phase not in ENDED and draft.never_ran(bridge):
            why = "it never ran and its settings have changed"
            draft.actions.append(DeleteBridge(bridge.name, bridge.uid, why))


def _drained_by_others(draft: Draft) -> int:
    """Return how many bridges drain that we didn't ask to.

    They count as there: it may be our own drain, taken back a moment ago and not yet gone from
    the bridge's presence. If they are missed, the load will tell.
    """
    return sum(each.bridge.drain_reason is None for each in draft.of(LEAVING))


def _requeue(draft: Draft) -> Seconds:
    busy = any(each.state is not BridgeState.READY for each in draft.bridges)
    return BUSY if busy or draft.actions or draft.refusals else QUIET
