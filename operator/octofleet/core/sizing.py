"""How many bridges a region should have, and why.

Pure, and as the controller of autoscaling/v2 goes about it: the metric that wants most wins; if
one can't tell, nothing shrinks; a window smooths what was recommended; policies bound the pace;
the bounds come last. `Decision` carries every step, so that a person can be told.

Mode External obeys spec.replicas as it stands, without minBridges and maxBridges: whoever
writes it has bounds of their own. Recommend does the same and says what Auto would do.

Source: Kubernetes, pkg/controller/podautoscaler/horizontal.go.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from octofleet.api.autoscaling import Mode, PolicyType, SelectPolicy
from octofleet.api.effective import Autoscaling, EffectiveRegion, Pace, PolicyLimit
from octofleet.core import history as histories
from octofleet.core import learning, lifecycle, limits, reserves, signals
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.observation import BridgeState, History, Snapshot, Timestamp

__all__ = ["Decision", "LimitedBy", "decide", "decide_removal", "serving_or_coming"]

S = BridgeState


class LimitedBy(StrEnum):
    """What kept the size from the one that the metrics asked for."""

    MAX_BRIDGES = "MaxBridges"
    MIN_BRIDGES = "MinBridges"
    SCALE_UP_WINDOW = "ScaleUpWindow"
    SCALE_DOWN_WINDOW = "ScaleDownWindow"
    SCALE_UP_POLICY = "ScaleUpPolicy"
    SCALE_DOWN_POLICY = "ScaleDownPolicy"
    MISSING_METRICS = "MissingMetrics"


@dataclass(frozen=True, slots=True)
class Decision:
    """A size and how it came about."""

    at: Timestamp
    mode: Mode
    current: int
    """The size before."""
    wanted: int
    """The size to steer to."""
    recommended: int | None = None
    """What Auto asks for; in other modes it needn't be what is wanted."""
    winner: str | None = None
    """The metric, or the field, that decided."""
    terms: tuple[signals.Term, ...] = ()
    limited_by: LimitedBy | None = None
    held_because: str | None = None
    """Why the region doesn't shrink although it might."""
    removing: bool = False
    """The region is being deleted: its bridges go as their people leave."""
    message: str = ""
    history: History = field(default_factory=History)
    """To be kept until the next decision."""
    bridges: tuple[JudgedBridge, ...] | None = field(default=None, repr=False, compare=False)
    """The bridges with their states, as they were judged at `at`."""


@dataclass(frozen=True, slots=True)
class _Size:
    """A size on its way through the steps."""

    size: int
    limited_by: LimitedBy | None = None

    def to(self, size: int, reason: LimitedBy) -> "_Size":
        return self if size == self.size else _Size(size, reason)


def decide(region: EffectiveRegion, snapshot: Snapshot, now: Timestamp) -> Decision:
    """Return the size to steer to."""
    bounds = limits.limits_of(region.autoscaling)
    bridges = lifecycle.judged(snapshot, now, bounds)
    if region.autoscaling.headroom is not None:
        memory = learning.learned(snapshot.history.memory, snapshot, bridges, now, bounds)
        snapshot = replace(snapshot, history=replace(snapshot.history, memory=memory))
    current = _current_size(region, snapshot.history, bridges)
    terms = (
        *signals.terms(region.autoscaling, bridges, current, now, bounds),
        *reserves.terms(region, snapshot, bridges, now, bounds),
    )
    automatic = _automatic(region.autoscaling, snapshot, terms, current, now)
    decision = _by_mode(region, snapshot, automatic)
    paces = (region.autoscaling.scale_up, region.autoscaling.scale_down)
    kept = histories.with_size(decision.history, decision.wanted, paces, now)
    return replace(decision, history=kept, message=_message(decision), bridges=bridges)


