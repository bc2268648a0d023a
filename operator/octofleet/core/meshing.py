"""How a cluster's regions hang together, and what Jicofo is told of that. Pure.

Regions come as the cluster's OctoRegions tell them. A region's name may stand on several of them
(two fleets in one region): it is one region to Jicofo.

Relays are for clusters that need them: with several regions people should be on a bridge near
them, and a meeting larger than a bridge needs more than one. Elsewhere they'd only cost.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from octofleet.api.clusters import SelectionStrategy
from octofleet.api.effective import EffectiveCluster
from octofleet.api.octo import Octo, Relays
from octofleet.api.quantities import quantity

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
    """Every region's name, sorted; of those in another Kubernetes, the ones that are told."""
    groups: tuple[tuple[str, ...], ...]
    """Groups of regions that count as near one another, of two regions or more, sorted."""
    strategy: SelectionStrategy
    local_region: str | None = None
    elsewhere: bool = False
    """Regions in another Kubernetes may join: not all are seen from here."""
    relays: bool = False
    """A meeting may be on several bridges."""
    stress_threshold: float | None = None
    """From here on Jicofo takes a bridge for overloaded; None: as Jicofo has it."""
    participants_per_bridge: int | None = None
    """People of one meeting that a bridge takes; None: as Jicofo has it."""


def mesh_of(cluster: EffectiveCluster, places: Iterable[Place]) -> Mesh:
    """Return how the cluster's regions hang together.

    Args:
        cluster: What holds for the cluster.
        places: Where its regions in this Kubernetes are.
    """
    away = (Place(each.region, each.region_group) for each in cluster.remote_regions)
    found = sorted({*places, *away}, key=lambda place: (place.region, place.group or ""))
    regions = tuple(sorted({place.region for place in found}))
    # Whoever is let in from another Kubernetes may come at any time, with bridges that must be
    # linked to those that are here by then.
    elsewhere = cluster.remote_service is not None
    several = elsewhere or len(regions) > 1
    relays = _has_relays(cluster.octo, several=several)
    only = regions[0] if relays and len(regions) == 1 else None
    return Mesh(
        regions=regions,
        groups=_groups(found),
        strategy=cluster.strategy or _fitting(several=several or relays),
        # By regions, Jicofo fills bridges one after the other only for people of some region.
        local_region=cluster.local_region or only,
        elsewhere=elsewhere,
        relays=relays,
        stress_threshold=quantity(cluster.octo.stress_threshold),
        participants_per_bridge=cluster.octo.participants_per_bridge if relays else None,
    )


def _has_relays(wanted: Octo, *, several: bool) -> bool:
    if wanted.relays is not Relays.AUTO:
        return wanted.relays is Relays.ENABLED
    return several or (wanted.largest_meeting or 0) > wanted.participants_per_bridge


def _fitting(*, several: bool) -> SelectionStrategy:
    return SelectionStrategy.REGION_BASED if several else SelectionStrategy.SINGLE


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
