"""Names, labels and annotations of everything the operator makes.

Names are deterministic, so that a stale view of the cluster meets a conflict instead of making
a duplicate. Nothing else spells these strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Manifest = dict[str, object]

GROUP: Final = "octofleet.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
FIELD_MANAGER: Final = "octofleet"
FINALIZER: Final = f"{GROUP}/drain"

ZONE_LABEL: Final = "topology.kubernetes.io/zone"
LABEL_CLUSTER: Final = f"{GROUP}/cluster"
LABEL_REGION: Final = f"{GROUP}/region"
LABEL_RELEASE: Final = f"{GROUP}/release"
"""On bridge pods: a hash of what people set, as a ReplicaSet's pod-template-hash."""

ANNOTATION_CONFIG_HASH: Final = f"{GROUP}/config-hash"
ANNOTATION_CREDENTIALS: Final = f"{GROUP}/credentials"
ANNOTATION_SETTINGS: Final = f"{GROUP}/settings"
"""What a bridge was made from, as a text: its release can be made again."""
ANNOTATION_PREVIOUS: Final = f"{GROUP}/previous-settings"
"""The same of the release before."""
ANNOTATION_PROOF: Final = f"{GROUP}/proof"
"""Wanted, Passed, or Failed with the reason after a colon."""
ANNOTATION_PROVED_AT: Final = f"{GROUP}/proved-at"
ANNOTATION_NICKNAME: Final = f"{GROUP}/nickname"
ANNOTATION_DRAIN_REQUEST: Final = f"{GROUP}/drain-request"
"""Set by people: "patiently" or "now"; taken away again, the bridge serves again."""
ANNOTATION_DRAIN_REASON: Final = f"{GROUP}/drain-reason"
ANNOTATION_DRAINING_SINCE: Final = f"{GROUP}/draining-since"
ANNOTATION_SHUTDOWN_SENT_AT: Final = f"{GROUP}/shutdown-sent-at"
ANNOTATION_MOVED_AT: Final = f"{GROUP}/moved-at"
ANNOTATION_ADVERTISE: Final = f"{GROUP}/advertise"
"""Addresses the bridge advertises; read by its container when it starts."""
ANNOTATION_ADDRESS_SOURCE: Final = f"{GROUP}/address-source"
"""Where they come from; the pod waits to start its bridge until it is there."""
ANNOTATION_DISABLE_STUN: Final = f"{GROUP}/disable-stun"
ANNOTATION_JVB_CONFIG: Final = f"{GROUP}/custom-jvb.conf"
"""What a stock bridge is told beyond its variables; mounted as a file."""
ANNOTATION_PROBE: Final = f"{GROUP}/probe"
"""What came of the last probe of its UDP port."""
ANNOTATION_SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"

KEY_JICOFO_PASSWORD: Final = "JICOFO_AUTH_PASSWORD"  # noqa: S105 - a variable's name
KEY_JVB_PASSWORD: Final = "JVB_AUTH_PASSWORD"  # noqa: S105 - a variable's name
KEY_OPERATOR_PASSWORD: Final = "OCTOFLEET_AUTH_PASSWORD"  # noqa: S105 - a variable's name
KEY_REST_TOKEN: Final = "OCTOBRIDGE_REST_TOKEN"  # noqa: S105 - a variable's name

KEY_GATEWAY_TOKEN: Final = "token"  # noqa: S105 - a key's name
KEY_GATEWAY_CERTIFICATE: Final = "tls.crt"
KEY_GATEWAY_PRIVATE_KEY: Final = "tls.key"

ADDRESS_CONTAINER: Final = "address"

XMPP_PORT: Final = 5222
PROSODY_HTTP_PORT: Final = 5280
WEB_PORT: Final = 8000
JICOFO_REST_PORT: Final = 8888
SIGNAL_PORT: Final = 8889
BRIDGE_REST_PORT: Final = 8080
GATEWAY_PORT: Final = 8443
BREWERY_ROOM: Final = "jvbbrewery"
BRIDGE_USER: Final = "jvb"
OPERATOR_USER: Final = "octofleet"


@dataclass(frozen=True, slots=True)
class Owner:
    """The resource that controls a child: children are collected when it goes."""

    kind: str
    name: str
    uid: str
    api_version: str = API_VERSION


def owner_reference(owner: Owner) -> Manifest:
    """Return the controller reference of a child of `owner`."""
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(
    name: str,
    namespace: str,
    owner: Owner,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Return the metadata every child carries."""
    found: Manifest = {
        "name": name,
        "namespace": namespace,
        "labels": dict(labels),
        "ownerReferences": [owner_reference(owner)],
    }
    if annotations:
        found["annotations"] = dict(annotations)
    return found


def recommended_labels(name: str, instance: str, component: str) -> dict[str, str]:
    """Return Kubernetes' recommended labels for a child."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "octofleet",
        "app.kubernetes.io/managed-by": "octofleet",
    }


def controller_labels(cluster: str, component: str) -> dict[str, str]:
    """Return the labels of a part of a cluster's controller side."""
    return {**recommended_labels(component, cluster, component), LABEL_CLUSTER: cluster}


def region_web_labels(cluster: str, region: str) -> dict[str, str]:
    """Return the labels of a region's own web servers."""
    return {
        **recommended_labels("web", region, "web"),
        LABEL_CLUSTER: cluster,
        LABEL_REGION: region,
    }


def bridge_labels(cluster: str, region: str) -> dict[str, str]:
    """Return the labels of a region's bridge pods."""
    return {
        **recommended_labels("octobridge", region, "bridge"),
        LABEL_CLUSTER: cluster,
        LABEL_REGION: region,
    }


def any_bridge_labels() -> dict[str, str]:
    """Return what every bridge pod of every region carries."""
    return {
        "app.kubernetes.io/component": "bridge",
        "app.kubernetes.io/part-of": "octofleet",
    }


def selector_text(labels: Mapping[str, str]) -> str:
    """Return `labels` as a label selector."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def secret_name(cluster: str) -> str:
    """Return the name of a cluster's credentials."""
    return f"{cluster}-credentials"


def prosody_name(cluster: str) -> str:
    """Return the name of a cluster's Prosody."""
    return f"{cluster}-prosody"


def jicofo_name(cluster: str) -> str:
    """Return the name of a cluster's Jicofo."""
    return f"{cluster}-jicofo"


def web_name(of: str) -> str:
    """Return the name of everything of a cluster's web servers, or of a region's."""
    return f"{of}-web"


def gateway_name(cluster: str) -> str:
    """Return the name of the gateway to a cluster's Jicofo, and of its credentials."""
    return f"{cluster}-gateway"


def remote_prosody_name(cluster: str) -> str:
    """Return the name of the Service by which regions elsewhere reach a cluster's Prosody."""
    return f"{cluster}-prosody-remote"


def service_host(name: str, namespace: str) -> str:
    """Return a Service's name in the cluster's DNS, whatever the cluster's domain."""
    return f"{name}.{namespace}.svc"


def full_service_host(name: str, namespace: str, cluster_domain: str) -> str:
    """Return a Service's whole name, for those who ask the DNS without a search list."""
    return f"{service_host(name, namespace)}.{cluster_domain}"
