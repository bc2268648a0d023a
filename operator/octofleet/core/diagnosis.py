"""What is wrong with a region and what to do about it: chains of pure checks.

Each condition has a chain; checks are asked in order and the first that has something to say
is the verdict, so a chain reads from the worst trouble to "all is well". A message names the
object at fault and the fix. Messages hold no ages, else every look would change the status.
"""

from collections.abc import Iterable
from typing import Final

from octofleet.api.autoscaling import Mode
from octofleet.api.quantities import moment_text
from octofleet.api.status import ConditionStatus
from octofleet.core import (
    advertised,
    ailments,
    company,
    freshness,
    linking,
    mistakes,
    reachable,
    spread,
    upgrade_checks,
)
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.findings import (
    Check,
    Findings,
    Said,
    names_of,
    registration_fix,
    trouble_of,
)
from octofleet.core.observation import BridgeState
from octofleet.core.planning import RefusalReason
from octofleet.core.sizing import LimitedBy

__all__ = ["Findings", "diagnose", "trouble_of"]

S = BridgeState
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def diagnose(findings: Findings) -> tuple[Verdict, ...]:
    """Return a verdict on every condition."""
    return tuple(Verdict(kind, *_first(chain, findings)) for kind, chain in _CHAINS.items())


def _first(chain: Iterable[Check], findings: Findings) -> Said:
    # Every chain ends in a check that always has something to say.
    return next(said for check in chain if (said := check(findings)) is not None)


def _cluster_missing(status: ConditionStatus) -> Check:
    def check(found: Findings) -> Said | None:
        if found.snapshot.cluster.exists:
            return None
        name = found.region.cluster
        if found.snapshot.cluster.remote is not None:
            return status, Reason.JOIN_UNUSABLE, found.snapshot.cluster.message
        return (
            status,
            Reason.CLUSTER_NOT_FOUND,
            f"JitsiCluster {name} doesn't exist in namespace {found.region.namespace}:"
            " create it, or make an OctoRegion with the right clusterRef.name",
        )

    return check


def _controller_down(found: Findings) -> Said | None:
    if found.snapshot.cluster.controller_ready:
        return None
    message = found.snapshot.cluster.message or "Prosody or Jicofo isn't ready"
    return FALSE, Reason.CONTROLLER_NOT_READY, message


def _jicofo_silent(status: ConditionStatus) -> Check:
    def check(found: Findings) -> Said | None:
        cluster = found.snapshot.cluster
        if cluster.jicofo_reachable:
            return None
        seen = cluster.jicofo_seen_at
        since = "has never answered" if seen is None else f"last answered at {moment_text(seen)}"
        if cluster.remote is not None:
            return status, Reason.JICOFO_UNREACHABLE, f"Jicofo's gateway {since}: see Linked"
        return status, Reason.JICOFO_UNREACHABLE, f"Jicofo's REST {since}: see its pod's logs"

    return check


def _too_few_ready(found: Findings) -> Said | None:
    ready, wanted = len(found.of(S.READY)), found.decision.wanted
    if ready >= min(wanted, found.region.autoscaling.min_bridges):
        return None
    unregistered = found.of(S.UNREGISTERED)
    said = f"{ready} of {wanted} bridges are ready"
    if unregistered:
        fix = registration_fix(unregistered[0], found.region)
        text = f"{said}; {names_of(unregistered)}: {fix}"
        return FALSE, Reason.BRIDGE_NOT_IN_BREWERY, text
    blocked = f": {found.plan.refusals[0].message}" if found.plan.refusals else ""
    return FALSE, Reason.NOT_ENOUGH_BRIDGES, said + blocked


def _at_zero(found: Findings) -> Said | None:
    if found.decision.wanted > 0:
        return None
    return TRUE, Reason.SCALED_TO_ZERO, "no bridge is wanted"


def _ready(found: Findings) -> Said:
    ready, wanted = len(found.of(S.READY)), found.decision.wanted
    return TRUE, Reason.ALL_READY, f"{ready} bridges are ready, {wanted} wanted"


def _paused(found: Findings) -> Said | None:
    if found.region.autoscaling.mode is not Mode.PAUSED:
        return None
    return FALSE, Reason.PAUSED, "autoscaling.mode is Paused: nothing is changed"


def _growing(found: Findings) -> Said | None:
    ready, wanted = len(found.of(S.READY)), found.decision.wanted
    if ready >= wanted:
        return None
    said = f"{ready} of {wanted} bridges are ready"
    if found.plan.refusals and not found.of(S.PENDING, S.STARTING):
        return FALSE, Reason.BLOCKED, f"{said}: {found.plan.refusals[0].message}"
    return TRUE, Reason.SCALING_OUT, said


def _shrinking(found: Findings) -> Said | None:
    leaving = found.of(S.DRAINING, S.EVACUATING, S.EMPTY, S.STOPPING)
    if leaving:
        return TRUE, Reason.SCALING_IN, f"{names_of(leaving)} leave"
    surplus = len(found.of(S.READY)) - found.decision.wanted
    if surplus > 0 and found.plan.refusals:
        return FALSE, Reason.BLOCKED, found.plan.refusals[0].message
    return (TRUE, Reason.SCALING_IN, f"{surplus} too many") if surplus > 0 else None


def _settled(found: Findings) -> Said:
    return FALSE, Reason.SETTLED, f"{found.decision.wanted} bridges, as wanted"


