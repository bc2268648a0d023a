"""Jicofo: the focus, which places participants on bridges.

Two at once in one brewery would place people twice over, so it is recreated, never surged. It
is ready once its REST listens: its own health check also fails for want of bridges, and the
operator must be able to ask it then most of all.
"""

import json

from octofleet.core.manifests import containers, controllers, naming
from octofleet.core.manifests.inputs import Domains, JicofoSettings, Workload
from octofleet.core.manifests.naming import Manifest, Owner


def build_jicofo(
    cluster: str,
    namespace: str,
    owner: Owner,
    domains: Domains,
    settings: JicofoSettings,
    workload: Workload,
) -> Manifest:
    """Return Jicofo's Deployment."""
    name = naming.jicofo_name(cluster)
    pod = _pod(_environment(cluster, namespace, domains, settings, workload), workload)
    return controllers.deployment("jicofo", cluster, name, namespace, owner, pod)


def build_jicofo_service(cluster: str, namespace: str, owner: Owner) -> Manifest:
    """Return the Service of Jicofo's REST, and of the lab's focus' signalling."""
    name = naming.jicofo_name(cluster)
    ports = {"rest": naming.JICOFO_REST_PORT, "signal": naming.SIGNAL_PORT}
    labels = naming.controller_labels(cluster, "jicofo")
    return controllers.service(name, namespace, owner, labels, ports)


def _pod(env: list[Manifest], workload: Workload) -> Manifest:
    jicofo = containers.container(
        "jicofo",
        workload,
        env,
        [
            {"name": "rest", "containerPort": naming.JICOFO_REST_PORT},
            {"name": "signal", "containerPort": naming.SIGNAL_PORT},
        ],
    )
    jicofo["readinessProbe"] = containers.tcp_probe("rest", period=5, failures=3)
    jicofo["volumeMounts"] = [
        {"name": "config", "mountPath": "/config"},
        {"name": "run", "mountPath": "/run"},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path in the container
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "containers": [jicofo],
        "volumes": [{"name": each, "emptyDir": {}} for each in ("config", "run", "tmp")],
        **containers.placement(workload),
    }


def _environment(
    cluster: str,
    namespace: str,
    domains: Domains,
    settings: JicofoSettings,
    workload: Workload,
) -> list[Manifest]:
    plain = {
        **containers.STOCK_INIT,
        **domains.variables(),
        "XMPP_SERVER": naming.service_host(naming.prosody_name(cluster), namespace),
        "XMPP_PORT": str(naming.XMPP_PORT),
        "JVB_BREWERY_MUC": naming.BREWERY_ROOM,
        "JICOFO_ENABLE_REST": "1",
        "JICOFO_ENABLE_HEALTH_CHECKS": "1",
        "JICOFO_ENABLE_BRIDGE_HEALTH_CHECKS": "1",
        **_settings(settings),
    }
    secret = containers.secret_variable(naming.KEY_JICOFO_PASSWORD, naming.secret_name(cluster))
    return [*containers.variables(plain, workload.variables), secret]


def _settings(settings: JicofoSettings) -> dict[str, str]:
    values: dict[str, object | None] = {
        "OCTO_BRIDGE_SELECTION_STRATEGY": settings.strategy,
        "BRIDGE_STRESS_THRESHOLD": settings.stress_threshold,
        "BRIDGE_AVG_PARTICIPANT_STRESS": settings.participant_stress,
        "MAX_BRIDGE_PARTICIPANTS": settings.max_bridge_participants,
        "JICOFO_ENABLE_LOAD_REDISTRIBUTION": (
            None if settings.load_redistribution is None else int(settings.load_redistribution)
        ),
        "ENABLE_OCTO": 1 if settings.relays else None,
        "JICOFO_OCTO_REGION": settings.local_region,
        # The stock variable is the inside of a list of lists.
        "JICOFO_BRIDGE_REGION_GROUPS": ",".join(
            json.dumps(group, separators=(",", ":")) for group in settings.region_groups
        )
        or None,
    }
    return {name: str(value) for name, value in values.items() if value is not None}
