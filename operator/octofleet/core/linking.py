"""Whether a region in another Kubernetes than its cluster reaches it: the checks of Linked.

Pure. While the link is down nothing is known of the calls, so nothing is shrunk, drained, moved
or deleted: unknown is not zero. Bridges carry their people all the same.
"""

from typing import Final

from octofleet.api.quantities import moment_text
from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said
from octofleet.core.observation import Timestamp

__all__ = ["CHECKS"]

BREWERY_SECONDS: Final = 60.0
"""The operator's own connection asks every few seconds whether it is still there."""
CALLS_GO_ON: Final = (
    "calls on the bridges here go on, and nothing is shrunk, drained or deleted until it answers;"
)
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def _at_home(found: Findings) -> Said | None:
    if found.snapshot.cluster.remote is not None:
        return None
    return TRUE, Reason.AT_HOME, "the JitsiCluster is in this Kubernetes"


def _unusable(found: Findings) -> Said | None:
    cluster = found.snapshot.cluster
    return None if cluster.exists else (FALSE, Reason.JOIN_UNUSABLE, cluster.message)


def _turned_away(found: Findings) -> Said | None:
    cluster = found.snapshot.cluster
    if not cluster.turned_away:
        return None
    said = f"the home cluster's gateway {cluster.remote} doesn't take what the join Secret says:"
    fix = "make it anew with octofleet join-token CLUSTER"
    return FALSE, Reason.JOIN_REFUSED, f"{said} {CALLS_GO_ON} {fix}"


def _gateway_silent(found: Findings) -> Said | None:
    cluster = found.snapshot.cluster
    if cluster.jicofo_reachable:
        return None
    said = f"the home cluster's gateway {cluster.remote} {_since(cluster.jicofo_seen_at)}:"
    fix = "see that the way there is open, and whether its pod runs there"
    return FALSE, Reason.LINK_DOWN, f"{said} {CALLS_GO_ON} {fix}"


def _prosody_silent(found: Findings) -> Said | None:
    seen = found.snapshot.cluster.brewery_seen_at
    if seen is not None and found.now - seen < BREWERY_SECONDS:
        return None
    said = f"the home cluster's Prosody {_since(seen)}:"
    fix = "new bridges can't register; see that the way to its XMPP port is open"
    return FALSE, Reason.LINK_DOWN, f"{said} {CALLS_GO_ON} {fix}"


def _linked(found: Findings) -> Said:
    return TRUE, Reason.LINK_UP, f"the home cluster answers at {found.snapshot.cluster.remote}"


def _since(seen: Timestamp | None) -> str:
    return "has never answered" if seen is None else f"last answered at {moment_text(seen)}"


CHECKS: Final[tuple[Check, ...]] = (
    _at_home,
    _unusable,
    _turned_away,
    _gateway_silent,
    _prosody_silent,
    _linked,
)
"""In order; the last always has something to say."""
