"""The resources the scenarios apply: small, and quick to decide.

Their numbers are for seconds and a handful of people; production's are in `examples/`.
"""

from typing import Any, Final

__all__ = ["API_VERSION", "jitsi_cluster", "octo_region", "quick"]

API_VERSION: Final = "octofleet.io/v1alpha1"
Object = dict[str, Any]


def jitsi_cluster(namespace: str, name: str = "meet") -> Object:
    """Return a small JitsiCluster."""
    return {
        "apiVersion": API_VERSION,
        "kind": "JitsiCluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "domain": "meet.example.org",
            "size": "small",
            # Nobody opens a page, and the nodes are small.
            "controller": {"web": {"mode": "Off"}},
        },
    }


def octo_region(
    namespace: str,
    name: str,
    autoscaling: Object,
    *,
    cluster: str = "meet",
    cpu: str = "100m",
    **spec: Any,
) -> Object:
    """Return a region of small bridges; `spec` adds or replaces fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "OctoRegion",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterRef": {"name": cluster},
            "region": "eu",
            "bridge": {"resources": {"requests": {"cpu": cpu, "memory": "128Mi"}}},
            "autoscaling": autoscaling,
            **spec,
        },
    }


def quick(
    people: int | None = 8, cpu: int | None = None, *, most: int = 3, mode: str = "Auto"
) -> Object:
    """Return autoscaling that decides in seconds: 2 to `most` bridges by people, CPU or both."""
    metrics: list[Object] = []
    if people is not None:
        metrics.append({"type": "Participants", "target": {"averageValue": str(people)}})
    if cpu is not None:
        metrics.append({"type": "CPU", "target": {"averageUtilization": cpu}})
    return {
        "mode": mode,
        "minBridges": 2,
        "maxBridges": most,
        **({"metrics": metrics} if metrics else {}),
        "behavior": {"scaleDown": {"stabilizationWindow": "5s"}},
        "drain": {"patience": "5s", "deadline": "10m", "atDeadline": "Move"},
    }
