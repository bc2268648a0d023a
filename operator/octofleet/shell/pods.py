"""From documents and statistics to what the core knows of bridges and nodes: pure and total."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jitsiwire.stats import BridgeStats
from octofleet.api.addresses import PUBLIC_ADDRESS
from octofleet.api.bridges import Toleration
from octofleet.core import addresses, probing, vacating
from octofleet.core.manifests import naming
from octofleet.core.observation import ENDED, Bridge, Node, Proof, Reading, Timestamp, Traffic
from octofleet.shell import documents
from octofleet.shell.documents import Document

INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"
SAME_MOMENT_SECONDS: Final = 2.0
STARTING: Final = ("ContainerCreating", "PodInitializing")
ERROR_LENGTH: Final = 200
PEOPLE_LIMIT: Final = 1_000_000
STRESS_LIMIT: Final = 1000.0
_DURATION_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|us|µs|ns|h|m|s)", re.ASCII)
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def bridge_of(pod: Document) -> Bridge:
    """Return the bridge in `pod`, as far as Kubernetes knows it."""
    name = documents.name_of(pod)
    notes = documents.texts(pod, "metadata", "annotations")
    ready = documents.condition(pod, "Ready")
    is_ready = documents.text(ready, "status") == "True"
    proof, told_why = _proof(notes.get(naming.ANNOTATION_PROOF))
    return Bridge(
        name=name,
        uid=documents.uid_of(pod),
        node=documents.text(pod, "spec", "nodeName"),
        node_address=documents.text(pod, "status", "hostIP"),
        nickname=notes.get(naming.ANNOTATION_NICKNAME, name),
        pod_phase=documents.text(pod, "status", "phase") or "Unknown",
        pod_ready=is_ready,
        created_at=documents.moment(pod, "metadata", "creationTimestamp") or Timestamp(0.0),
        ready_since=documents.moment(ready, "lastTransitionTime") if is_ready else None,
        deleting_since=_deleting_since(pod),
        killed_at=documents.moment(pod, "metadata", "deletionTimestamp"),
        waiting_reason=_waiting_reason(pod),
        config_hash=notes.get(naming.ANNOTATION_CONFIG_HASH),
        release=documents.texts(pod, "metadata", "labels").get(naming.LABEL_RELEASE),
        proof=proof,
        proof_message=told_why[:200] or None,
        proved_at=documents.moment(notes, naming.ANNOTATION_PROVED_AT),
        started_at=_started_at(pod),
        ended_at=_ended_at(pod),
        placed_at=_placed_at(pod),
        never_ready=never_ready(pod),
        drain_reason=notes.get(naming.ANNOTATION_DRAIN_REASON),
        draining_since=documents.moment(notes, naming.ANNOTATION_DRAINING_SINCE),
        drain_request=notes.get(naming.ANNOTATION_DRAIN_REQUEST),
        shutdown_sent_at=documents.moment(notes, naming.ANNOTATION_SHUTDOWN_SENT_AT),
        moved_at=documents.moment(notes, naming.ANNOTATION_MOVED_AT),
        last_error=_last_error(pod),
        token_key=documents.secret_key(pod, naming.KEY_REST_TOKEN),
        address_origin=notes.get(naming.ANNOTATION_ADDRESS_SOURCE) or None,
        advertised=addresses.parse(notes.get(naming.ANNOTATION_ADVERTISE, "")) or (),
        awaits_address=_awaits_address(pod, notes),
        probe=probing.read(notes.get(naming.ANNOTATION_PROBE)),
    )


def runs(pod: Document) -> bool:
    """Return whether a container of the pod runs right now."""
    statuses = documents.items(pod, "status", "containerStatuses")
    return any(documents.dig(each, "state", "running") is not None for each in statuses)


def has_ended(pod: Document) -> bool:
    """Return whether nothing runs in the pod any more."""
    return documents.text(pod, "status", "phase") in ENDED


@dataclass(frozen=True, slots=True)
class Ending:
    """How the container of a pod with one ended."""

    code: int
    message: str | None
    """Its last words."""
    reason: str | None


def ending(pod: Document) -> Ending | None:
    """Return how the pod's container ended, None when it isn't known to have."""
    for each in documents.items(pod, "status", "containerStatuses"):
        end = documents.mapping(each, "state", "terminated")
        code = documents.number(end, "exitCode")
        if code is not None:
            return Ending(int(code), documents.text(end, "message"), documents.text(end, "reason"))
    return None


def never_ready(pod: Document) -> bool:
    """Return whether the pod has been there for a while and not been ready once.

    Its condition has been as it is since the pod came to its node: it never changed.
    """
    ready = documents.condition(pod, "Ready")
    began = documents.moment(pod, "status", "startTime")
    since = documents.moment(ready, "lastTransitionTime")
    if documents.text(ready, "status") != "False" or began is None or since is None:
        return False
    return since <= began + SAME_MOMENT_SECONDS


def unready_since(pod: Document) -> Timestamp | None:
    """Return since when the pod hasn't been ready, None while it is or that isn't known."""
    ready = documents.condition(pod, "Ready")
    if documents.text(ready, "status") == "True":
        return None
    return documents.moment(ready, "lastTransitionTime")


def release_text(pod: Document) -> str | None:
    """Return the settings the pod's bridge was made from."""
    return documents.texts(pod, "metadata", "annotations").get(naming.ANNOTATION_SETTINGS)


