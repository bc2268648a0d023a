"""From users and meetings to a size: how many bridges, of which machine, in which regions.

Pure arithmetic on the same costs that the simulator uses. Of the users, a share meets at the busy
hour; meetings of the typical size make so many packets a second; bridges are filled to a
stress of 0.7 at the peak, with room for one to fail. A single bridge can't fail safely, so there
are two at least in every region.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from octofleet.simulate.media import MEDIA, costs

__all__ = ["MACHINES", "Demand", "Machine", "Option", "Region", "options", "recommended", "size_of"]

FILL: Final = 0.7
SMALL_BRIDGES: Final = 2
MEDIUM_BRIDGES: Final = 10


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine for bridges."""

    name: str
    cores: int
    packet_rate: float
    price: float
    """Of an hour, relative to others: cores in proportion, with a premium for the largest."""


MACHINES: Final = (
    Machine("4 cores", 4, 45_000, 0.20),
    Machine("8 cores", 8, 85_000, 0.40),
    Machine("16 cores", 16, 145_000, 0.82),
    # One process has few threads that do the work: large machines don't scale in proportion.
    Machine("32 cores", 32, 190_000, 1.75),
)


@dataclass(frozen=True, slots=True)
class Demand:
    """Who is to be served."""

    users: int
    """At the busy hour, in meetings at the same time."""
    meeting_size: int
    media: str = "meeting"
    regions: tuple[str, ...] = ("eu",)


@dataclass(frozen=True, slots=True)
class Region:
    """A region's part."""

    name: str
    users: int
    bridges: int
    peak_bridges: int
    """At most, when scaling out."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve the demand."""

    machine: Machine
    regions: tuple[Region, ...]
    stress_each: float
    """Of one person on this machine."""

    @property
    def bridges(self) -> int:
        """Return the bridges of all regions."""
        return sum(each.bridges for each in self.regions)

    @property
    def price(self) -> float:
        """Return the price of an hour at the peak."""
        return self.bridges * self.machine.price

    @property
    def lost_at_once(self) -> float:
        """Return the share of all users that one failing machine interrupts."""
        users = sum(each.users for each in self.regions)
        worst = max(each.users / each.bridges for each in self.regions)
        return worst / users if users else 0.0


def options(demand: Demand) -> tuple[Option, ...]:
    """Return the demand on every kind of machine, the cheapest first."""
    found = [_option(demand, machine) for machine in MACHINES]
    return tuple(sorted(found, key=lambda each: (each.price, each.lost_at_once)))


def recommended(demand: Demand) -> Option:
    """Return the cheapest option in which a failure interrupts no more than it must.

    Where one machine could carry it all, two or more are still wanted; among options within a
    quarter of the lowest price, the one that loses least at once is the better.
    """
    found = options(demand)
    near = [each for each in found if each.price <= 1.25 * found[0].price]
    return min(near, key=lambda each: (each.lost_at_once, each.price, each.bridges))


def size_of(bridges: int, regions: int) -> str:
    """Return the starting point of a JitsiCluster that is nearest."""
    if regions > 1 or bridges > MEDIUM_BRIDGES:
        return "large" if bridges > MEDIUM_BRIDGES * regions else "medium"
    return "small" if bridges <= SMALL_BRIDGES else "medium"


def _option(demand: Demand, machine: Machine) -> Option:
    table = costs(MEDIA[demand.media]).person
    size = min(max(2, demand.meeting_size), len(table) - 1)
    stress = table[size] / machine.packet_rate
    share = _shares(demand)
    regions = tuple(_region(name, users, stress) for name, users in share.items())
    return Option(machine, regions, stress)


def _region(name: str, users: int, stress: float) -> Region:
    needed = math.ceil(users * stress / FILL - 1e-9)
    # One bridge more than the load needs, so that one may fail at the peak; two at least.
    bridges = max(2, needed + 1 if needed > 1 else 2)
    return Region(name, users, bridges, max(bridges + 1, math.ceil(1.5 * bridges)))


def _shares(demand: Demand) -> Mapping[str, int]:
    number = len(demand.regions)
    base, rest = divmod(demand.users, number)
    return {name: base + (n < rest) for n, name in enumerate(demand.regions)}
