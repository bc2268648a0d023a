"""A bridge pod: on its node's network, one a node, outliving whatever wants it gone.

Who is on it? A foreign delete or a node drain sends SIGTERM, upon which the bridge drains and
waits; the grace period covers the drain's deadline. It ends with exit code 0 once empty, which
leaves the pod Succeeded; a crash restarts it.
"""

import hashlib
import json
from dataclasses import dataclass, replace

from octofleet.core.manifests import accounts, addressing, containers, jvb, naming
from octofleet.core.manifests.inputs import BridgeSettings, Home
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
        **addressing.annotations(settings),
        **jvb.annotations(settings),
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
        "spec": _pod(settings, nickname),
    }


def config_hash(settings: BridgeSettings) -> str:
    """Return a hash of all that the user's settings make of the pods.

    What was learned meanwhile is left out: it changes all the time and makes no pod outdated.
    """
    said = replace(settings, participant_stress=None, initial_drain=False)
    text = json.dumps({**_pod(said, nickname=""), **jvb.annotations(said)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _pod(settings: BridgeSettings, nickname: str) -> Manifest:
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
        "affinity": {**_one_a_node(), **_in_zones(settings.workload.zones)},
        "topologySpreadConstraints": [
            containers.spread(
                naming.ZONE_LABEL, naming.bridge_labels(settings.cluster, settings.region)
            )
        ],
        "containers": [_container(settings, nickname)],
        **containers.placement(settings.workload),
        **addressing.waiting(settings),
    }
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    return jvb.dressed(spec, settings)


def _container(settings: BridgeSettings, nickname: str) -> Manifest:
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
        "bridge", settings.workload, _environment(settings, nickname), ports
    )
    health = "/about/health"
    # What it says last, such as that its port is taken, is what people are told of its end.
    found["terminationMessagePolicy"] = "FallbackToLogsOnError"
    found["startupProbe"] = containers.http_probe(health, "rest", period=2, failures=60)
    found["readinessProbe"] = containers.http_probe(health, "rest", period=5, failures=3)
    # Two minutes of failure: a restart drops whoever is on it, so it must be dead indeed.
    found["livenessProbe"] = containers.http_probe(health, "rest", period=15, failures=8)
    return found


def _environment(settings: BridgeSettings, nickname: str) -> list[Manifest]:
    home = home_of(settings)
    plain = {
        **settings.domains.variables(),
        "XMPP_SERVER": home.prosody_host,
        "XMPP_PORT": str(home.prosody_port),
        "JVB_AUTH_USER": accounts.bridge_user(settings.generation),
        "JVB_BREWERY_MUC": naming.BREWERY_ROOM,
        "JVB_MUC_NICKNAME": nickname,
        "JVB_PORT": str(settings.port),
        **addressing.plain(settings),
        "COLIBRI_REST_ENABLED": "1",
        "SHUTDOWN_REST_ENABLED": "1",
        "OCTOBRIDGE_REST_PORT": str(naming.BRIDGE_REST_PORT),
        "OCTOBRIDGE_SHUTDOWN_DELAY": str(settings.shutdown_delay_seconds),
        "OCTOBRIDGE_DRAIN_DEADLINE": str(settings.drain_deadline_seconds),
    }
    if settings.initial_drain:
        plain["OCTOBRIDGE_INITIAL_DRAIN"] = "1"
    if settings.region_code:
        plain["JVB_OCTO_REGION"] = settings.region_code
    if settings.relays:
        # As the nickname, it is another one's with each incarnation: no link is taken for an old.
        plain |= {"ENABLE_OCTO": "1", "JVB_OCTO_RELAY_ID": nickname}
    if settings.participant_stress is not None:
        plain["OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS"] = f"{settings.participant_stress:g}"
    found = containers.variables(plain, settings.workload.variables)
    # A variable set in the resource also replaces one of ours that isn't plain.
    ours = [
        containers.field_variable("OCTOBRIDGE_REST_ADDRESS", "status.hostIP"),
        *addressing.fields(settings),
        containers.secret_variable(
            naming.KEY_JVB_PASSWORD,
            home.secret,
            accounts.password_key(naming.KEY_JVB_PASSWORD, settings.generation),
        ),
        containers.secret_variable(
            naming.KEY_REST_TOKEN,
            home.secret,
            accounts.password_key(naming.KEY_REST_TOKEN, settings.generation),
        ),
    ]
    if settings.bind_node_address:
        ours.insert(1, containers.field_variable("OCTOBRIDGE_BIND_ADDRESSES", "status.hostIP"))
    return found + [each for each in ours if each["name"] not in settings.workload.variables]


def home_of(settings: BridgeSettings) -> Home:
    """Return how the cluster is reached, which is in this Kubernetes unless the settings say so."""
    if settings.home is not None:
        return settings.home
    host = naming.service_host(naming.prosody_name(settings.cluster), settings.cluster_namespace)
    return Home(host, naming.XMPP_PORT, naming.secret_name(settings.cluster))


def _in_zones(zones: tuple[str, ...]) -> Manifest:
    """Return the affinity to nodes in one of some zones; none: to nodes anywhere."""
    if not zones:
        return {}
    wanted = {"key": naming.ZONE_LABEL, "operator": "In", "values": list(zones)}
    terms: Manifest = {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


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
