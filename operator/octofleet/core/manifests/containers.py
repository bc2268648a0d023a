"""Parts shared by the pods the operator makes: variables, probes, security."""

from collections.abc import Mapping
from typing import Final

from octofleet.core.manifests.inputs import Workload
from octofleet.core.manifests.naming import Manifest, Owner

STOCK_INIT: Final = {"S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES": "1"}
"""What the init of the stock images (s6-overlay 3) needs to start as user 1000: an emptyDir at
/run belongs to root and anyone may write to it, which it refuses unless told otherwise.

Source: s6-overlay, layout/rootfs-overlay/…/libexec/preinit.
"""


def variables(values: Mapping[str, str], extra: Mapping[str, str]) -> list[Manifest]:
    """Return plain variables in a stable order; `extra` wins."""
    merged = {**values, **extra}
    return [{"name": name, "value": value} for name, value in sorted(merged.items())]


def secret_variable(name: str, secret: str, key: str | None = None) -> Manifest:
    """Return a variable read from the credentials; the key is named like it if not otherwise."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key or name}}}


def field_variable(name: str, path: str) -> Manifest:
    """Return a variable that Kubernetes fills in from the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def restricted_pod() -> Manifest:
    """Return the pod security context of the restricted profile; images run as user 1000."""
    return {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container() -> Manifest:
    """Return the container security context of the restricted profile."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def container(
    name: str, workload: Workload, env: list[Manifest], ports: list[Manifest]
) -> Manifest:
    """Return a container without probes or volumes."""
    found: Manifest = {
        "name": name,
        "image": workload.image,
        "env": env,
        "ports": ports,
        "securityContext": restricted_container(),
    }
    if workload.pull_policy:
        found["imagePullPolicy"] = workload.pull_policy
    if workload.command:
        found["command"] = list(workload.command)
    if workload.args:
        found["args"] = list(workload.args)
    if workload.resources:
        found["resources"] = dict(workload.resources)
    return found


def errand(
    metadata: Manifest,
    owner: Owner,
    asked: Manifest,
    node_affinity: Manifest,
    life: int,
) -> Manifest:
    """Return a pod that does one thing, says what came of it, and is over in `life` seconds.

    It belongs to another pod and goes with it, whatever becomes of the operator.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": owner.name, "uid": owner.uid},
            ],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": life,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": restricted_pod(),
            "affinity": {"nodeAffinity": node_affinity},
            "containers": [{key: value for key, value in asked.items() if key != "ports"}],
        },
    }


def other_node(node: str) -> Manifest:
    """Return the node selector term that means any node but this one."""
    return {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": [node]}]}


def spread(over: str, labels: Mapping[str, str]) -> Manifest:
    """Return the wish that pods of these labels be in different places; a full one forbids none.

    Args:
        over: The label of nodes that tells places apart.
        labels: The pods'.
    """
    return {
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
    }


def placement(workload: Workload) -> Manifest:
    """Return the pod spec's fields that say where the pod may run."""
    found: Manifest = {}
    if workload.node_selector:
        found["nodeSelector"] = dict(workload.node_selector)
    if workload.tolerations:
        found["tolerations"] = [dict(each) for each in workload.tolerations]
    return found


def http_probe(path: str, port: str | int, period: int, failures: int) -> Manifest:
    """Return an HTTP probe of a port by name or number; period in seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    }


def tcp_probe(port: str, period: int, failures: int) -> Manifest:
    """Return a probe that only connects; period in seconds."""
    return {"tcpSocket": {"port": port}, "periodSeconds": period, "failureThreshold": failures}
