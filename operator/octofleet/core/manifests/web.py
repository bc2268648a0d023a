"""Web servers: the pages that people open, and the way from their browsers to Prosody.

The operator runs a cluster's for everyone, and a region's own, whose clients tell Jicofo the
region: that is all that Jicofo knows of where people are. Whoever runs others has them take a
region's ConfigMap by `envFrom`.

They hold nothing, and media never passes through them: they roll at once with whatever they are
told. Browsers whose signalling came through one that goes connect anew through another and go on.

Source: docker-jitsi-meet web/rootfs/defaults/{settings-config.js,system-config.js,meet.conf}.
"""

from collections.abc import Mapping

from octofleet.core.manifests import containers, controllers, naming
from octofleet.core.manifests.inputs import WebFront, WebPlace, WebSettings, Workload
from octofleet.core.manifests.naming import Manifest, Owner

__all__ = [
    "build_web",
    "build_web_budget",
    "build_web_ingress",
    "build_web_service",
    "build_web_settings",
]

COMPONENT = "web"
FOLDERS = {"config": "/config", "storage": "/storage", "run": "/run", "tmp": "/tmp"}  # noqa: S108 - paths in the container
LEAVING_SECONDS = 10
"""Until everybody knows that a pod goes, it goes on serving."""
DEADLINE_SECONDS = 180
"""By then new pods serve, or something is wrong with them."""
SPREAD_OVER = ("kubernetes.io/hostname", naming.ZONE_LABEL)


def build_web(
    place: WebPlace, settings: WebSettings, workload: Workload, replicas: int
) -> Manifest:
    """Return the Deployment of web servers; one after the other is replaced."""
    labels = dict(place.labels)
    pod = _pod(settings, workload)
    if replicas > 1:
        pod["topologySpreadConstraints"] = [containers.spread(key, labels) for key in SPREAD_OVER]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(place),
        "spec": {
            "replicas": replicas,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "progressDeadlineSeconds": DEADLINE_SECONDS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _pod(settings: WebSettings, workload: Workload) -> Manifest:
    # TLS ends before them.
    told = {**_told(settings), "DISABLE_HTTPS": "1"}
    ports: list[Manifest] = [{"name": "http", "containerPort": naming.WEB_PORT}]
    env = containers.variables(told, workload.variables)
    web = containers.container(COMPONENT, workload, env, ports)
    web["securityContext"] = {**containers.restricted_container(), "readOnlyRootFilesystem": True}
    web["readinessProbe"] = containers.http_probe("/config.js", "http", period=5, failures=3)
    web["lifecycle"] = {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}}
    web["volumeMounts"] = [{"name": each, "mountPath": path} for each, path in FOLDERS.items()]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "containers": [web],
        "volumes": [{"name": each, "emptyDir": {}} for each in FOLDERS],
        **containers.placement(workload),
    }


def build_web_service(place: WebPlace) -> Manifest:
    """Return the Service before web servers."""
    name, namespace, ports = place.name, place.namespace, {"http": naming.WEB_PORT}
    return controllers.service(name, namespace, place.owner, place.labels, ports)


def build_web_budget(place: WebPlace) -> Manifest:
    """Return the PodDisruptionBudget of several: one after the other may be evicted."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(place),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": dict(place.labels)},
        },
    }


def build_web_ingress(place: WebPlace, front: WebFront) -> Manifest:
    """Return the Ingress that leads browsers to web servers."""
    backend = {"service": {"name": place.name, "port": {"name": "http"}}}
    rule = {
        "host": front.host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    spec: Manifest = {"rules": [rule]}
    if front.class_name:
        spec["ingressClassName"] = front.class_name
    if front.certificate:
        spec["tls"] = [{"hosts": [front.host], "secretName": front.certificate}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _metadata(place, front.annotations),
        "spec": spec,
    }


def build_web_settings(
    cluster: str,
    region: str,
    code: str,
    namespace: str,
    owner: Owner,
    settings: WebSettings | None = None,
) -> Manifest:
    """Return the ConfigMap for a region's web servers that aren't the operator's.

    Variables of the stock web image: all it needs but what is the user's own, as certificates.

    Args:
        cluster: The JitsiCluster's name.
        region: The OctoRegion's name.
        code: What bridges publish as their region.
        namespace: The region's.
        owner: The OctoRegion.
        settings: What the cluster's web servers are told; None while it isn't there.
    """
    labels = naming.region_web_labels(cluster, region)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": naming.metadata(naming.web_name(region), namespace, owner, labels),
        "data": _where(code) | ({} if settings is None else _told(settings)),
    }


def _metadata(place: WebPlace, annotations: Mapping[str, str] | None = None) -> Manifest:
    return naming.metadata(place.name, place.namespace, place.owner, place.labels, annotations)


def _told(settings: WebSettings) -> dict[str, str]:
    """Return the variables of web servers."""
    told = {
        **containers.STOCK_INIT,
        **settings.domains.variables(),
        "PUBLIC_URL": settings.public_url,
    }
    if settings.prosody is not None:
        told["XMPP_BOSH_URL_BASE"] = f"http://{settings.prosody}:{naming.PROSODY_HTTP_PORT}"
    return told | ({} if settings.region is None else _where(settings.region))


def _where(code: str) -> dict[str, str]:
    return {"DEPLOYMENTINFO_REGION": code, "DEPLOYMENTINFO_USERREGION": code}
