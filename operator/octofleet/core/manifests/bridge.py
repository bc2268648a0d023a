"""A bridge pod: on its node's network, one a node, outliving whatever wants it gone.

Who is on it? A foreign delete or a node drain sends SIGTERM, upon which the bridge drains and
waits; the grace period covers the drain's deadline. It ends with exit code 0 once empty, which
leaves the pod Succeeded; a crash restarts it.
"""

import hashlib
import json
from dataclasses import dataclass

from octofleet.core.manifests import containers, naming
from octofleet.core.manifests.inputs import BridgeSettings
from octofleet.core.manifests.naming import Manifest, Owner
from octofleet.core.observation import Proof

GRACE_AFTER_DRAIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Release:
    """Which release a bridge is of."""

    name: str
    text: str
    previous: str | None = None
    """The text of the release before."""
    prove: bool = False
    """It has to be proven, and starts drained."""


def build_bridge(
    name: str,
    namespace: str,
    owner: Owner,
    settings: BridgeSettings,
    incarnation: str,
    release: Release | None = None,
) -> Manifest:
    """Return the bridge pod `name`.

    Args:
        name: The pod's name, `<region>-<ordinal>`.
        namespace: The region's namespace.
        owner: The OctoRegion.
        settings: What the region says of its bridges.
        incarnation: A short random word. With the pod's name it makes the brewery nickname, so
            that a new pod never inherits what Jicofo remembers of the one before.
        release: Which release it is of.
    """
    nickname = f"{name}-{incarnation}"
    annotations = {
        naming.ANNOTATION_NICKNAME: nickname,
        naming.ANNOTATION_CONFIG_HASH: config_hash(settings),
        naming.ANNOTATION_SAFE_TO_EVICT: "false",
    }
    labels = naming.bridge_labels(settings.cluster, settings.region)
    if release is not None:
        labels[naming.LABEL_RELEASE] = release.name
        annotations[naming.ANNOTATION_SETTINGS] = release.text
        if release.previous is not None:
            annotations[naming.ANNOTATION_PREVIOUS] = release.previous
        if release.prove:
            annotations[naming.ANNOTATION_PROOF] = Proof.WANTED.value
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": naming.metadata(
            name,
            namespace,
            owner,
            labels,
            annotations,
        ),
        "spec": _pod(settings, nickname, drained=release is not None and release.prove),
    }


def config_hash(settings: BridgeSettings) -> str:
    """Return a hash of all that shapes the pods: equal hashes, equal pods but for the name."""
    text = json.dumps(_pod(settings, nickname=""), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _pod(settings: BridgeSettings, nickname: str, *, drained: bool = False) -> Manifest:
    spec: Manifest = {
        "hostNetwork": True,
        # Prosody's Service is found through the cluster's DNS even from the node's network.
        "dnsPolicy": "ClusterFirstWithHostNet",
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": (
            settings.drain_deadline_seconds + GRACE_AFTER_DRAIN_SECONDS
        ),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": containers.restricted_pod(),
        "affinity": _one_a_node(),
        "topologySpreadConstraints": [_over_zones(settings)],
        "containers": [_container(settings, nickname, drained=drained)],
        **containers.placement(settings.workload),
    }
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    return spec


def _container(settings: BridgeSettings, nickname: str, *, drained: bool) -> Manifest:
    ports: list[Manifest] = [
        {
            "name": "media",
            "protocol": "UDP",
            "containerPort": settings.port,
            "hostPort": settings.port,
        },
        {
            "name": "rest",
            "containerPort": naming.BRIDGE_REST_PORT,
            "hostPort": naming.BRIDGE_REST_PORT,
        },
    ]
    found = containers.container(
        "bridge", settings.workload, _environment(settings, nickname, drained=drained), ports
    )
    health = "/about/health"
    found["startupProbe"] = containers.http_probe(health, "rest", period=2, failures=60)
    found["readinessProbe"] = containers.http_probe(health, "rest", period=5, failures=3)
    # Two minutes of failure: a restart drops whoever is on it, so it must be dead indeed.
    found["livenessProbe"] = containers.http_probe(health, "rest", period=15, failures=8)
    return found


def _environment(settings: BridgeSettings, nickname: str, *, drained: bool) -> list[Manifest]:
    prosody = naming.service_host(naming.prosody_name(settings.cluster), settings.cluster_namespace)
    plain = {
        **settings.domains.variables(),
        "XMPP_SERVER": prosody,
        "XMPP_PORT": str(naming.XMPP_PORT),
        "JVB_AUTH_USER": naming.BRIDGE_USER,
        "JVB_BREWERY_MUC": naming.BREWERY_ROOM,
        "JVB_MUC_NICKNAME": nickname,
        "JVB_PORT": str(settings.port),
        "JVB_DISABLE_STUN": "1",
        "COLIBRI_REST_ENABLED": "1",
        "SHUTDOWN_REST_ENABLED": "1",
        "OCTOBRIDGE_REST_PORT": str(naming.BRIDGE_REST_PORT),
        "OCTOBRIDGE_SHUTDOWN_DELAY": str(settings.shutdown_delay_seconds),
        "OCTOBRIDGE_DRAIN_DEADLINE": str(settings.drain_deadline_seconds),
    }
    if drained:
        plain["OCTOBRIDGE_INITIAL_DRAIN"] = "1"
    if settings.region_code:
        plain["JVB_OCTO_REGION"] = settings.region_code
    if settings.advertise:
        plain["JVB_ADVERTISE_IPS"] = settings.advertise
    secret = naming.secret_name(settings.cluster)
    found = containers.variables(plain, settings.workload.variables)
    # A variable set in the resource also replaces one of ours that isn't plain.
    ours = [
        containers.field_variable("OCTOBRIDGE_REST_ADDRESS", "status.hostIP"),
        containers.secret_variable(naming.KEY_JVB_PASSWORD, secret),
        containers.secret_variable(naming.KEY_REST_TOKEN, secret),
    ]
    if settings.bind_node_address:
        ours.insert(1, containers.field_variable("OCTOBRIDGE_BIND_ADDRESSES", "status.hostIP"))
    return found + [each for each in ours if each["name"] not in settings.workload.variables]


def _over_zones(settings: BridgeSettings) -> Manifest:
    """Return the wish that a region's bridges be in different zones; a full one forbids none."""
    labels = naming.bridge_labels(settings.cluster, settings.region)
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }


def _one_a_node() -> Manifest:
    """Return the affinity that keeps bridges of whatever region and namespace apart."""
    return {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "labelSelector": {"matchLabels": naming.any_bridge_labels()},
                    "namespaceSelector": {},
                    "topologyKey": "kubernetes.io/hostname",
                }
            ]
        }
    }
