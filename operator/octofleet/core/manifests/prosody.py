"""Prosody: the XMPP server of a cluster.

It never gets a liveness probe: signalling dies first at scale, and a restart under load throws
everyone out. The current accounts are registered again at each start from the credentials, so its
data needs no disk that outlives the pod; accounts of another generation are the operator's to add.
"""

from octofleet.core.manifests import accounts, containers, controllers, naming
from octofleet.core.manifests.inputs import Domains, Workload
from octofleet.core.manifests.naming import Manifest, Owner


def build_prosody(
    cluster: str, namespace: str, owner: Owner, domains: Domains, workload: Workload
) -> Manifest:
    """Return Prosody's Deployment."""
    name = naming.prosody_name(cluster)
    pod = _pod(cluster, domains, workload)
    return controllers.deployment("prosody", cluster, name, namespace, owner, pod)


def build_prosody_service(cluster: str, namespace: str, owner: Owner) -> Manifest:
    """Return the Service bridges, Jicofo and the operator connect to."""
    name = naming.prosody_name(cluster)
    ports = {"c2s": naming.XMPP_PORT, "http": naming.PROSODY_HTTP_PORT}
    labels = naming.controller_labels(cluster, "prosody")
    return controllers.service(name, namespace, owner, labels, ports)


def _pod(cluster: str, domains: Domains, workload: Workload) -> Manifest:
    prosody = containers.container(
        "prosody",
        workload,
        _environment(cluster, domains, workload),
        [
            {"name": "c2s", "containerPort": naming.XMPP_PORT},
            {"name": "http", "containerPort": naming.PROSODY_HTTP_PORT},
        ],
    )
    prosody["readinessProbe"] = containers.http_probe("/health", "http", period=5, failures=3)
    prosody["volumeMounts"] = [
        {"name": "data", "mountPath": "/var/lib/prosody"},
        {"name": "config", "mountPath": "/config"},
        {"name": "run", "mountPath": "/run"},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path in the container
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "containers": [prosody],
        "volumes": [{"name": each, "emptyDir": {}} for each in ("data", "config", "run", "tmp")],
        **containers.placement(workload),
    }


def _environment(cluster: str, domains: Domains, workload: Workload) -> list[Manifest]:
    secret = naming.secret_name(cluster)
    plain = {
        **containers.STOCK_INIT,
        **domains.variables(),
        # By this the operator adds accounts while Prosody runs; the stock image loads it if told.
        "GLOBAL_MODULES": "admin_adhoc",
    }
    keys = {naming.KEY_JICOFO_PASSWORD: naming.KEY_JICOFO_PASSWORD, **accounts.CURRENT_KEYS}
    return containers.variables(plain, workload.variables) + [
        containers.secret_variable(name, secret, key) for name, key in keys.items()
    ]
