"""What every lab cluster runs: nodes, CoreDNS and metrics-server, as manifests. Pure."""

import base64
from collections.abc import Mapping
from typing import Any

from octolab.flags import SANDBOX_IMAGE
from octolab.layout import Layout, Node

__all__ = [
    "COREDNS_IMAGE",
    "IMAGES",
    "METRICS_IMAGE",
    "Manifest",
    "coredns",
    "metrics_server",
    "node",
]

Manifest = dict[str, Any]
COREDNS_IMAGE = "docker.io/octofleet/lab-coredns:dev"
METRICS_IMAGE = "docker.io/octofleet/lab-metrics-server:dev"
IMAGES = frozenset({SANDBOX_IMAGE, COREDNS_IMAGE, METRICS_IMAGE})
"""What a node needs before it can run any pod."""
SYSTEM = "kube-system"
COREFILE = """\
.:5353 {
  errors
  health :8080
  ready :8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  cache 5
}
"""
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def node(member: Node) -> Manifest:
    """Return a node's object, made before its kubelet joins: the pod network is then known."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": member.name,
            "labels": {
                "topology.kubernetes.io/region": member.region,
                "topology.kubernetes.io/zone": member.zone,
            },
        },
        "spec": {"podCIDR": str(member.pod_network), "podCIDRs": [str(member.pod_network)]},
    }


def coredns(layout: Layout) -> list[Manifest]:
    """Return cluster DNS at the address that kubelets hand to pods."""
    name, labels = "coredns", {"k8s-app": "kube-dns"}
    rules = [
        rule("", ["endpoints", "services", "pods", "namespaces"], ["list", "watch"]),
        rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
    ]
    container = {
        "name": name,
        "image": COREDNS_IMAGE,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "40Mi"}},
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
    }
    volumes = [{"name": "config", "configMap": {"name": name}}]
    ports = [
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": 5353, "protocol": "TCP"},
    ]
    config = {**named("v1", "ConfigMap", name), "data": {"Corefile": COREFILE}}
    return [
        named("v1", "ServiceAccount", name),
        *cluster_role(f"system:{name}", name, rules),
        config,
        deployment(name, labels, container, volumes, {"dnsPolicy": "Default"}),
        service("kube-dns", labels, ports, {"clusterIP": str(layout.dns_address)}),
    ]


def metrics_server(secrets: Mapping[str, bytes]) -> list[Manifest]:
    """Return metrics-server and its API.

    Args:
        secrets: The contents of `ca.crt` and of metrics-server's own `tls.crt` and `tls.key`.
    """
    name, labels = "metrics-server", {"k8s-app": "metrics-server"}
    encoded = {key: base64.b64encode(value).decode() for key, value in secrets.items()}
    container = {
        "name": name,
        "image": METRICS_IMAGE,
        "imagePullPolicy": "Never",
        "args": [
            "--secure-port=10250",
            "--tls-cert-file=/pki/tls.crt",
            "--tls-private-key-file=/pki/tls.key",
            "--kubelet-certificate-authority=/pki/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            # The request's limit must stay below the resolution.
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        ],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 10250, "scheme": "HTTPS"},
            "periodSeconds": 2,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "60Mi"}},
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "pki", "mountPath": "/pki", "readOnly": True}],
    }
    # Its user isn't root: the files are readable for the pod's group.
    volumes = [{"name": "pki", "secret": {"secretName": name, "defaultMode": 0o440}}]
    rules = [rule("", ["nodes/metrics"], ["get"]), rule("", ["pods", "nodes"], READ)]
    return [
        named("v1", "ServiceAccount", name),
        {**named("v1", "Secret", name), "data": encoded},
        *cluster_role(f"system:{name}", name, rules),
        binding(f"{name}:system:auth-delegator", "ClusterRole", "system:auth-delegator", name),
        reader_of_authentication(name),
        deployment(name, labels, container, volumes, {"securityContext": {"fsGroup": 65532}}),
        service(name, labels, [{"port": 443, "targetPort": 10250}], {}),
        metrics_api(encoded["ca.crt"]),
    ]


READ = ["get", "list", "watch"]


def metrics_api(authority: str) -> Manifest:
    """Return the registration of metrics.k8s.io, checked against the lab's authority."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": authority,
            "service": {"name": "metrics-server", "namespace": SYSTEM},
        },
    }


def reader_of_authentication(account: str) -> Manifest:
    """Return the right to read how the API server authenticates proxied requests."""
    manifest = binding(
        f"{account}-auth-reader", "Role", "extension-apiserver-authentication-reader", account
    )
    manifest["kind"] = "RoleBinding"
    manifest["metadata"]["namespace"] = SYSTEM
    return manifest


def named(version: str, kind: str, name: str) -> Manifest:
    """Return the head of a manifest in the system namespace."""
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": SYSTEM},
    }


def rule(group: str, resources: list[str], verbs: list[str]) -> Manifest:
    """Return one rule of a role."""
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def cluster_role(role: str, account: str, rules: list[Manifest]) -> tuple[Manifest, Manifest]:
    """Return a cluster role and its binding to an account."""
    manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role},
        "rules": rules,
    }
    return manifest, binding(role, "ClusterRole", role, account)


def binding(name: str, kind: str, role: str, account: str) -> Manifest:
    """Return a cluster-wide binding of a role to an account of the system namespace."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}],
    }


def deployment(
    name: str,
    labels: dict[str, str],
    container: Manifest,
    volumes: list[Manifest],
    pod: Manifest,
) -> Manifest:
    """Return a deployment of one pod with one container."""
    spec = {
        "serviceAccountName": name,
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": volumes,
        **pod,
    }
    return {
        **named("apps/v1", "Deployment", name),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def service(name: str, labels: dict[str, str], ports: list[Manifest], extra: Manifest) -> Manifest:
    """Return a service in the system namespace."""
    return {
        **named("v1", "Service", name),
        "spec": {"selector": labels, "ports": ports, **extra},
    }
