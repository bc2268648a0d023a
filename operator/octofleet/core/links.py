"""Links between a cluster's bridges: which there should be, which there are, what they measure.

Pure. What should be linked is Jicofo's word: the relays of each meeting's sessions. What is comes
from the bridges at both ends. An end that can't be asked is unknown, not broken, and a link gets a
moment to come up.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from octofleet.api.status import LINKS_SHOWN, ConditionStatus, LinkStatus
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.meshing import Mesh
from octofleet.core.observation import Timestamp
from octofleet.core.wording import first_of

__all__ = [
    "Between",
    "End",
    "Linking",
    "Person",
    "Wanted",
    "between",
    "broken_pairs",
    "link_status",
    "meshed",
]

SETTLING_SECONDS: Final = 15.0
"""A link that isn't up after so long is broken."""
NAMED: Final = 5
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A link that a meeting needs, as Jicofo sees it; bridges by their nicknames, sorted."""

    meeting: str
    pair: Pair


@dataclass(frozen=True, slots=True)
class End:
    """A link as one of its bridges sees it."""

    meeting: str
    bridge: str
    far: str
    """The other bridge."""
    connected: bool
    rtt: float | None = None
    """Seconds."""
    loss: float | None = None
    """Fraction of what was sent to this end that didn't arrive."""


@dataclass(frozen=True, slots=True)
class Person:
    """Where somebody is, and where the bridge is that serves them."""

    region: str | None
    bridge_region: str | None


@dataclass(frozen=True, slots=True)
class Linking:
    """What was seen of a cluster's links."""

    at: Timestamp
    regions: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Of every bridge that Jicofo uses, by nickname."""
    without_id: tuple[str, ...] = ()
    """Bridges that Jicofo uses and that have no relay id."""
    wanted: tuple[Wanted, ...] = ()
    ends: tuple[End, ...] = ()
    silent: frozenset[str] = frozenset()
    """Bridges with links that couldn't be asked."""
    since: Mapping[Pair, Timestamp] = field(default_factory=dict[Pair, Timestamp])
    """Since when a pair of bridges isn't linked as it should be."""
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Between:
    """What the links between two regions measure, or those within one."""

    regions: Pair
    links: int
    connected: int
    rtt: float | None
    """Seconds, the median."""
    loss: float | None
    """Fraction, the mean."""


def broken_pairs(
    wanted: Iterable[Wanted], ends: Iterable[End], silent: frozenset[str]
) -> frozenset[Pair]:
    """Return the pairs that share a meeting and aren't linked for it, by what an end says."""
    up = {(end.meeting, end.bridge, end.far) for end in ends if end.connected}
    broken: set[Pair] = set()
    for each in wanted:
        first, second = each.pair
        for here, there in ((first, second), (second, first)):
            if here not in silent and (each.meeting, here, there) not in up:
                broken.add(each.pair)
    return frozenset(broken)


def meshed(mesh: Mesh | None, seen: Linking | None) -> Verdict | None:
    """Return the verdict on a cluster's links; None where relays are off."""
    if mesh is None or not mesh.relays:
        return None
    if seen is None:
        return _said(UNKNOWN, Reason.JICOFO_UNREACHABLE, "Jicofo can't be asked what is linked")
    if seen.without_id and len(seen.regions) > 1:
        return _said(FALSE, Reason.RELAY_ID_MISSING, _without_id(seen.without_id))
    late = [pair for pair, since in seen.since.items() if seen.at - since >= SETTLING_SECONDS]
    if late:
        return _said(FALSE, Reason.LINK_BROKEN, _broken(sorted(late), seen.regions))
    pairs = {each.pair for each in seen.wanted}
    if not pairs:
        return _said(TRUE, Reason.NOTHING_TO_LINK, "no meeting is on several bridges just now")
    known = {pair for pair in pairs if not seen.silent.issuperset(pair)}
    if not known:
        return _said(UNKNOWN, Reason.BRIDGES_SILENT, "no bridge of a shared meeting can be asked")
    if seen.since:
        return _said(UNKNOWN, Reason.LINKING, "links are being set up")
    return _said(TRUE, Reason.ALL_LINKED, "all bridges that share a meeting are linked")


def between(seen: Linking | None) -> tuple[Between, ...]:
    """Return what is measured between regions, for each pair of them that has links."""
    if seen is None:
        return ()
    found: defaultdict[Pair, list[End]] = defaultdict(list)
    for end in seen.ends:
        here, there = seen.regions.get(end.bridge), seen.regions.get(end.far)
        if here is not None and there is not None:
            found[min(here, there), max(here, there)].append(end)
    return tuple(_measured(pair, ends) for pair, ends in sorted(found.items()))[:LINKS_SHOWN]


def link_status(found: Between) -> LinkStatus:
    """Return it as people read it."""
    return LinkStatus(
        first=found.regions[0],
        second=found.regions[1],
        links=found.links,
        connected=found.connected,
        rtt=None if found.rtt is None else f"{1000 * found.rtt:.0f}ms",
        loss=None if found.loss is None else f"{100 * found.loss:.2f}%",
    )


def _measured(pair: Pair, ends: Sequence[End]) -> Between:
    trips = [end.rtt for end in ends if end.connected and end.rtt is not None]
    losses = [end.loss for end in ends if end.connected and end.loss is not None]
    every = {_link(end) for end in ends}
    down = {_link(end) for end in ends if not end.connected}
    return Between(
        regions=pair,
        links=len(every),
        connected=len(every - down),
        rtt=statistics.median(trips) if trips else None,
        loss=statistics.fmean(losses) if losses else None,
    )


def _link(end: End) -> tuple[str, str, str]:
    return (end.meeting, min(end.bridge, end.far), max(end.bridge, end.far))


def _said(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(ConditionType.MESHED, status, reason, message)


def _without_id(bridges: Sequence[str]) -> str:
    return (
        f"{first_of(sorted(bridges), NAMED)} have no relay id, so that no meeting can be on them"
        " and another bridge: they started before relays were on. Drain them (octofleet drain),"
        " their successors have one"
    )


def _broken(pairs: Sequence[Pair], regions: Mapping[str, str | None]) -> str:
    told = [f"{a} ({regions.get(a) or '?'}) and {b} ({regions.get(b) or '?'})" for a, b in pairs]
    return (
        f"no link between {first_of(told, NAMED)}, though they share a meeting: people there don't"
        " hear one another. Check that UDP passes between their nodes both ways, on any port: each"
        " link has one of its own at one end"
    )
