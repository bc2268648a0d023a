"""Whether what decisions are based on is fresh: the checks of MetricsAvailable.

Pure. Each names what is silent and since when; a moment, not an age, so that the message stays.
"""

from typing import Final

from octofleet.api.autoscaling import MetricType
from octofleet.api.quantities import moment_text
from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said, names_of
from octofleet.core.observation import BridgeState
from octofleet.core.signals import Invalid, Term

__all__ = ["CHECKS"]

S = BridgeState
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
METRICS_SERVER_SILENCE: Final = 30.0
"""Seconds; it is asked every few."""
BROKEN: Final = (S.LOST, S.FAILED, S.UNREGISTERED)


def _brewery_stale(found: Findings) -> Said | None:
    seen = found.snapshot.cluster.brewery_seen_at
    running = any(each.bridge.pod_phase == "Running" for each in found.bridges)
    # Never seen: the operator has no account there, and asks the bridges instead.
    if seen is None or not running or found.now - seen <= found.limits.presence_age:
        return None
    text = (
        f"the brewery was last heard at {moment_text(seen)}: see Prosody's logs;"
        " nothing shrinks meanwhile"
    )
    return FALSE, Reason.BREWERY_STALE, text


def _metrics_server_silent(found: Findings) -> Said | None:
    if all(target.type is not MetricType.CPU for target in found.region.autoscaling.metrics):
        return None
    seen = found.snapshot.cluster.metrics_seen_at
    if seen is not None and found.now - seen <= METRICS_SERVER_SILENCE:
        return None
    last = "has never answered" if seen is None else f"last answered at {moment_text(seen)}"
    text = f"CPU: metrics.k8s.io {last}: is metrics-server installed and running?"
    return FALSE, Reason.METRICS_SERVER_SILENT, text


def _stale_readings(found: Findings) -> Said | None:
    stale = [text for term in found.decision.terms if (text := _stale(term, found)) is not None]
    if not stale:
        return None
    return FALSE, Reason.READINGS_STALE, f"{'; '.join(stale)}; nothing shrinks on a guess"


def _stale(term: Term, found: Findings) -> str | None:
    """Return what a metric misses for longer than a bridge needs to tell it first."""
    known = {each.bridge.name: each.bridge for each in found.bridges}
    late = [
        known[name]
        for name in term.missing
        if found.now - (known[name].ready_since or known[name].created_at) > found.limits.cpu_age
    ]
    return f"{term.type}: no fresh reading of {names_of(late)}" if late else None


def _nothing_to_measure(found: Findings) -> Said | None:
    if all(term.invalid is not Invalid.NO_BRIDGE_READY for term in found.decision.terms):
        return None
    status = FALSE if found.of(*BROKEN) else UNKNOWN
    return status, Reason.NO_BRIDGE_READY, "no bridge is ready to be measured"


def _all_fresh(found: Findings) -> Said:
    return TRUE, Reason.ALL_FRESH, "every metric is fresh"


CHECKS: Final[tuple[Check, ...]] = (
    _brewery_stale,
    _metrics_server_silent,
    _stale_readings,
    _nothing_to_measure,
    _all_fresh,
)
"""In order; the last always has something to say."""