def _refused(found: Findings) -> Said | None:
    reasons = {
        RefusalReason.NOT_CREATED: Reason.NOT_CREATED,
        RefusalReason.NO_NODE: Reason.NO_NODE,
        RefusalReason.NO_ROOM: Reason.NO_ROOM,
        RefusalReason.UNKNOWN_PEOPLE: Reason.PEOPLE_UNKNOWN,
        RefusalReason.JICOFO_UNREACHABLE: Reason.JICOFO_UNREACHABLE,
    }
    refusal = found.refusal(*reasons)
    return None if refusal is None else (TRUE, reasons[refusal.reason], refusal.message)


def _unschedulable(found: Findings) -> Said | None:
    stuck = [b for b in found.of(S.PENDING) if b.waiting_reason == "Unschedulable"]
    if not stuck:
        return None
    why = stuck[0].last_error or "the scheduler finds no node for it"
    return TRUE, Reason.NO_NODE, f"{names_of(stuck)} can't be placed on a node: {why}"


def _limited(found: Findings) -> Said | None:
    if found.region.autoscaling.mode is not Mode.AUTO:
        return None
    most = found.region.autoscaling.max_bridges
    match found.decision.limited_by:
        case LimitedBy.MAX_BRIDGES:
            text = f"more than autoscaling.maxBridges ({most}) are asked for: raise it"
            return TRUE, Reason.AT_MAX_BRIDGES, text
        case LimitedBy.SCALE_UP_POLICY:
            text = "autoscaling.behavior.scaleUp.policies slow the growth"
            return TRUE, Reason.SCALE_UP_POLICY, text
        case LimitedBy.SCALE_DOWN_POLICY:
            text = "autoscaling.behavior.scaleDown.policies slow the shrinking"
            return TRUE, Reason.SCALE_DOWN_POLICY, text
        case _:
            return None


def _not_limited(found: Findings) -> Said:
    return FALSE, Reason.NOT_LIMITED, "the size is what is asked for"


def _overdue(found: Findings) -> Said | None:
    late = [
        bridge
        for bridge in found.of(S.DRAINING, S.EVACUATING)
        if bridge.draining_since is not None
        and found.now - bridge.draining_since >= found.limits.deadline
    ]
    if not late:
        return None
    refusal = found.refusal(RefusalReason.NO_ROOM)
    why = "their people stay" if refusal is None else refusal.message
    return (
        TRUE,
        Reason.DRAIN_OVERDUE,
        f"{names_of(late)} drain past autoscaling.drain.deadline: {why}",
    )


def _failing(found: Findings) -> Said | None:
    refusal = found.refusal(RefusalReason.STEP_FAILED)
    return None if refusal is None else (TRUE, Reason.DRAIN_FAILING, refusal.message)


def _draining(found: Findings) -> Said | None:
    leaving = found.of(S.DRAINING, S.EVACUATING, S.EMPTY)
    if not leaving:
        return None
    return TRUE, Reason.BRIDGES_DRAINING, f"{names_of(leaving)} drain"


def _none_draining(found: Findings) -> Said:
    return FALSE, Reason.NONE_DRAINING, "no bridge drains"


def _unregistered(found: Findings) -> Said | None:
    outside = found.of(S.UNREGISTERED)
    if not outside:
        return None
    absent = [bridge for bridge in outside if bridge.in_brewery is not True]
    first = (absent or outside)[0]
    reason = Reason.BRIDGE_NOT_IN_BREWERY if absent else Reason.BRIDGE_NOT_OPERATIONAL
    return FALSE, reason, f"{names_of(outside)}: {registration_fix(first, found.region)}"


def _registering(found: Findings) -> Said | None:
    coming = found.of(S.PENDING, S.STARTING)
    if coming:
        return UNKNOWN, Reason.REGISTERING, f"{names_of(coming)} start"
    if not found.of(S.READY):
        return UNKNOWN, Reason.NO_BRIDGES, "no bridge runs"
    return None


def _registered(found: Findings) -> Said:
    return TRUE, Reason.ALL_REGISTERED, "Jicofo uses every bridge"


_CHAINS: Final[dict[ConditionType, tuple[Check, ...]]] = {
    ConditionType.READY: (
        _cluster_missing(FALSE),
        _controller_down,
        _too_few_ready,
        _jicofo_silent(UNKNOWN),
        _at_zero,
        _ready,
    ),
    ConditionType.PROGRESSING: (
        _cluster_missing(FALSE),
        _paused,
        _growing,
        upgrade_checks.upgrading,
        _shrinking,
        _settled,
    ),
    ConditionType.DEGRADED: ailments.CHECKS,
    ConditionType.SCALING_LIMITED: (
        mistakes.pod_security,
        mistakes.no_free_port,
        _refused,
        _unschedulable,
        _limited,
        _not_limited,
    ),
    ConditionType.DRAINING: (_overdue, _failing, _draining, _none_draining),
    ConditionType.REGISTERED: (
        _cluster_missing(UNKNOWN),
        _jicofo_silent(UNKNOWN),
        mistakes.wrong_credentials,
        _unregistered,
        _registering,
        _registered,
    ),
    ConditionType.METRICS_AVAILABLE: (
        _cluster_missing(UNKNOWN),
        _jicofo_silent(FALSE),
        *freshness.CHECKS,
    ),
    ConditionType.SPREAD: spread.CHECKS,
    ConditionType.ADVERTISED: advertised.CHECKS,
    ConditionType.REACHABLE: reachable.CHECKS,
    ConditionType.UPGRADED: upgrade_checks.CHECKS,
    ConditionType.LINKED: linking.CHECKS,
    ConditionType.DIRECT: company.DIRECT,
    ConditionType.ALIKE: company.ALIKE,
}
