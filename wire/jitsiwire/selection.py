"""Which bridge a participant goes to: Jicofo's rules, all five strategies.

    select(strategy, bridges, conference_bridges, participant, settings) -> Candidate | None

`bridges` is every bridge known, `conference_bridges` those the conference is on already, in the
order they joined it. None means: no bridge, the participant waits. First the pre-filter, common
to all strategies, takes out what may not be used; then the strategy picks from the rest, sorted
by class and corrected stress, so that "first" always means "least loaded".

Source: jicofo 7ebb13dc, bridge/BridgeSelector.kt and bridge/*SelectionStrategy.kt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from jitsiwire.bridge_view import Candidate
from jitsiwire.errors import LocalProtocolError

__all__ = [
    "ConferenceBridge",
    "Participant",
    "SelectionSettings",
    "Strategy",
    "prefilter",
    "select",
]


class Strategy(StrEnum):
    """`jicofo.bridge.selection-strategy`."""

    SINGLE = "SingleBridgeSelectionStrategy"
    """All of a conference on one bridge."""
    SPLIT = "SplitBridgeSelectionStrategy"
    """Every participant on another bridge, for tests of relays."""
    REGION_BASED = "RegionBasedBridgeSelectionStrategy"
    """Near the participant, spilling over by load."""
    INTRA_REGION = "IntraRegionBridgeSelectionStrategy"
    """All of a conference in the region where it began."""
    VISITOR = "VisitorSelectionStrategy"
    """Participants and visitors apart, each class by its own strategy."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Whom a bridge is looked for."""

    region: str | None = None
    visitor: bool = False


@dataclass(frozen=True, slots=True)
class ConferenceBridge:
    """A bridge the conference is on."""

    bridge: Candidate
    participants: int
    """Of this conference."""
    visitor: bool = False
    """It was taken for visitors."""
    recent: int = 0
    """Participants of this conference placed there within the limiter's interval."""


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """`jicofo.bridge.*` and `jicofo.octo.*` as far as they rule selection."""

    multi_bridge: bool = False
    """`jicofo.octo.enabled`: a conference may be on several bridges."""
    allow_mixed_versions: bool = False
    max_bridge_participants: int = 80
    """Of one conference on one bridge; -1 is off."""
    max_bridge_participants_per_interval: int = -1
    """Of one conference placed on one bridge within the interval; -1 is off."""
    region_groups: tuple[tuple[str, ...], ...] = ()
    local_region: str | None = None
    participant_strategy: Strategy | None = None
    """Mandatory with VISITOR."""
    visitor_strategy: Strategy | None = None
    pinned_version: str | None = None
    """The full version this conference is pinned to."""

    def group(self, region: str | None) -> frozenset[str]:
        """The regions that count as near this one; a region in no group is its own."""
        if region is None:
            return frozenset()
        for group in self.region_groups:
            if region in group:
                return frozenset(group)
        return frozenset({region})


def select(
    strategy: Strategy,
    bridges: Iterable[Candidate],
    conference_bridges: Sequence[ConferenceBridge],
    participant: Participant,
    settings: SelectionSettings,
) -> Candidate | None:
    """Return the bridge for this participant, or None."""
    using = [used for used in conference_bridges if used.bridge.operational]
    candidates = prefilter(bridges, using, settings)
    if not candidates:
        return None
    multi = settings.multi_bridge or strategy is Strategy.SPLIT
    if using and (not multi or using[0].bridge.relay_id is None):
        chosen = using[0].bridge
    else:
        chosen = _pick(strategy, _Choice(candidates, using, participant, settings))
    if chosen is None or not using:
        return chosen
    joined = {used.bridge.jid for used in using}
    linked = all(bridge.relay_id for bridge in (chosen, *(used.bridge for used in using)))
    if chosen.jid in joined or (settings.multi_bridge and linked):
        return chosen
    return None  # a second bridge, and they can't be joined by relays


def prefilter(
    bridges: Iterable[Candidate], using: Sequence[ConferenceBridge], settings: SelectionSettings
) -> list[Candidate]:
    """Return the bridges that may be used at all, least loaded first."""
    version = using[0].bridge.version if using else None
    pinned = settings.pinned_version
    if pinned is not None and version is not None and pinned != version:
        return []
    version = version or pinned
    found = sorted(bridges, key=lambda bridge: bridge.rank)
    found = [b for b in found if b.operational and not b.shutting_down]
    if version is not None and not settings.allow_mixed_versions:
        found = [b for b in found if b.version == version]
    found = [b for b in found if not b.drain] or found
    return [b for b in found if not b.graceful_shutdown] or found


