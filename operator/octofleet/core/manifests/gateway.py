"""What regions in another Kubernetes reach of a cluster: Prosody, and Jicofo through a gateway.

The gateway is octobridge's sidecar before Jicofo's REST: by TLS, with a token of its own, and only
for looking and for moving people. It is a pod of its own, so that nothing about it ever restarts
Jicofo, and it serves while the operator is away.
"""

from octofleet.core.manifests import containers, controllers, naming
from octofleet.core.manifests.inputs import Workload
from octofleet.core.manifests.naming import Manifest, Owner

__all__ = [
    "build_credentials",
    "build_gateway",
    "build_gateway_service",
    "build_remote_prosody_service",
]

COMPONENT = "gateway"
COMMAND = ("python", "-m", "octobridge.sidecar")
FOLDER = "/octofleet/tls"
RESOURCES: Manifest = {
    "requests": {"cpu": "10m", "memory": "64Mi"},
    "limits": {"memory": "256Mi"},
}


def build_gateway(
    cluster: str, namespace: str, owner: Owner, image: str, credentials: str
) -> Manifest:
    """Return the gateway's Deployment.

    Args:
        cluster: The JitsiCluster's name.
        namespace: Its namespace.
        owner: The JitsiCluster.
        image: Octobridge's.
        credentials: Which state of its Secret it serves with: it reads that when it starts, so
            another one is another pod, and what was given out before opens nothing any more.
    """
    name = naming.gateway_name(cluster)
    jicofo = naming.service_host(naming.jicofo_name(cluster), namespace)
    token = {"name": name, "key": naming.KEY_GATEWAY_TOKEN}
    plain = {
        "OCTOBRIDGE_REST_PORT": str(naming.GATEWAY_PORT),
        "OCTOBRIDGE_SIDECAR_FOR": "jicofo",
        "OCTOBRIDGE_SIDECAR_UPSTREAM": f"{jicofo}:{naming.JICOFO_REST_PORT}",
        "OCTOBRIDGE_SIDECAR_TLS": FOLDER,
    }
    env = containers.variables(plain, {})
    env.append({"name": "OCTOBRIDGE_REST_TOKEN", "valueFrom": {"secretKeyRef": token}})
    workload = Workload(image, command=COMMAND, resources=RESOURCES)
    ports: list[Manifest] = [{"name": "gateway", "containerPort": naming.GATEWAY_PORT}]
    gateway = containers.container(COMPONENT, workload, env, ports)
    gateway["readinessProbe"] = containers.tcp_probe("gateway", period=5, failures=3)
    gateway["volumeMounts"] = [{"name": "tls", "mountPath": FOLDER, "readOnly": True}]
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "containers": [gateway],
        "volumes": [{"name": "tls", "secret": {"secretName": name, "items": _files()}}],
    }
    notes = {naming.ANNOTATION_CREDENTIALS: credentials}
    return controllers.deployment(COMPONENT, cluster, name, namespace, owner, pod, notes)


def build_gateway_service(cluster: str, namespace: str, owner: Owner, kind: str) -> Manifest:
    """Return the gateway's Service, of a type."""
    name, ports = naming.gateway_name(cluster), {"gateway": naming.GATEWAY_PORT}
    labels = naming.controller_labels(cluster, COMPONENT)
    return controllers.service(name, namespace, owner, labels, ports, kind)


def build_remote_prosody_service(cluster: str, namespace: str, owner: Owner, kind: str) -> Manifest:
    """Return the Service by which bridges elsewhere reach Prosody, of a type."""
    name, ports = naming.remote_prosody_name(cluster), {"c2s": naming.XMPP_PORT}
    labels = naming.controller_labels(cluster, "prosody")
    return controllers.service(name, namespace, owner, labels, ports, kind)


def build_credentials(
    cluster: str, namespace: str, owner: Owner, token: str, certificate: str, key: str
) -> Manifest:
    """Return the Secret with the gateway's token and certificate, both PEM texts."""
    name = naming.gateway_name(cluster)
    labels = naming.controller_labels(cluster, COMPONENT)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": naming.metadata(name, namespace, owner, labels),
        "stringData": {
            naming.KEY_GATEWAY_TOKEN: token,
            naming.KEY_GATEWAY_CERTIFICATE: certificate,
            naming.KEY_GATEWAY_PRIVATE_KEY: key,
        },
    }


def _files() -> list[Manifest]:
    names = (naming.KEY_GATEWAY_CERTIFICATE, naming.KEY_GATEWAY_PRIVATE_KEY)
    return [{"key": each, "path": each} for each in names]