def decide_removal(snapshot: Snapshot, mode: Mode, now: Timestamp) -> Decision:
    """Return the decision for a region that is being deleted: no bridge, once all are empty."""
    size = snapshot.history.desired or 0
    why = "the region is being deleted"
    kept = replace(snapshot.history, desired=0)
    return Decision(now, mode, size, 0, winner="deletion", removing=True, message=why, history=kept)


def serving_or_coming(bridges: tuple[JudgedBridge, ...]) -> int:
    """Return how many bridges carry people or will soon: what counts towards the size."""
    counted = {S.PENDING, S.STARTING, S.READY}
    return sum(each.state in counted for each in bridges)


def _current_size(
    region: EffectiveRegion, history: History, bridges: tuple[JudgedBridge, ...]
) -> int:
    """Return the size as last decided; without a memory, the bridges that are there."""
    if region.autoscaling.mode in {Mode.EXTERNAL, Mode.RECOMMEND}:
        return region.replicas
    return serving_or_coming(bridges) if history.desired is None else history.desired


def _automatic(
    scaling: Autoscaling,
    snapshot: Snapshot,
    terms: tuple[signals.Term, ...],
    current: int,
    now: Timestamp,
) -> Decision:
    """Return what Auto decides."""
    start = Decision(now, Mode.AUTO, current, current, current, terms=terms)
    start = replace(start, history=_begun(snapshot.history, current, now))
    if current > scaling.max_bridges:
        return _bounded(start, scaling.max_bridges, "maxBridges", LimitedBy.MAX_BRIDGES)
    if current < scaling.min_bridges:
        return _bounded(start, scaling.min_bridges, "minBridges", LimitedBy.MIN_BRIDGES)
    asked = [term for term in terms if term.proposal is not None]
    if not asked:
        return _held(start, "no metric can be told")
    winner = max(asked, key=lambda term: term.proposal or 0)
    proposal = winner.proposal or 0
    if proposal < current and (why := _blind(terms, snapshot)):
        return replace(_held(start, why), winner=winner.type)
    return _paced(replace(start, winner=winner.type), proposal, scaling, now)


def _begun(history: History, current: int, now: Timestamp) -> History:
    """Return the history with, at its very start, the size that was found."""
    if history.recommendations:
        return history
    return histories.with_recommendation(history, current, 0, now)


def _bounded(start: Decision, size: int, winner: str, reason: LimitedBy) -> Decision:
    return replace(start, recommended=size, wanted=size, winner=winner, limited_by=reason)


def _held(start: Decision, why: str) -> Decision:
    return replace(start, held_because=why, limited_by=LimitedBy.MISSING_METRICS)


def _blind(terms: tuple[signals.Term, ...], snapshot: Snapshot) -> str | None:
    """Return why it is too dark to shrink, or None."""
    if not snapshot.cluster.jicofo_reachable:
        return "Jicofo can't be asked"
    untold = [term for term in terms if term.proposal is None]
    return f"{untold[0].type}: {untold[0].message}" if untold else None


def _paced(decision: Decision, proposal: int, scaling: Autoscaling, now: Timestamp) -> Decision:
    """Return the decision after windows, policies and bounds."""
    kept = decision.history
    keep = max(scaling.scale_up.window, scaling.scale_down.window)
    size = _stabilised(proposal, decision.current, scaling, kept, now)
    size = _within_policies(size, decision.current, scaling, kept, now)
    size = size.to(min(size.size, scaling.max_bridges), LimitedBy.MAX_BRIDGES)
    size = size.to(max(size.size, scaling.min_bridges), LimitedBy.MIN_BRIDGES)
    return replace(
        decision,
        recommended=size.size,
        wanted=size.size,
        limited_by=size.limited_by,
        history=histories.with_recommendation(kept, proposal, keep, now),
    )