def _proof(note: str | None) -> tuple[Proof | None, str]:
    word, _, why = (note or "").partition(":")
    known = next((each for each in Proof if each.value == word), None)
    return known, why.strip()


def _started_at(pod: Document) -> Timestamp | None:
    started = [
        documents.moment(each, "state", "running", "startedAt")
        for each in documents.items(pod, "status", "containerStatuses")
    ]
    return max((each for each in started if each is not None), default=None)


def _ended_at(pod: Document) -> Timestamp | None:
    ended = [
        documents.moment(each, state, "terminated", "finishedAt")
        for each in documents.items(pod, "status", "containerStatuses")
        for state in ("lastState", "state")
        # One that ended well isn't started again.
        if state == "lastState" or documents.number(each, state, "terminated", "exitCode")
    ]
    return max((each for each in ended if each is not None), default=None)


def _placed_at(pod: Document) -> Timestamp | None:
    placed = documents.condition(pod, "PodScheduled")
    if documents.text(placed, "status") != "True":
        return None
    return documents.moment(placed, "lastTransitionTime")


def cpu_request(pod: Document) -> float | None:
    """Return the CPU request in cores of all that runs in the pod, None when it has none."""
    sidecars = [
        each
        for each in documents.items(pod, "spec", "initContainers")
        if each.get("restartPolicy") == "Always"
    ]
    requests = [
        documents.quantity(documents.dig(each, "resources", "requests", "cpu"))
        for each in (*documents.items(pod, "spec", "containers"), *sidecars)
    ]
    known = [each for each in requests if each is not None]
    return sum(known) if known else None


def cpu_usage(metrics: Document) -> float | None:
    """Return the cores a pod uses, from its PodMetrics; None when a container is missing."""
    usage = [
        documents.quantity(documents.dig(each, "usage", "cpu"))
        for each in documents.items(metrics, "containers")
    ]
    known = [each for each in usage if each is not None]
    return sum(known) if known and len(known) == len(usage) else None


def window(metrics: Document) -> float:
    """Return over how many seconds a PodMetrics was measured; 0 when it doesn't say."""
    text = documents.text(metrics, "window") or ""
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def told(bridge: Bridge, stats: BridgeStats, at: Timestamp) -> Bridge:
    """Return the bridge with what it told at a moment; an absurd number is an unknown one."""
    people, stress = stats.local_endpoints, stats.stress_level
    return replace(
        bridge,
        participants=_reading(people, at, PEOPLE_LIMIT),
        stress=_reading(stress, at, STRESS_LIMIT),
        traffic=_traffic(stats, at),
        draining=stats.drain,
        shutting_down=stats.shutting_down or stats.graceful_shutdown,
        healthy=stats.healthy,
        version=stats.version or bridge.version,
        has_relays=bool(stats.relay_id),
    )


def _traffic(stats: BridgeStats, at: Timestamp) -> Traffic | None:
    """Return what passes through a bridge; endpoints' rates are kbit/s, relays' bit/s."""
    packets = _sum(
        stats.packet_rate_download,
        stats.packet_rate_upload,
        stats.octo_receive_packet_rate,
        stats.octo_send_packet_rate,
    )
    endpoints = _sum(stats.bit_rate_download, stats.bit_rate_upload)
    relays = _sum(stats.octo_receive_bitrate, stats.octo_send_bitrate)
    return Traffic(
        at,
        packet_rate=packets,
        bit_rate=None if endpoints is None else 1000 * endpoints + (relays or 0),
        conferences=stats.conferences,
        packet_loss=stats.overall_loss,
        rtt=None if stats.rtt_aggregate is None else stats.rtt_aggregate / 1000,
    )


def _sum(first: float | None, second: float | None, *rest: float | None) -> float | None:
    """Return a sum; without its first two it isn't known, the rest may be missing."""
    if first is None or second is None:
        return None
    return first + second + sum(each or 0 for each in rest)


def _reading(value: float | None, at: Timestamp, most: float) -> Reading | None:
    return Reading(value, at) if value is not None and 0 <= value <= most else None


