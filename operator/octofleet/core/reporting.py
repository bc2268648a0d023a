"""Status of both resources, from what was seen, decided and planned; and back into memory.

Pure. `region_status` writes what `history_of` reads after a restart of the operator.
"""

from typing import Final

from octofleet.api.effective import EffectiveCluster, EffectiveRegion
from octofleet.api.quantities import moment, moment_text, number_text
from octofleet.api.status import (
    BRIDGES_SHOWN,
    BridgeStatus,
    ClusterStatus,
    DecisionStatus,
    FailedReleaseStatus,
    FallStatus,
    HistoryStatus,
    RecommendationStatus,
    RefusalStatus,
    RegionStatus,
    RolloutStatus,
    ScaleEventStatus,
    TermStatus,
)
from octofleet.core import addresses, clusterwide, diagnosis, lifecycle, links, remembering
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import with_verdicts
from octofleet.core.diagnosis import Findings
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits, limits_of
from octofleet.core.memory import Memory
from octofleet.core.observation import (
    BridgeState,
    FailedRelease,
    Fall,
    History,
    Recommendation,
    ScaleEvent,
    Snapshot,
    Timestamp,
)
from octofleet.core.planning import Plan
from octofleet.core.signals import Term
from octofleet.core.sizing import Decision
from octofleet.core.stages import Stage

__all__ = ["cluster_status", "history_of", "region_status"]

S = BridgeState
EXISTS: Final = frozenset(
    {S.PENDING, S.STARTING, S.PROVING, S.READY, S.UNREGISTERED, S.FAILED, S.LOST}
)
LEAVING: Final = frozenset({S.DRAINING, S.EVACUATING, S.EMPTY})
TEXT_LENGTH: Final = 1024
REFUSALS_SHOWN: Final = 8
ZONES_SHOWN: Final = 32


def region_status(
    region: EffectiveRegion,
    snapshot: Snapshot,
    decision: Decision,
    plan: Plan,
    old: RegionStatus | None,
    selector: str,
    now: Timestamp,
) -> RegionStatus:
    """Return the region's status.

    Args:
        region: What holds for it.
        snapshot: What was seen.
        decision: The size decided.
        plan: The step planned.
        old: The status as it stands, None before the first.
        selector: Label selector of the region's bridge pods.
        now: Seconds since the epoch.
    """
    before = old or RegionStatus()
    limits = limits_of(region.autoscaling)
    bridges = lifecycle.judged(snapshot, now, limits)
    findings = Findings(region, snapshot, bridges, decision, plan, limits, now)
    verdicts = diagnosis.diagnose(findings)
    resized = before.last_decision is None or before.last_decision.wanted != decision.wanted
    return RegionStatus(
        observed_generation=region.generation,
        replicas=sum(each.state in EXISTS for each in bridges),
        ready_replicas=sum(each.state is S.READY for each in bridges),
        draining_replicas=sum(each.state in LEAVING for each in bridges),
        desired_replicas=decision.wanted,
        participants=_people(bridges, limits, now),
        stress=_worst_stress(bridges, limits, now),
        selector=selector,
        last_scale_time=moment_text(now) if resized else before.last_scale_time,
        bridges=_bridges(region, bridges, limits, now),
        last_decision=_decision(decision, plan, before.last_decision),
        rollout=_rollout(bridges, plan.stage),
        zones=_zones(bridges, snapshot),
        history=_history(decision.history, before.history),
        conditions=with_verdicts(before.conditions, verdicts, region.generation, now),
    )


def cluster_status(
    cluster: EffectiveCluster,
    whole: Whole,
    old: ClusterStatus | None,
    now: Timestamp,
) -> ClusterStatus:
    """Return the cluster's status.

    Args:
        cluster: What holds for it.
        whole: What was found of its controller side and its regions.
        old: The status as it stands, None before the first.
        now: Seconds since the epoch.
    """
    before, joined = old or ClusterStatus(), whole.regions
    return ClusterStatus(
        observed_generation=cluster.generation,
        regions=len(joined),
        bridges=sum(each.replicas for each in joined),
        ready_bridges=sum(each.ready_replicas for each in joined),
        participants=sum(each.participants or 0 for each in joined),
        domain=whole.domain or before.domain,
        links=tuple(links.link_status(each) for each in links.between(whole.linking)),
        conditions=with_verdicts(
            before.conditions,
            clusterwide.verdicts(whole),
            cluster.generation,
            now,
        ),
    )


def history_of(status: RegionStatus | None) -> History:
    """Return what scaling remembered in the status."""
    if status is None or status.last_decision is None:
        return History()
    kept, failed = status.history, status.rollout.failed
    return History(
        failed=None
        if failed is None
        else FailedRelease(failed.release, failed.reason, Timestamp(moment(failed.at))),
        recommendations=tuple(
            Recommendation(Timestamp(moment(each.at)), each.wanted) for each in kept.recommendations
        ),
        scale_events=tuple(
            ScaleEvent(Timestamp(moment(each.at)), each.change) for each in kept.scale_events
        ),
        falls=tuple(
            Fall(each.bridge, Timestamp(moment(each.at)), each.why or "") for each in kept.falls
        ),
        desired=status.last_decision.wanted,
        memory=remembering.recalled(kept.learned) if kept.learned else Memory(),
    )


