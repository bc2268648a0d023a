"""Web servers: the pages that people open, and the way from their browsers to Prosody.

The operator runs a cluster's own. Whoever runs others, such as some in each region, has them take a
region's ConfigMap by `envFrom`; their clients then tell Jicofo the region, which is all that Jicofo
knows of where people are.

They hold nothing, and media never passes through them: they roll at once with whatever they are
told. Browsers whose signalling came through one that goes connect anew through another and go on.

Source: docker-jitsi-meet web/rootfs/defaults/{settings-config.js,system-config.js,meet.conf}.
"""

from octofleet.core.manifests import containers, controllers, naming
from octofleet.core.manifests.inputs import WebFront, WebSettings, Workload
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
    cluster: str,
    namespace: str,
    owner: Owner,
    settings: WebSettings,
    workload: Workload,
    replicas: int,
) -> Manifest:
    """Return the Deployment of a cluster's web servers."""
    name, labels = naming.web_name(cluster), naming.controller_labels(cluster, COMPONENT)
    # TLS ends before them.
    told = {**_told(settings), "DISABLE_HTTPS": "1"}
    ports: list[Manifest] = [{"name": "http", "containerPort": naming.WEB_PORT}]
    env = containers.variables(told, workload.variables)
    web = containers.container(COMPONENT, workload, env, ports)
    web["securityContext"] = {**containers.restricted_container(), "readOnlyRootFilesystem": True}
    web["readinessProbe"] = containers.http_probe("/config.js", "http", period=5, failures=3)
    web["lifecycle"] = {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}}
    web["volumeMounts"] = [{"name": each, "mountPath": path} for each, path in FOLDERS.items()]
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "containers": [web],
        "volumes": [{"name": each, "emptyDir": {}} for each in FOLDERS],
        **containers.placement(workload),
    }
    if replicas > 1:
        pod["topologySpreadConstraints"] = [_spread(key, labels) for key in SPREAD_OVER]
    return controllers.deployment(
        COMPONENT,
        cluster,
        name,
        namespace,
        owner,
        pod,
        replicas=replicas,
        deadline=DEADLINE_SECONDS,
    )


def build_web_service(cluster: str, namespace: str, owner: Owner) -> Manifest:
    """Return the Service before a cluster's web servers."""
    name, ports = naming.web_name(cluster), {"http": naming.WEB_PORT}
    return controllers.service(COMPONENT, cluster, name, namespace, owner, ports)


def build_web_budget(cluster: str, namespace: str, owner: Owner) -> Manifest:
    """Return the PodDisruptionBudget of several: one after the other may be evicted."""
    labels = naming.controller_labels(cluster, COMPONENT)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": naming.metadata(naming.web_name(cluster), namespace, owner, labels),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels},
        },
    }


def build_web_ingress(cluster: str, namespace: str, owner: Owner, front: WebFront) -> Manifest:
    """Return the Ingress that leads browsers to a cluster's web servers."""
    name, labels = naming.web_name(cluster), naming.controller_labels(cluster, COMPONENT)
    backend = {"service": {"name": name, "port": {"name": "http"}}}
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
        "metadata": naming.metadata(name, namespace, owner, labels, front.annotations),
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
    labels = {
        **naming.recommended_labels(COMPONENT, region, COMPONENT),
        naming.LABEL_CLUSTER: cluster,
        naming.LABEL_REGION: region,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": naming.metadata(f"{region}-web", namespace, owner, labels),
        "data": _where(code) | ({} if settings is None else _told(settings)),
    }


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


def _spread(key: str, labels: dict[str, str]) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
