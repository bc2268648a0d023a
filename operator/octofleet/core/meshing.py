"""How a cluster's regions hang together, and what Jicofo is told of that. Pure.

Regions come as the cluster's OctoRegions tell them. A region's name may stand on several of them
(two fleets in one region): it is one region to Jicofo.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from octofleet.api.clusters import SelectionStrategy
from octofleet.api.effective import EffectiveCluster

__all__ = ["Mesh", "Place", "mesh_of"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where one OctoRegion is."""

    region: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Mesh:
    """How a cluster's regions hang together."""

    regions: tuple[str, ...]
    """Every region's name, sorted."""
    groups: tuple[tuple[str, ...], ...]
    """Groups of regions that count as near one another, of two regions or more, sorted."""
    strategy: SelectionStrategy
    local_region: str | None = None


def mesh_of(cluster: EffectiveCluster, places: Iterable[Place]) -> Mesh:
    """Return how the cluster's regions hang together."""
    found = sorted(set(places), key=lambda place: (place.region, place.group or ""))
    regions = tuple(sorted({place.region for place in found}))
    return Mesh(
        regions=regions,
        groups=_groups(found),
        strategy=cluster.strategy or _fitting(regions),
        local_region=cluster.local_region,
    )


def _fitting(regions: tuple[str, ...]) -> SelectionStrategy:
    return SelectionStrategy.REGION_BASED if len(regions) > 1 else SelectionStrategy.SINGLE


def _groups(places: list[Place]) -> tuple[tuple[str, ...], ...]:
    """Return the groups; a region on which fleets disagree is in the first of its groups alone.

    Jicofo takes the first group that names a region, so that one named twice would be near some
    in one direction only.
    """
    first: dict[str, str] = {}
    for place in places:
        if place.group is not None:
            first.setdefault(place.region, place.group)
    members: defaultdict[str, list[str]] = defaultdict(list)
    for region, group in first.items():
        members[group].append(region)
    return tuple(sorted(tuple(sorted(each)) for each in members.values() if len(each) > 1))
