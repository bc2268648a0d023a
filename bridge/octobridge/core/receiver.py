"""One receiver of video: what it is sent now, and the steps to what it shall be sent.

It allocates for itself (`reallocate`) out of the conference's shared pictures. A picture that was
sent once stays subscribed and is paused when it falls out, so that it continues where it was; a
slot that goes to another picture ends the first one's subscription.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from jitsiwire.bridge_channel import (
    ForwardedSources,
    VideoConstraints,
    VideoSourceMapping,
    VideoSourcesMap,
)
from octobridge.core.allocation import (
    UNLIMITED,
    Allocation,
    Candidate,
    Limits,
    allocate,
)
from octobridge.core.constraints import Ranking, ReceiverSettings, effective
from octobridge.core.effects import Effect, SetProbing, SetTarget, Subscribe, Unsubscribe, say
from octobridge.core.pictures import SHOWS_NOTHING, Pictures, Shown
from octobridge.core.slots import Key, Slot, Slots

__all__ = ["NEVER", "Receiver"]

NEVER: Final = float("-inf")
Aim = tuple[int, int, int]
"""Encoding, temporal and spatial layer."""

PAUSED: Final[Aim] = (-1, 0, 0)
PROBE_STEP_BPS: Final = 10_000


@dataclass(slots=True)
class Receiver:
    """State of one receiver."""

    transport: int
    own: frozenset[str]
    """Names of its own sources."""
    slots: Slots | None
    """None where SSRCs aren't rewritten: every picture keeps its own."""
    trusts_estimates: bool
    settings: ReceiverSettings = field(default_factory=ReceiverSettings)
    bandwidth: int = -1
    """The latest estimate, bits a second; -1 = unknown."""
    effective: Mapping[str, VideoConstraints] = field(default_factory=dict[str, VideoConstraints])
    allocation: Allocation = field(default_factory=Allocation)
    forwarded: tuple[str, ...] = ()
    allocated_at: float = NEVER
    _allocated_with: int = -1
    _unlimited: bool = False
    """Whether nothing but its wishes limited the last allocation."""
    _targets: dict[Key, Aim] = field(default_factory=dict[Key, Aim])
    """Of each subscribed picture."""
    _probing: int = 0
    _mapped: tuple[Ranking, ReceiverSettings, tuple[str, ...]] | None = None
    """What slots were last given for; the ranking is another one whenever sources change."""

    # ---- bandwidth ------------------------------------------------------------------------

    def learn_bandwidth(self, bps: int, threshold: float) -> bool:
        """Take an estimate; return whether it differs enough from the one last used."""
        self.bandwidth = bps
        used = self._allocated_with
        return used < 0 or abs(bps - used) > used * threshold

    def probe(self, *, trusted: bool) -> list[Effect]:
        """Return what makes it probe as much as it needs, and can afford, to get its ideal."""
        target, ideal = self.allocation.target_bps, self.allocation.ideal_bps
        wanted = 0
        if trusted and self.trusts_estimates and target < ideal and 0 <= self.bandwidth < ideal:
            wanted = max(0, min(ideal, self.bandwidth) - target)
            wanted -= wanted % PROBE_STEP_BPS
        if wanted == self._probing:
            return []
        self._probing = wanted
        return [SetProbing(self.transport, wanted)]

    # ---- allocation -----------------------------------------------------------------------

    def reallocate(
        self, pictures: Pictures, last_n: int, limits: Limits, now: float, *, trusted: bool
    ) -> list[Effect]:
        """Allocate anew and return what follows from it.

        Args:
            pictures: The conference's sources.
            last_n: How many it may get; -1 = any number.
            limits: The bridge's settings.
            now: Seconds.
            trusted: Whether the bridge believes in estimates.
        """
        self.allocated_at = now
        self._allocated_with = self.bandwidth
        self._unlimited = self._budget(trusted=trusted) == UNLIMITED
        wanted = effective(pictures.ranking, self.settings, self.own, last_n)
        self._demand(pictures, wanted)
        self.allocation = allocate(
            self._candidates(pictures, limits), self._budget(trusted=trusted), limits
        )
        effects = self._map(pictures) + self._aim(pictures)
        return effects + self.probe(trusted=trusted)

    def is_settled(self, *, trusted: bool) -> bool:
        """Whether allocating anew could change nothing unless something is told: no limit holds."""
        return self._unlimited and self._budget(trusted=trusted) == UNLIMITED

    def _budget(self, *, trusted: bool) -> int:
        if self.settings.assumed_bps >= 0:
            return self.settings.assumed_bps
        if not trusted or not self.trusts_estimates or self.bandwidth < 0:
            return UNLIMITED
        return self.bandwidth

    def _candidates(self, pictures: Pictures, limits: Limits) -> list[Candidate]:
        found: list[Candidate] = []
        on_stage = frozenset(self.settings.on_stage)
        for name, constraints in self.effective.items():
            shown = pictures.find(name)
            if shown is None:
                continue
            stage = name in on_stage
            considered = shown.considered(_height(constraints), on_stage=stage, limits=limits)
            found.append(Candidate(name, considered, stage))
        return found

    def _demand(self, pictures: Pictures, wanted: Mapping[str, VideoConstraints]) -> None:
        """Tell the pictures what it wants of them now, and no longer wants."""
        before, self.effective = self.effective, wanted
        for name in (*before.keys(), *(name for name in wanted if name not in before)):
            old, new = _height(before.get(name)), _height(wanted.get(name))
            shown = pictures.find(name)
            if shown is None or old == new:
                continue
            shown.demand.replace(old, new)
            (shown.watchers.add if new else shown.watchers.discard)(self.transport)
            pictures.demanded.add(name)

    def _map(self, pictures: Pictures) -> list[Effect]:
        """Give slots to what it may get and, while there are any left, to what it may get later.

        So its client knows a stream before it is sent. What shows nothing waits until it does: each
        stream told costs the client a renegotiation, and a slot's type is told once.
        """
        if self.slots is None:
            return []
        active = tuple(name for name, c in self.effective.items() if _height(c))
        inputs = pictures.ranking, self.settings, active
        if inputs == self._mapped:
            return []
        self._mapped = inputs
        wanted = self._to_map(pictures, active, self.slots.capacity)
        moved = self.slots.place(list(wanted))
        effects: list[Effect] = []
        for move in moved:
            if move.before is not None and self._targets.pop(move.before, None) is not None:
                effects.append(Unsubscribe(self.transport, *move.before))
        if moved:
            told = _video_map((wanted[move.key], move.slot) for move in moved)
            effects.append(say(self.transport, told))
        return effects

    def _to_map(self, pictures: Pictures, active: Iterable[str], room: int) -> dict[Key, Shown]:
        found: dict[Key, Shown] = {}
        for name in chain(active, pictures.ranking.showing(self.settings, self.own)):
            if len(found) >= room:
                break
            shown = pictures.find(name)
            if shown is not None and shown.video_type not in SHOWS_NOTHING:
                found[shown.key] = shown
        return found

    def _aim(self, pictures: Pictures) -> list[Effect]:
        """Aim each picture at its layer, pause those that were left out, and tell the client."""
        aims: dict[Key, Aim] = dict.fromkeys(self._targets, PAUSED)
        effects: list[Effect] = []
        names: list[str] = []
        for granted in self.allocation.granted:
            shown, target = pictures.find(granted.source), granted.target
            slot = self._slot(shown) if shown and target else None
            if shown is None or target is None or slot is None:
                continue
            names.append(granted.source)
            aims[shown.key] = (target.encoding, target.temporal, target.spatial)
            if shown.key not in self._targets:
                effects.append(self._subscribe(shown, slot))
        if not aims and (stand_in := self._stand_in(pictures)):
            aims[stand_in.sender, stand_in.ssrc] = PAUSED
            effects.append(stand_in)
        effects += (
            SetTarget(self.transport, *key, *aim)
            for key, aim in aims.items()
            if self._targets.get(key) != aim
        )
        self._targets = aims
        if set(names) != set(self.forwarded):
            effects.append(say(self.transport, ForwardedSources(forwarded_sources=tuple(names))))
        self.forwarded = tuple(names)
        return effects

    def _stand_in(self, pictures: Pictures) -> Subscribe | None:
        """Return a picture that the line has no room for yet: padding goes where it would."""
        for granted in self.allocation.granted:
            shown = pictures.find(granted.source) if granted.ideal else None
            slot = self._slot(shown) if shown else None
            if shown and slot and slot.rtx:
                return self._subscribe(shown, slot)
        return None

    def _subscribe(self, shown: Shown, slot: Slot) -> Subscribe:
        return Subscribe(self.transport, *shown.key, slot.ssrc, slot.rtx, slot.mid)

    def _slot(self, shown: Shown) -> Slot | None:
        if self.slots is None:
            return Slot(shown.picture.ssrc, shown.picture.rtx)
        return self.slots.find(shown.key)

    def cares_for(self, source: str) -> bool:
        """Whether it has a source on stage or selected, or may get it."""
        return self.settings.names(source) or bool(_height(self.effective.get(source)))

    # ---- the end of things ----------------------------------------------------------------

    def forget(self, shown: Shown) -> None:
        """Let go of a picture whose source the engine has removed already."""
        name = shown.picture.name
        self._targets.pop(shown.key, None)
        self.effective = {k: v for k, v in self.effective.items() if k != name}
        if self.slots is not None:
            self.slots.release(shown.key)

    def renew(self, shown: Shown) -> list[Effect]:
        """End a subscription whose SSRCs have changed; the next allocation makes it anew."""
        if self.slots is not None or self._targets.pop(shown.key, None) is None:
            return []
        return [Unsubscribe(self.transport, *shown.key)]

    def stop(self, pictures: Pictures) -> list[Effect]:
        """End everything, as it takes no video any more."""
        self._demand(pictures, {})
        keys, self._targets = list(self._targets), {}
        effects: list[Effect] = [Unsubscribe(self.transport, *key) for key in keys]
        if self._probing:
            self._probing = 0
            effects.append(SetProbing(self.transport, 0))
        return effects

    def mappings(self, pictures: Pictures) -> VideoSourcesMap | None:
        """Return all slots; None where SSRCs aren't rewritten."""
        if self.slots is None:
            return None
        held = ((pictures.carrying(*key), slot) for key, slot in self.slots.items())
        return _video_map((shown, slot) for shown, slot in held if shown is not None)


def _height(constraints: VideoConstraints | None) -> int:
    """Return what a constraint lets through: 0 = nothing, -1 = all."""
    if constraints is None or constraints.is_disabled:
        return 0
    return constraints.max_height


def _video_map(held: Iterable[tuple[Shown, Slot]]) -> VideoSourcesMap:
    return VideoSourcesMap(
        mapped_sources=tuple(
            VideoSourceMapping(
                source=shown.picture.name,
                owner=shown.owner,
                ssrc=slot.ssrc,
                rtx=slot.rtx or -1,
                video_type=shown.video_type,
                mid=slot.mid or None,
            )
            for shown, slot in held
        )
    )
