"""A bridge pod dressed for the stock videobridge.

The stock image takes octobridge's variables (they are its own), but not all there is to say. What
has no variable goes into a file that its configuration includes last: the private REST on
loopback, how long a shutdown waits, the region without relays. The file is written on the pod
itself, so that a pod and its configuration are one. In front of the REST stands a sidecar that
asks for the token. SIGTERM makes the stock bridge leave at once, so a hook drains it first.

Source: docker-jitsi-meet jvb/rootfs (defaults/jvb.conf, scripts/config); JVB reference.conf.
"""

import json
from typing import Final, cast

from octofleet.api.quantities import quantity
from octofleet.core.manifests import containers, naming
from octofleet.core.manifests.inputs import BridgeSettings, Workload
from octofleet.core.manifests.naming import Manifest

__all__ = ["annotations", "configuration", "dressed", "pre_stop"]

SIDECAR: Final = "rest"
COMMAND: Final = ("python", "-m", "octobridge.sidecar")
NODE_ADDRESS: Final = "OCTOFLEET_NODE_ADDRESS"
OURS: Final = "OCTOBRIDGE_"
CONFIG_VOLUME: Final = "config"
CONFIG_FILE: Final = "custom-jvb.conf"
HEAP_SHARE: Final = 0.75
"""Of the memory limit: buffers and threads live outside the heap."""
SIDECAR_RESOURCES: Final[Manifest] = {
    "requests": {"cpu": "10m", "memory": "64Mi"},
    "limits": {"memory": "192Mi"},
}


def annotations(settings: BridgeSettings) -> dict[str, str]:
    """Return what the pod carries: the configuration that no variable reaches."""
    if settings.sidecar_image is None:
        return {}
    return {naming.ANNOTATION_JVB_CONFIG: configuration(settings)}


def configuration(settings: BridgeSettings) -> str:
    """Return the stock bridge's configuration beyond its variables, as HOCON."""
    lines = [
        'videobridge.http-servers.private.host = "127.0.0.1"',
        f"videobridge.http-servers.private.port = {naming.BRIDGE_REST_PORT}",
        "videobridge.shutdown.graceful-shutdown-max-duration ="
        f" {settings.drain_deadline_seconds} seconds",
        f"videobridge.shutdown.shutting-down-delay = {settings.shutdown_delay_seconds} seconds",
    ]
    if settings.region_code:
        # The image's own variable counts only with relays.
        lines.append(f"videobridge.relay.region = {json.dumps(settings.region_code)}")
    if settings.initial_drain:
        lines.append("videobridge.initial-drain-mode = true")
    if settings.participant_stress is not None:
        stress = f"{settings.participant_stress:g}"
        lines.append(f"videobridge.load-management.average-participant-stress = {stress}")
    if settings.bind_node_address:
        lines.append(f"ice4j.harvest.allowed-addresses = [ ${{{NODE_ADDRESS}}} ]")
    return "\n".join(lines) + "\n"


def dressed(spec: Manifest, settings: BridgeSettings) -> Manifest:
    """Return an octobridge pod's spec made one for the stock image; others stay as they are."""
    if settings.sidecar_image is None:
        return spec
    (bridge,) = cast("list[Manifest]", spec["containers"])  # what the builder makes
    waiting = cast("list[Manifest]", spec.get("initContainers", []))
    volumes = cast("list[Manifest]", spec.get("volumes", []))
    return {
        **spec,
        # A sidecar that stops after the bridge: the operator must be able to ask who is on it
        # to the end. An init container that restarts is one, and keeps no pod from ending.
        "initContainers": [*waiting, _sidecar(settings.sidecar_image, settings, bridge)],
        "containers": [_bridge(bridge, settings)],
        "volumes": [*volumes, *_volumes()],
    }


