"""The budget that keeps evictions off bridges: the operator drains them itself."""

from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest, Owner

NEVER = 1_000_000
"""More bridges than a region can have. A number and not `maxUnavailable: 0`: that is counted
from `spec.replicas`, which says nothing about how many bridges run unless mode is External."""


def build_budget(cluster: str, region: str, namespace: str, owner: Owner) -> Manifest:
    """Return the PodDisruptionBudget of a region; broken bridges may still be evicted."""
    labels = naming.bridge_labels(cluster, region)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": naming.metadata(region, namespace, owner, labels),
        "spec": {
            "minAvailable": NEVER,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels},
        },
    }
