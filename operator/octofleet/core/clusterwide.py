"""What is wrong with a cluster as a whole: its controller side, and how its regions lie. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from octofleet.api.clusters import SelectionStrategy
from octofleet.api.status import ConditionStatus, RegionStatus
from octofleet.core import links, nearness
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.links import Linking
from octofleet.core.meshing import Mesh

__all__ = ["Whole", "verdicts"]

T = ConditionType
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
BLIND = (SelectionStrategy.SINGLE,)
"""Strategies that don't look at regions."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All that a cluster is judged by."""

    controller_ready: bool
    message: str
    mesh: Mesh | None
    """How its regions hang together; None while that isn't known."""
    regions: Sequence[RegionStatus]
    linking: Linking | None = None
    """What was seen of its links; None while Jicofo can't be asked."""
    credentials: Verdict | None = None
    """On its passwords; None while nothing is known of them."""
    restarts: Verdict | None = None
    """Whether Prosody or Jicofo waits to be restarted; None while that isn't known."""
    web: Verdict | None = None
    """On its web servers; None where they aren't the operator's, or nothing is known of them."""
    domain: str = ""
    """The domain that Prosody serves; empty while that isn't known."""


def verdicts(whole: Whole) -> tuple[Verdict, ...]:
    """Return a verdict on every condition of a cluster."""
    alive = (
        links.meshed(whole.mesh, whole.linking),
        nearness.near(whole.mesh, whole.linking),
        whole.credentials,
    )
    laid = () if whole.mesh is None else _laid(whole.mesh, whole)
    told = (whole.restarts, whole.web, *alive)
    return (*_controller(whole), *laid, *(each for each in told if each is not None))


def _controller(whole: Whole) -> tuple[Verdict, ...]:
    if whole.controller_ready:
        text = "Prosody and Jicofo are ready"
        return (
            Verdict(T.READY, TRUE, Reason.CONTROLLER_READY, text),
            Verdict(T.PROGRESSING, FALSE, Reason.SETTLED, text),
        )
    text, why = whole.message or "Prosody or Jicofo isn't ready", Reason.CONTROLLER_NOT_READY
    return Verdict(T.READY, FALSE, why, text), Verdict(T.PROGRESSING, TRUE, why, text)


def _laid(mesh: Mesh, whole: Whole) -> tuple[Verdict, ...]:
    regions = nearness.regions_of(mesh, whole.linking)
    return _regional(mesh, regions), _apart(mesh, regions, whole.regions)


def _regional(mesh: Mesh, regions: Sequence[str]) -> Verdict:
    names = ", ".join(regions[:5])
    if len(regions) < 2:
        return Verdict(T.REGIONAL, TRUE, Reason.ONE_REGION, "there is one region")
    if mesh.strategy in BLIND:
        text = (
            f"there are regions {names}, but controller.jicofo.strategy {mesh.strategy} doesn't"
            " look at them, so people land far away: take the field away, or set it to"
            f" {SelectionStrategy.REGION_BASED}"
        )
        return Verdict(T.REGIONAL, FALSE, Reason.STRATEGY_NOT_REGIONAL, text)
    if not mesh.relays:
        text = (
            f"there are regions {names}, but octo.relays is Disabled: everyone of a meeting is"
            " on one bridge, however far away; set octo.relays: Auto"
        )
        return Verdict(T.REGIONAL, FALSE, Reason.RELAYS_OFF, text)
    return Verdict(T.REGIONAL, TRUE, Reason.BY_REGION, f"people are placed by region: {names}")


def _apart(mesh: Mesh, names: Sequence[str], regions: Sequence[RegionStatus]) -> Verdict:
    if len(names) < 2:
        return Verdict(T.APART, TRUE, Reason.ONE_REGION, "there is one region")
    known = [each.zones for each in regions if each.zones]
    zones = sorted({zone for each in known for zone in each})
    if len(zones) > 1 and len(known) > 1:
        return Verdict(T.APART, TRUE, Reason.SEVERAL_ZONES, f"bridges run in {', '.join(zones)}")
    if mesh.elsewhere or len(known) < 2:
        text = "fewer than two regions have bridges on nodes with a zone label"
        if mesh.elsewhere:
            text = "where the bridges of regions in another Kubernetes run isn't seen from here"
        return Verdict(T.APART, UNKNOWN, Reason.ZONES_UNKNOWN, text)
    text = (
        f"the bridges of all {len(known)} regions are in zone {zones[0]}: they fail together, and"
        " are near nobody but those near it; place each region where its people are, with"
        " bridge.nodeSelector or placement"
    )
    return Verdict(T.APART, FALSE, Reason.REGIONS_IN_ONE_ZONE, text)