@dataclass(frozen=True, slots=True)
class _Choice:
    """One choice to be made, with the questions strategies ask of it."""

    candidates: list[Candidate]
    using: Sequence[ConferenceBridge]
    participant: Participant
    settings: SelectionSettings
    used: dict[str, ConferenceBridge] = field(init=False)

    def __post_init__(self) -> None:
        # A frozen class can only be completed this way.
        object.__setattr__(self, "used", {used.bridge.jid: used for used in self.using})

    @property
    def least_loaded(self) -> Candidate | None:
        """The first of all."""
        return next(iter(self.candidates), None)

    @property
    def joined(self) -> list[Candidate]:
        """Candidates the conference is on already."""
        return [b for b in self.candidates if b.jid in self.used]

    def full(self, bridge: Candidate) -> bool:
        """Whether the conference has as many participants there as it may."""
        used, limit = self.used.get(bridge.jid), self.settings.max_bridge_participants
        return used is not None and 0 < limit <= used.participants

    def overloaded(self, bridge: Candidate) -> bool:
        """Whether this conference should rather not add a participant there."""
        used, limit = self.used.get(bridge.jid), self.settings.max_bridge_participants_per_interval
        limited = used is not None and 0 < limit <= used.recent
        return bridge.overloaded or self.full(bridge) or limited


def _pick(strategy: Strategy, choice: _Choice) -> Candidate | None:
    match strategy:
        case Strategy.SINGLE:
            return _single(choice)
        case Strategy.SPLIT:
            return _split(choice)
        case Strategy.REGION_BASED:
            return _region_based(choice)
        case Strategy.INTRA_REGION:
            return _intra_region(choice)
        case Strategy.VISITOR:
            return _visitor(choice)


def _single(choice: _Choice) -> Candidate | None:
    if len(choice.using) > 1:
        return None
    if choice.using:
        return choice.using[0].bridge
    near = _in_region(choice.candidates, choice.participant.region)
    return next(iter(near), None) or choice.least_loaded


def _split(choice: _Choice) -> Candidate | None:
    fresh = [b for b in choice.candidates if b.jid not in choice.used]
    if fresh:
        return fresh[0]
    return min(choice.joined, key=lambda b: choice.used[b.jid].participants, default=None)


def _region_based(choice: _Choice) -> Candidate | None:
    region = _effective_region(choice)
    group = choice.settings.group(region)
    joined, every = choice.joined, choice.candidates
    free_joined = [b for b in joined if not choice.overloaded(b)]
    free = [b for b in every if not choice.overloaded(b)]
    rules: tuple[Iterable[Candidate], ...] = (
        _in_region(free_joined, region),
        _in_group(free_joined, group),
        _in_region(free, region),
        _in_group(free, group),
        free_joined,
        # Only stress counts here: the participants' cap and the limiter don't.
        (b for b in every if not b.overloaded),
        (b for b in joined if not choice.full(b)),
        every,
    )
    return next((bridge for rule in rules for bridge in rule), None)


def _effective_region(choice: _Choice) -> str | None:
    """The participant's region, bent towards the focus' own where that keeps people together."""
    local, theirs = choice.settings.local_region, choice.participant.region
    region = local if theirs is None else theirs
    if local is None:
        return region
    group = choice.settings.group(region)
    if not choice.using and region != local and local in group:
        return local
    if not any(b.region in group for b in choice.candidates):
        return local
    return region


def _intra_region(choice: _Choice) -> Candidate | None:
    if not choice.using:
        near = _in_region(choice.candidates, choice.participant.region)
        free = [b for b in near if not choice.overloaded(b)]
        return next(iter(free), None) or choice.least_loaded
    region = choice.using[0].bridge.region
    joined = _in_region(choice.joined, region)
    rules = (
        [b for b in joined if not choice.overloaded(b)],
        [b for b in _in_region(choice.candidates, region) if not choice.overloaded(b)],
        joined,
    )
    return next((bridge for rule in rules for bridge in rule), None)


def _visitor(choice: _Choice) -> Candidate | None:
    visitor, settings = choice.participant.visitor, choice.settings
    inner = settings.visitor_strategy if visitor else settings.participant_strategy
    if inner is None or inner is Strategy.VISITOR:
        raise LocalProtocolError("VisitorSelectionStrategy needs a strategy for each class")
    same = [used for used in choice.using if used.visitor == visitor]
    others = {used.bridge.jid for used in choice.using if used.visitor != visitor}
    eligible = [b for b in choice.candidates if b.jid not in others]
    apart = _Choice(eligible, same, choice.participant, settings)
    return _pick(inner, apart) or _pick(inner, choice)


def _in_region(bridges: Iterable[Candidate], region: str | None) -> list[Candidate]:
    return [b for b in bridges if region is not None and b.region == region]


def _in_group(bridges: Iterable[Candidate], group: frozenset[str]) -> list[Candidate]:
    return [b for b in bridges if b.region in group]
