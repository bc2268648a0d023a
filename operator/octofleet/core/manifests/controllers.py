"""What the parts of the controller side have in common.

Of Prosody, Jicofo and the gateway there is one pod, never two; all have a Service before them.
"""

from collections.abc import Mapping

from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest, Owner


def deployment(
    component: str,
    cluster: str,
    name: str,
    namespace: str,
    owner: Owner,
    pod: Manifest,
    notes: Mapping[str, str] | None = None,
) -> Manifest:
    """Return the Deployment of a component; it is recreated, since two at once would clash.

    `notes` are annotations of its pods: a change of one makes a new pod.
    """
    labels = naming.controller_labels(cluster, component)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": naming.metadata(name, namespace, owner, labels),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, **({"annotations": dict(notes)} if notes else {})},
                "spec": pod,
            },
        },
    }


def service(
    name: str,
    namespace: str,
    owner: Owner,
    labels: Mapping[str, str],
    ports: dict[str, int],
    kind: str | None = None,
) -> Manifest:
    """Return the Service of a component; ports by name, which is the container's port, too.

    `labels` are its pods', `kind` is its type where it isn't for the cluster alone.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": naming.metadata(name, namespace, owner, labels),
        "spec": {
            **({"type": kind} if kind else {}),
            "selector": dict(labels),
            "ports": [
                {"name": port, "port": number, "targetPort": port} for port, number in ports.items()
            ],
        },
    }
