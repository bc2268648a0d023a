"""Bridges that should go whatever the size: replaced, and emptied in good time.

Somebody asked for it (`octofleet drain`), or their node is about to go.
A cordon says that an administrator wants the node; a termination taint, that its provider takes
it back within minutes. Either way whoever is on its bridge must be elsewhere before it goes, so
the patience of `autoscaling.drain` doesn't apply: whole conferences move as soon as others have
room. The eviction that `kubectl drain` repeats is refused by the disruption budget until the
bridge is empty and its pod gone.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from octofleet.core.actions import DeleteBridge, DrainBridge, UndrainBridge
from octofleet.core.drafts import AILING, LEAVING, READY, SERVING, Draft, States
from octofleet.core.limits import NODE_LEAVING, REQUESTED, REQUESTED_NOW
from octofleet.core.observation import ENDED, Bridge, BridgeState

__all__ = [
    "CORDONED",
    "NOW",
    "PATIENTLY",
    "PRESSED",
    "TERMINATING",
    "departure",
    "give_back",
    "vacate",
]

CORDONED: Final = "cordoned"
TERMINATING: Final = "about to be terminated"
PRESSED: Final = "short of memory, so that the kubelet may evict what runs there"
PATIENTLY: Final = "patiently"
NOW: Final = "now"
REASONS: Final = (NODE_LEAVING, REQUESTED, REQUESTED_NOW)

TERMINATION_TAINTS: Final = (
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "node.cloudprovider.kubernetes.io/shutdown",
    "node.kubernetes.io/out-of-service",
    "remediation.medik8s.io/",
    "ToBeDeletedByClusterAutoscaler",
)
"""Taints by which providers announce an end; a name that ends in a slash stands for all below.

Sources: aws-node-termination-handler docs, GKE's graceful node termination, karpenter's
disruption docs, cluster-autoscaler's `taints` package, Kubernetes' well-known taints.
"""

MEMORY_PRESSURE: Final = "node.kubernetes.io/memory-pressure"

MOVABLE: Final[States] = SERVING | AILING | LEAVING


def departure(*, unschedulable: bool, taints: Iterable[Mapping[str, object]]) -> str | None:
    """Return why a node is about to go, None if nothing says so.

    Args:
        unschedulable: The node's `spec.unschedulable`, which `kubectl cordon` sets.
        taints: The node's `spec.taints`.
    """
    known = list(taints)
    if any(_announces(taint) for taint in known):
        return TERMINATING
    # A kubelet that evicts asks no disruption budget.
    if any(taint.get("key") == MEMORY_PRESSURE for taint in known):
        return PRESSED
    return CORDONED if unschedulable else None


def vacate(draft: Draft) -> int:
    """Drain the bridges that should go; return how many of them served."""
    if not draft.snapshot.cluster.jicofo_reachable:
        return 0
    leaving, served = _leaving(draft), 0
    for each in draft.of(MOVABLE):
        bridge, reason = each.bridge, _reason(each.bridge, leaving)
        if reason is None or bridge.pod_phase in ENDED or draft.is_deleted(bridge):
            continue
        if each.state is BridgeState.PENDING and bridge.waiting_reason is None:
            continue  # It starts this moment, and is drained once it can be told to.
        if draft.never_ran(bridge):
            why = f"it never ran and should go ({reason})"
            draft.actions.append(DeleteBridge(bridge.name, bridge.uid, why))
        elif bridge.drain_reason != reason:
            draft.actions.append(DrainBridge(bridge.name, reason))
        else:
            continue
        served += each.state in SERVING
    return served


def give_back(draft: Draft) -> set[str]:
    """Take the drains back that nothing asks for any more; return the bridges that serve again."""
    leaving = _leaving(draft)
    known = {node.name for node in draft.snapshot.nodes}
    back = {
        each.bridge.name
        for each in draft.of(MOVABLE - SERVING | READY)
        if each.bridge.drain_reason in REASONS
        and _reason(each.bridge, leaving) is None
        # A node that is out of sight hasn't come back.
        and (each.bridge.drain_reason != NODE_LEAVING or each.bridge.node in known)
    }
    draft.actions += [UndrainBridge(name) for name in sorted(back)]
    return back


def _leaving(draft: Draft) -> set[str]:
    return {node.name for node in draft.snapshot.nodes if node.leaving is not None}


def _reason(bridge: Bridge, leaving: set[str]) -> str | None:
    """Return why the bridge should go, whatever the size."""
    if bridge.node in leaving:
        return NODE_LEAVING
    if bridge.drain_request is None:
        return None
    return REQUESTED_NOW if bridge.drain_request == NOW else REQUESTED


def _announces(taint: Mapping[str, object]) -> bool:
    key, effect = str(taint.get("key", "")), str(taint.get("effect", ""))
    return effect != "PreferNoSchedule" and any(
        key.startswith(name) if name.endswith("/") else key == name for name in TERMINATION_TAINTS
    )