def _stabilised(
    proposal: int, current: int, scaling: Autoscaling, history: History, now: Timestamp
) -> _Size:
    """Return the size between the lowest growth and the highest shrinking of the windows."""
    up = histories.recommended_within(history, scaling.scale_up.window, now)
    down = histories.recommended_within(history, scaling.scale_down.window, now)
    lowest, highest = min((proposal, *up)), max((proposal, *down))
    size = min(max(current, lowest), highest)
    grows = proposal > current
    return _Size(proposal).to(
        size, LimitedBy.SCALE_UP_WINDOW if grows else LimitedBy.SCALE_DOWN_WINDOW
    )


def _within_policies(
    size: _Size, current: int, scaling: Autoscaling, history: History, now: Timestamp
) -> _Size:
    if size.size > current:
        most = max(current, _growth_limit(scaling.scale_up, current, history, now))
        return size.to(min(size.size, most), LimitedBy.SCALE_UP_POLICY)
    if size.size < current:
        least = min(current, _shrink_limit(scaling.scale_down, current, history, now))
        return size.to(max(size.size, least), LimitedBy.SCALE_DOWN_POLICY)
    return size


def _growth_limit(pace: Pace, current: int, history: History, now: Timestamp) -> int:
    if pace.select is SelectPolicy.DISABLED or not pace.policies:
        return current
    proposals = [_grown(p, _period_start(p, current, history, now)) for p in pace.policies]
    return min(proposals) if pace.select is SelectPolicy.MIN else max(proposals)


def _shrink_limit(pace: Pace, current: int, history: History, now: Timestamp) -> int:
    if pace.select is SelectPolicy.DISABLED or not pace.policies:
        return current
    proposals = [_shrunk(p, _period_start(p, current, history, now)) for p in pace.policies]
    return max(proposals) if pace.select is SelectPolicy.MIN else min(proposals)


def _period_start(policy: PolicyLimit, current: int, history: History, now: Timestamp) -> int:
    """Return the size at the start of a policy's period."""
    grown, shrunk = histories.change_within(history, policy.period, now)
    return max(0, current - grown + shrunk)


def _grown(policy: PolicyLimit, size: int) -> int:
    if policy.type is PolicyType.BRIDGES:
        return size + policy.value
    return -(-size * (100 + policy.value) // 100)


def _shrunk(policy: PolicyLimit, size: int) -> int:
    if policy.type is PolicyType.BRIDGES:
        return max(0, size - policy.value)
    return max(0, size * (100 - policy.value) // 100)


def _by_mode(region: EffectiveRegion, snapshot: Snapshot, automatic: Decision) -> Decision:
    """Return what the region's mode makes of it."""
    mode = region.autoscaling.mode
    decision = replace(automatic, mode=mode)
    if not snapshot.cluster.exists:
        why = f"JitsiCluster {region.cluster} doesn't exist"
        unknown = replace(decision, recommended=None, winner=None, limited_by=None)
        return replace(unknown, wanted=decision.current, held_because=why)
    if mode is Mode.AUTO:
        return decision
    if mode is Mode.PAUSED and not region.autoscaling.pauses_growth:
        if decision.wanted >= decision.current:
            return decision
        return replace(decision, wanted=decision.current, winner="autoscaling.paused")
    if mode is Mode.PAUSED:
        return replace(decision, wanted=decision.current, winner="autoscaling.mode")
    return replace(decision, wanted=region.replicas, winner="spec.replicas")


def _message(decision: Decision) -> str:
    told = "; ".join(
        f"{term.type}: {term.message}"
        + (f" asks for {term.proposal}" if term.proposal is not None else "")
        for term in decision.terms
    )
    size = f"{decision.wanted} wanted by {decision.winner}" if decision.winner else "held"
    if decision.mode is Mode.RECOMMEND:
        size += f", {decision.recommended} recommended"
    if decision.limited_by is not None:
        size += f", limited by {decision.limited_by}"
    if decision.held_because is not None:
        size += f" (held at {decision.wanted}: {decision.held_because})"
    return f"{size}. {told}" if told else size