def _bridge(octobridge: Manifest, settings: BridgeSettings) -> Manifest:
    env = [each for each in _env(octobridge) if not str(each["name"]).startswith(OURS)]
    heap = _heap(settings.workload)
    own = {**containers.STOCK_INIT, **({"VIDEOBRIDGE_MAX_MEMORY": heap} if heap else {})}
    named = {each["name"] for each in env}
    env += [each for each in containers.variables(own, {}) if each["name"] not in named]
    if settings.bind_node_address:
        env.append(containers.field_variable(NODE_ADDRESS, "status.hostIP"))
    ports = cast("list[Manifest]", octobridge["ports"])
    return {
        **octobridge,
        "env": env,
        "ports": [each for each in ports if each["name"] == "media"],
        "volumeMounts": [
            {
                "name": CONFIG_VOLUME,
                "mountPath": f"/config/{CONFIG_FILE}",
                "subPath": CONFIG_FILE,
                "readOnly": True,
            },
            {"name": "run", "mountPath": "/run"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path in the container
        ],
        "lifecycle": {
            "preStop": {"exec": {"command": ["/bin/bash", "-c", pre_stop(naming.BRIDGE_REST_PORT)]}}
        },
        **_probes(),
    }


def _probes() -> Manifest:
    """Return probes: through the sidecar for traffic, of the process itself for its life.

    A stock bridge that finds itself unhealthy still carries its people: a restart would drop
    them. So only one that answers nothing at all for two minutes is restarted.
    """
    rest = naming.BRIDGE_REST_PORT
    alive = containers.http_probe("/about/version", rest, period=15, failures=8)
    cast("Manifest", alive["httpGet"])["host"] = "127.0.0.1"
    return {
        "startupProbe": containers.http_probe("/about/health", rest, period=2, failures=90),
        "readinessProbe": containers.http_probe("/about/health", rest, period=5, failures=3),
        "livenessProbe": alive,
    }


def _sidecar(image: str, settings: BridgeSettings, bridge: Manifest) -> Manifest:
    env = [each for each in _env(bridge) if str(each["name"]).startswith(f"{OURS}REST_")]
    env.append(
        {"name": "OCTOBRIDGE_SIDECAR_UPSTREAM", "value": f"127.0.0.1:{naming.BRIDGE_REST_PORT}"}
    )
    workload = Workload(
        image,
        pull_policy=settings.workload.pull_policy,
        command=COMMAND,
        resources=SIDECAR_RESOURCES,
    )
    port: Manifest = {
        "name": "rest",
        "containerPort": naming.BRIDGE_REST_PORT,
        "hostPort": naming.BRIDGE_REST_PORT,
    }
    found = containers.container(SIDECAR, workload, env, [port])
    # Restarting it drops nobody: people's media doesn't pass it.
    found["livenessProbe"] = containers.tcp_probe("rest", period=10, failures=3)
    found["restartPolicy"] = "Always"
    # Its last words say when its port is taken, as the bridge's do.
    found["terminationMessagePolicy"] = "FallbackToLogsOnError"
    return found


def _volumes() -> list[Manifest]:
    path = f"metadata.annotations['{naming.ANNOTATION_JVB_CONFIG}']"
    item = {"path": CONFIG_FILE, "fieldRef": {"apiVersion": "v1", "fieldPath": path}}
    return [
        {"name": CONFIG_VOLUME, "downwardAPI": {"items": [item]}},
        {"name": "run", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]


def pre_stop(port: int) -> str:
    """Return the script that ends a stock bridge with nobody on it.

    It drains, asks for a graceful shutdown until that is heard, and waits for the process to end.
    Only a refused connection says that nothing runs any more (curl's status 7); no answer in time
    doesn't, for media goes on without the REST. The grace period bounds it all.
    """
    base = f"http://127.0.0.1:{port}"
    order = json.dumps({"graceful-shutdown": True})
    return "\n".join(
        (
            'ask() { curl --silent --fail --output /dev/null --max-time 5 "$@"; }',
            f"ask --request POST {base}/colibri/drain/enable",
            "until ask --header 'Content-Type: application/json'"
            f" --data '{order}' {base}/colibri/shutdown",
            "do [ $? = 7 ] && exit 0; sleep 1; done",
            f"while true; do ask {base}/about/version; [ $? = 7 ] && exit 0; sleep 1; done",
        )
    )


def _heap(workload: Workload) -> str | None:
    limits = cast("Manifest", workload.resources.get("limits", {}))  # as the API has them
    memory = limits.get("memory")
    if not isinstance(memory, str):
        return None
    return f"{int(quantity(memory) * HEAP_SHARE / 2**20)}m"


def _env(container: Manifest) -> list[Manifest]:
    return cast("list[Manifest]", container["env"])  # what the builder makes
