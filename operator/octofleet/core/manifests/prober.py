"""The pod that asks a bridge from another node whether UDP leads to it: small, and soon gone."""

from octofleet.core.manifests import containers, naming
from octofleet.core.manifests.inputs import Workload
from octofleet.core.manifests.naming import Manifest

__all__ = ["build_prober", "prober_name"]

LIFE_SECONDS = 60
RESOURCES: Manifest = {
    "requests": {"cpu": "10m", "memory": "48Mi"},
    "limits": {"memory": "128Mi"},
}


def prober_name(bridge: str) -> str:
    """Return the name of the pod that probes a bridge."""
    return f"{bridge}-probe"


def build_prober(
    bridge: str, uid: str, node: str, namespace: str, image: str, question: str
) -> Manifest:
    """Return the pod.

    It belongs to the bridge's pod, and goes with it whatever becomes of the operator.

    Args:
        bridge: The bridge pod's name.
        uid: Its uid.
        node: Its node; the pod runs on another.
        namespace: The namespace of both.
        image: Octofleet's own bridge image.
        question: Whom to ask with which credentials; they are worth nothing a minute later.
    """
    env: Manifest = {"name": "OCTOBRIDGE_PROBE", "value": question}
    workload = Workload(
        image, command=("python", "-m", "octobridge.shell.probing"), resources=RESOURCES
    )
    metadata: Manifest = {
        "name": prober_name(bridge),
        "namespace": namespace,
        "labels": naming.recommended_labels("octobridge", bridge, "probe"),
    }
    owner = naming.Owner("Pod", bridge, uid, "v1")
    asking = containers.container("probe", workload, [env], [])
    terms: Manifest = {"nodeSelectorTerms": [containers.other_node(node)]}
    required: Manifest = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    return containers.errand(metadata, owner, asking, required, LIFE_SECONDS)
