"""Do people land near where they are? What regions are for, and what is easily left undone. Pure.

A client tells its region (`deploymentInfo.userRegion` in the web client's configuration), else
Jicofo can't place anybody near it, and says nothing of that.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from octofleet.api.clusters import SelectionStrategy
from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.links import Linking, Person
from octofleet.core.meshing import Mesh

__all__ = ["near", "regions_of"]

ENOUGH: Final = 2
"""So few people say nothing about how regions work."""
TOLERATED: Final = 0.2
"""The share of people who may be far away: when a region is full they should be."""
BY_REGION: Final = (SelectionStrategy.REGION_BASED,)
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def near(mesh: Mesh | None, seen: Linking | None) -> Verdict | None:
    """Return the verdict on where people are served; None for a cluster of one region."""
    if mesh is None or len(regions_of(mesh, seen)) < 2:
        return None
    if seen is None:
        return _said(UNKNOWN, Reason.JICOFO_UNREACHABLE, "Jicofo can't be asked who is where")
    if len(seen.people) < ENOUGH:
        return _said(UNKNOWN, Reason.NOBODY_THERE, "hardly anybody is in a meeting just now")
    nowhere = sum(person.region is None for person in seen.people)
    if nowhere > TOLERATED * len(seen.people):
        return _said(FALSE, Reason.REGION_NOT_TOLD, _untold())
    served = {region for region in seen.regions.values() if region is not None}
    far = [each for each in seen.people if _is_far(each, served, mesh)]
    if len(far) > TOLERATED * len(seen.people):
        return _said(FALSE, Reason.PEOPLE_FAR_AWAY, _far(far, mesh))
    return _said(TRUE, Reason.PEOPLE_NEAR, "people are on bridges near them")


def regions_of(mesh: Mesh, seen: Linking | None) -> tuple[str, ...]:
    """Return all regions by name, sorted: those that are told, and those of Jicofo's bridges.

    The latter may be in another Kubernetes.
    """
    served = () if seen is None else seen.regions.values()
    return tuple(sorted({*mesh.regions, *(each for each in served if each is not None)}))


def _is_far(person: Person, served: set[str], mesh: Mesh) -> bool:
    """Tell whether somebody is far away although a bridge is near."""
    if person.region is None or person.bridge_region is None:
        return False
    group = next((set(each) for each in mesh.groups if person.region in each), {person.region})
    return person.bridge_region not in group and not group.isdisjoint(served)


def _untold() -> str:
    return (
        "most people's clients don't tell their region, so Jicofo can't place them near it: give"
        " each OctoRegion `web` and lead its people there, or set deploymentInfo.userRegion in your"
        " own web servers' configuration (the ConfigMap REGION-web holds it for the web image)"
    )


def _far(people: Sequence[Person], mesh: Mesh) -> str:
    ways = Counter((each.region, each.bridge_region) for each in people)
    (region, bridge), _ = min(ways.items(), key=lambda way: (-way[1], str(way[0])))
    if not mesh.relays:
        fix = "a meeting is on one bridge while octo.relays is Disabled: set it to Auto"
    elif mesh.strategy not in BY_REGION:
        fix = f"controller.jicofo.strategy is {mesh.strategy.value}, which isn't by region of each"
    else:
        fix = "the bridges near them are full or not ready: raise autoscaling.maxBridges there"
    return f"many people are far from their bridge, such as those of {region} on {bridge}; {fix}"


def _said(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(ConditionType.NEAR, status, reason, message)