def _zones(bridges: tuple[JudgedBridge, ...], snapshot: Snapshot) -> tuple[str, ...]:
    held = {each.bridge.node for each in bridges if each.state in EXISTS}
    known = {node.zone for node in snapshot.nodes if node.name in held and node.zone}
    return tuple(sorted(known))[:ZONES_SHOWN]


def _people(bridges: tuple[JudgedBridge, ...], limits: Limits, now: Timestamp) -> int | None:
    counts = [
        reading.value
        for each in bridges
        if (reading := limits.fresh(each.bridge.participants, now)) is not None
    ]
    return int(sum(counts)) if counts or not bridges else None


def _worst_stress(bridges: tuple[JudgedBridge, ...], limits: Limits, now: Timestamp) -> str | None:
    ready = [each.bridge for each in bridges if each.state is S.READY]
    known = [r.value for bridge in ready if (r := limits.fresh(bridge.stress, now)) is not None]
    return number_text(round(max(known), 2)) if known else None


def _bridges(
    region: EffectiveRegion,
    bridges: tuple[JudgedBridge, ...],
    limits: Limits,
    now: Timestamp,
) -> tuple[BridgeStatus, ...]:
    """Return the bridges in short, those in trouble first where not all can be shown."""
    shown = [_bridge(region, each, limits, now) for each in bridges]
    shown.sort(key=lambda each: (each.message is None, each.name))
    return tuple(sorted(shown[:BRIDGES_SHOWN], key=lambda each: _by_ordinal(each.name)))


def _by_ordinal(name: str) -> tuple[str, int]:
    stem, _, ordinal = name.rpartition("-")
    return (stem, int(ordinal)) if ordinal.isdecimal() else (name, 0)


def _bridge(
    region: EffectiveRegion, each: JudgedBridge, limits: Limits, now: Timestamp
) -> BridgeStatus:
    bridge = each.bridge
    people = limits.fresh(bridge.participants, now)
    stress = limits.fresh(bridge.stress, now)
    cpu = limits.fresh_cpu(bridge.cpu_utilization, now)
    trouble = diagnosis.trouble_of(each, region)
    return BridgeStatus(
        name=bridge.name,
        state=each.state.value,
        node=bridge.node,
        participants=None if people is None else int(people.value),
        stress=None if stress is None else number_text(round(stress.value, 2)),
        cpu=None if cpu is None else number_text(round(cpu.value)),
        message=trouble[:TEXT_LENGTH] if trouble else None,
        address=", ".join(addresses.advertised_by(bridge)) or None,
        address_source=bridge.address_origin,
    )


def _rollout(bridges: tuple[JudgedBridge, ...], stage: Stage) -> RolloutStatus:
    serving = [each.bridge.release for each in bridges if each.state is S.READY]
    updated = sum(release == stage.wanted for release in serving)
    failed = stage.failed
    return RolloutStatus(
        phase=stage.phase.value,
        release=stage.wanted or "",
        updated=updated,
        outdated=len(serving) - updated,
        failed=None
        if failed is None
        else FailedReleaseStatus(
            release=failed.release,
            reason=failed.reason[:TEXT_LENGTH],
            at=moment_text(failed.at),
        ),
    )


def _decision(decision: Decision, plan: Plan, before: DecisionStatus | None) -> DecisionStatus:
    """Return the decision; its moment stays while what was decided does."""
    after = DecisionStatus(
        at=moment_text(decision.at),
        wanted=decision.wanted,
        recommended=decision.recommended,
        winner=decision.winner,
        limited_by=decision.limited_by.value if decision.limited_by else None,
        message=decision.message[:TEXT_LENGTH],
        terms=tuple(_term(each) for each in decision.terms),
        refused=tuple(
            RefusalStatus(reason=each.reason.value, message=each.message[:TEXT_LENGTH])
            for each in plan.refusals[:REFUSALS_SHOWN]
        ),
    )
    if before is None or _essence(before) != _essence(after):
        return after
    return after.model_copy(update={"at": before.at})


def _essence(decision: DecisionStatus) -> tuple[object, ...]:
    return decision.wanted, decision.recommended, decision.winner, decision.limited_by


def _term(term: Term) -> TermStatus:
    return TermStatus(
        type=term.type.value,
        current=None if term.current is None else number_text(round(term.current, 2)),
        target=number_text(term.target),
        proposal=term.proposal,
        message=term.message[:TEXT_LENGTH],
    )


def _history(history: History, before: HistoryStatus) -> HistoryStatus:
    return HistoryStatus(
        learned=remembering.written(history.memory, before.learned),
        recommendations=tuple(
            RecommendationStatus(at=moment_text(each.at), wanted=each.wanted)
            for each in history.recommendations
        ),
        scale_events=tuple(
            ScaleEventStatus(at=moment_text(each.at), change=each.change)
            for each in history.scale_events
        ),
        falls=tuple(
            FallStatus(at=moment_text(e.at), bridge=e.bridge, why=e.why[:TEXT_LENGTH] or None)
            for e in history.falls
        ),
    )