def node_of(
    node: Document,
    selector: Mapping[str, str],
    tolerations: tuple[Toleration, ...],
    zones: tuple[str, ...] = (),
    annotation: str = PUBLIC_ADDRESS,
) -> Node:
    """Return the node as a place for bridges with this selector, tolerations and zones.

    Args:
        node: The Node.
        selector: Labels it must have.
        tolerations: Taints that are put up with.
        zones: It must be in one of these; none: anywhere.
        annotation: Where its public addresses may be written.
    """
    labels = documents.texts(node, "metadata", "labels")
    internal = _addresses(node, "InternalIP")
    return Node(
        name=documents.name_of(node),
        ready=documents.text(documents.condition(node, "Ready"), "status") == "True",
        schedulable=documents.truth(node, "spec", "unschedulable") is not True
        and _tolerated(node, tolerations),
        matches=all(labels.get(key) == value for key, value in selector.items())
        and (not zones or labels.get(naming.ZONE_LABEL) in zones),
        internal_address=internal[0] if internal else None,
        external_addresses=_addresses(node, "ExternalIP"),
        announced=documents.texts(node, "metadata", "annotations").get(annotation),
        zone=labels.get(naming.ZONE_LABEL),
        kind=labels.get(INSTANCE_TYPE),
        leaving=vacating.departure(
            unschedulable=documents.truth(node, "spec", "unschedulable") is True,
            taints=documents.items(node, "spec", "taints"),
        ),
    )


def _addresses(node: Document, kind: str) -> tuple[str, ...]:
    """Return a node's addresses of a kind; what isn't one is left out."""
    said = [
        documents.text(each, "address") or ""
        for each in documents.items(node, "status", "addresses")
        if documents.text(each, "type") == kind
    ]
    return tuple(known[0] for each in said if (known := addresses.parse(each)) is not None)


def _awaits_address(pod: Document, notes: Mapping[str, str]) -> bool:
    names = [each.get("name") for each in documents.items(pod, "spec", "initContainers")]
    return naming.ADDRESS_CONTAINER in names and not notes.get(naming.ANNOTATION_ADDRESS_SOURCE)


def _deleting_since(pod: Document) -> Timestamp | None:
    """Return when deletion was asked for: the API's timestamp is when its grace ends."""
    ends = documents.moment(pod, "metadata", "deletionTimestamp")
    if ends is None:
        return None
    grace = documents.number(pod, "metadata", "deletionGracePeriodSeconds") or 0.0
    return Timestamp(ends - grace)


def _containers(pod: Document) -> list[Document]:
    """Return how the pod's containers do, those first that the bridge waits for."""
    kinds = ("initContainerStatuses", "containerStatuses")
    return [each for kind in kinds for each in documents.items(pod, "status", kind)]


def _waiting_reason(pod: Document) -> str | None:
    for each in _containers(pod):
        reason = documents.text(each, "state", "waiting", "reason")
        if reason is not None and reason not in STARTING:
            return reason
    scheduled = documents.condition(pod, "PodScheduled")
    if documents.text(scheduled, "status") == "False":
        return documents.text(scheduled, "reason")
    return None


def _last_error(pod: Document) -> str | None:
    for each in _containers(pod):
        for state in ("state", "lastState"):
            code = documents.number(each, state, "terminated", "exitCode")
            if code:
                reason = documents.text(each, state, "terminated", "reason") or "Error"
                said = _last_line(documents.text(each, state, "terminated", "message"))
                return f"{reason}: exit code {int(code)}{said}"
        waiting = documents.text(each, "state", "waiting", "message")
        if waiting:
            return waiting[:ERROR_LENGTH]
    scheduled = documents.condition(pod, "PodScheduled")
    if documents.text(scheduled, "status") == "False":
        return (documents.text(scheduled, "message") or "")[:ERROR_LENGTH] or None
    return None


def _last_line(said: str | None) -> str:
    """Return the last thing a container said, as the end of a sentence."""
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return f": {lines[-1][:ERROR_LENGTH]}" if lines else ""


def _tolerated(node: Document, tolerations: tuple[Toleration, ...]) -> bool:
    return all(
        documents.text(taint, "effect") == "PreferNoSchedule"
        or any(_tolerates(each, taint) for each in tolerations)
        for taint in documents.items(node, "spec", "taints")
    )


def _tolerates(toleration: Toleration, taint: Document) -> bool:
    if toleration.effect not in (None, "", documents.text(taint, "effect")):
        return False
    if toleration.key is None:
        return toleration.operator == "Exists"
    if toleration.key != documents.text(taint, "key"):
        return False
    return toleration.operator == "Exists" or (toleration.value or "") == (
        documents.text(taint, "value") or ""
    )
