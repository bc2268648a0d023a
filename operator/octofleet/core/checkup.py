"""What `octofleet doctor` finds: each trouble by name, where it is, and what to do. Pure.

It judges documents and the conditions that the operator wrote; what it adds is what the operator
can't say: that it isn't there, or may not do its work.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from octofleet.api.clusters import JitsiCluster
from octofleet.api.regions import OctoRegion
from octofleet.api.status import Condition, ConditionStatus
from octofleet.core import events
from octofleet.core.conditions import ConditionType, Reason
from octofleet.core.observation import Node

__all__ = [
    "Complaint",
    "Namespace",
    "is_trouble",
    "of_namespaces",
    "of_nodes",
    "of_resources",
    "of_web",
]

LEVELS_THAT_FORBID: Final = ("baseline", "restricted")
FORGIVEN: Final = frozenset({Reason.PAUSED.value})
"""What a person has asked for is no trouble."""


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """A trouble, its name for programs, and what to do about it."""

    where: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that bridges are, or are to be, in."""

    name: str
    enforced: str | None = None
    """The pod-security level that is enforced."""


def of_namespaces(namespaces: Iterable[Namespace]) -> list[Complaint]:
    """Return complaints about namespaces that forbid bridges."""
    return [
        Complaint(
            f"namespace {each.name}",
            Reason.POD_SECURITY.value,
            f"pod-security level {each.enforced} forbids pods on the node's network, which bridges"
            f" need: kubectl label namespace {each.name}"
            " pod-security.kubernetes.io/enforce=privileged --overwrite",
        )
        for each in namespaces
        if each.enforced in LEVELS_THAT_FORBID
    ]


def of_nodes(nodes: Sequence[Node]) -> list[Complaint]:
    """Return a complaint when no node could carry a bridge."""
    if any(each.ready and each.schedulable for each in nodes):
        return []
    text = f"none of {len(nodes)} nodes is ready and without taints: bridges need one each"
    return [Complaint("nodes", Reason.NO_NODE.value, text)]


def of_resources(
    clusters: Iterable[JitsiCluster], regions: Iterable[OctoRegion]
) -> list[Complaint]:
    """Return complaints about what the operator says isn't as it should be."""
    found: list[Complaint] = []
    for cluster in clusters:
        where = f"JitsiCluster {cluster.metadata.namespace}/{cluster.metadata.name}"
        status = cluster.status
        seen = status.observed_generation if status else None
        found += _of(where, status.conditions if status else (), seen, cluster.metadata.generation)
    for region in regions:
        where = f"OctoRegion {region.metadata.namespace}/{region.metadata.name}"
        status = region.status
        seen = status.observed_generation if status else None
        found += _of(where, status.conditions if status else (), seen, region.metadata.generation)
    return found


def of_web(where: str, host: str, ingresses: Mapping[str, Sequence[str]]) -> list[Complaint]:
    """Return a complaint when Ingresses lead to web servers, but none by their public host.

    Args:
        where: The JitsiCluster.
        host: Where the pages send people.
        ingresses: The hosts of each Ingress that leads there, by name; empty text is any host.
    """
    hosts = [each for many in ingresses.values() for each in many]
    if not hosts or any(_fits(each, host) for each in hosts):
        return []
    text = (
        f"Ingress {', '.join(sorted(ingresses))} leads to the web servers by"
        f" {', '.join(sorted(set(hosts)))}, but their pages send people to {host}: set"
        " controller.web.publicUrl to what people open, or the Ingress' host to that"
    )
    return [Complaint(where, Reason.WEB_HOST_DIFFERS.value, text)]


def _fits(pattern: str, host: str) -> bool:
    """Return whether an Ingress' host, which may be *.example.org, is for a host."""
    wild = pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]
    return pattern in ("", host) or wild


def _of(
    where: str, conditions: Sequence[Condition], seen: int | None, generation: int
) -> list[Complaint]:
    if not conditions or seen is None or seen < generation:
        text = (
            "the operator hasn't looked at it as it is now: see whether it runs, and its logs"
            " (kubectl logs -n octofleet-system deployment/octofleet)"
        )
        return [Complaint(where, "NotReconciled", text)]
    return [
        Complaint(where, each.reason, f"{each.type}={each.status.value}: {each.message}")
        for each in conditions
        if is_trouble(each)
    ]


def is_trouble(each: Condition) -> bool:
    """Return whether a condition tells of something to mend."""
    if each.reason in FORGIVEN:
        return False
    if each.reason in (Reason.DRAIN_OVERDUE, Reason.DRAIN_FAILING):
        return True
    if each.type == ConditionType.READY and each.status is ConditionStatus.UNKNOWN:
        return True
    return any(each.type == kind and each.status == bad for kind, bad in events.WARNS_WHEN.items())
