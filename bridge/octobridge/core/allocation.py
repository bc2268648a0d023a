"""Which layer of each source one receiver gets: the stock bridge's algorithm, as a pure function.

First `consider` narrows a source's layers to those worth sending under the receiver's
constraint, and names the one to reach first (*preferred*) and the one to reach even beyond the
budget (*oversend*). Then `allocate` spends the budget on candidates in order of priority: a
source on stage climbs at once to its preferred layer, the others one layer a round, and while a
source on stage hasn't reached its preferred layer, those after it get nothing.

Heights are of a picture's smaller side. Costs: `consider` is linear in layers (at most 9 of a
camera), `allocate` in rounds (at most one a layer, plus one) times candidates.

Source: JVB cc/allocation/SingleSourceAllocation.kt, BandwidthAllocator.kt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitsiwire.bridge_channel import VideoType

__all__ = [
    "UNLIMITED",
    "Allocation",
    "Candidate",
    "Considered",
    "Granted",
    "Layer",
    "Limits",
    "allocate",
    "consider",
]

UNLIMITED: Final = 1 << 60
"""A budget that no sum of layers reaches, yet that shrinks as they're granted."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoding up to one of its spatial and one of its temporal layers."""

    encoding: int
    temporal: int
    height: int
    fps: float
    """-1 = unknown, taken for enough."""
    bps: int
    """As measured, with the layers below; 0 = nothing is received."""
    spatial: int = 2
    """2 = all: of most streams there is one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bridge's own part in it (JVB reference.conf, `videobridge.cc`)."""

    preferred_height: int = 360
    preferred_fps: float = 30.0
    thumbnail_height: int = 180
    """Up to here a receiver prefers the smallest picture."""
    oversend_on_stage: bool = True
    max_oversend_bps: int = 500_000


@dataclass(frozen=True, slots=True)
class Considered:
    """The layers worth sending, worst first; the last one is the ideal."""

    layers: tuple[Layer, ...] = ()
    preferred: int = -1
    oversend: int = -1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A source one receiver may get."""

    source: str
    considered: Considered
    on_stage: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a candidate; None = nothing (to be had)."""

    source: str
    target: Layer | None
    ideal: Layer | None


@dataclass(frozen=True, slots=True)
class Allocation:
    """The outcome for one receiver, in order of priority."""

    granted: tuple[Granted, ...] = ()
    target_bps: int = 0
    ideal_bps: int = 0
    oversending: bool = False

    @property
    def suspended(self) -> tuple[str, ...]:
        """Sources that send and would be sent on if there were room."""
        return tuple(
            g.source for g in self.granted if g.target is None and g.ideal and g.ideal.bps > 0
        )


_NOTHING: Final = Considered()


def consider(
    layers: Sequence[Layer],
    video_type: VideoType,
    max_height: int,
    *,
    on_stage: bool,
    limits: Limits,
) -> Considered:
    """Return what of a source is worth sending to a receiver.

    Args:
        layers: All it has, worst first.
        video_type: What it shows.
        max_height: The receiver's constraint; -1 = none.
        on_stage: Whether the receiver shows it large.
        limits: The bridge's settings.
    """
    if max_height == 0 or not layers:
        return _NOTHING
    match video_type:
        case VideoType.CAMERA:
            return _camera(layers, max_height, limits)
        case VideoType.DESKTOP | VideoType.DESKTOP_HIGH_FPS:
            return _screen(layers, max_height, on_stage, limits)
        case VideoType.DISABLED | VideoType.NONE:
            return _NOTHING


def _camera(layers: Sequence[Layer], max_height: int, limits: Limits) -> Considered:
    """Below the preferred height every layer counts; from there on, only fluent ones."""
    lowest = min(layer.height for layer in layers)
    limited = max_height > 0
    preferred_height, enough = -1, -1.0
    if not limited or max_height > limits.thumbnail_height:
        preferred_height = limits.preferred_height
        most = max(layer.fps for layer in layers)
        enough = min(most, limits.preferred_fps) if most > 0 else limits.preferred_fps
    kept = tuple(
        layer
        for layer in _received(layers)
        if layer.height < preferred_height
        or layer.height == lowest
        or ((not limited or layer.height <= max_height) and (layer.fps < 0 or layer.fps >= enough))
    )
    reach = max(preferred_height, lowest)
    preferred = max((i for i, layer in enumerate(kept) if layer.height <= reach), default=-1)
    return Considered(kept, preferred)


def _screen(layers: Sequence[Layer], max_height: int, on_stage: bool, limits: Limits) -> Considered:
    """Sharpness before fluency: the best is what is wanted, even at few frames a second."""
    active = _received(layers)
    kept = tuple(layer for layer in active if max_height < 0 or layer.height <= max_height)
    if not kept:
        lowest = min(layer.height for layer in active)
        kept = tuple(layer for layer in active if layer.height == lowest)
        if not on_stage and kept[0].fps < 0:
            kept = kept[:1]
    oversend = -1
    if on_stage and limits.oversend_on_stage:
        highest = max(layer.height for layer in kept)
        oversend = min(
            (i for i, layer in enumerate(kept) if layer.height == highest),
            key=lambda i: kept[i].bps,
        )
    return Considered(kept, len(kept) - 1, oversend)


def _received(layers: Sequence[Layer]) -> Sequence[Layer]:
    """Leave out what isn't sent; of a source that is only announced, take all it may have."""
    return [layer for layer in layers if layer.bps > 0] or layers


class _Climb:
    """How high one candidate has come."""

    __slots__ = ("candidate", "index", "layers", "on_stage")

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.layers = candidate.considered.layers
        self.on_stage = candidate.on_stage
        self.index = -1

    @property
    def bps(self) -> int:
        return self.layers[self.index].bps if self.index >= 0 else 0

    @property
    def waits_for_preferred(self) -> bool:
        return self.on_stage and self.index < self.candidate.considered.preferred

    def improve(self, remaining: int, limits: Limits, *, may_oversend: bool) -> int:
        """Climb as far as this turn allows; return what it cost."""
        if not self.layers:
            return 0
        before = self.bps
        most = remaining + before
        self._step(most)
        if self.index >= 0:
            # A better layer that costs no more is taken without being reached step by step.
            for higher in range(len(self.layers) - 1, self.index, -1):
                if self.layers[higher].bps <= self.bps:
                    self.index = higher
                    break
        if may_oversend:
            self._oversend(most + limits.max_oversend_bps)
        return self.bps - before

    def _step(self, most: int) -> None:
        preferred = self.candidate.considered.preferred
        if self.index == -1 and preferred > -1 and self.on_stage:
            while self.index < preferred and self.layers[self.index + 1].bps <= most:
                self.index += 1
        elif self.index + 1 < len(self.layers) and self.layers[self.index + 1].bps < most:
            self.index += 1

    def _oversend(self, most: int) -> None:
        goal = self.candidate.considered.oversend
        for index in range(goal, self.index, -1):
            if self.layers[index].bps <= most:
                self.index = index
                return
        if self.index < 0 and goal >= 0 and len(self.layers) == 1:
            # There's no smaller picture to fall back to: better too much than nothing.
            self.index = goal

    def result(self) -> Granted:
        target = self.layers[self.index] if self.index >= 0 else None
        return Granted(self.candidate.source, target, self.layers[-1] if self.layers else None)


def allocate(candidates: Sequence[Candidate], budget: int, limits: Limits) -> Allocation:
    """Spend `budget` bits a second on `candidates`, most important first."""
    climbs = [_Climb(candidate) for candidate in candidates]
    remaining, last, oversending = budget, -1, False
    while last != remaining:
        last = remaining
        for number, climb in enumerate(climbs):
            remaining -= climb.improve(remaining, limits, may_oversend=number == 0)
            oversending |= remaining < 0
            if climb.waits_for_preferred:
                break
    return Allocation(
        tuple(climb.result() for climb in climbs),
        sum(climb.bps for climb in climbs),
        sum(climb.layers[-1].bps for climb in climbs if climb.layers),
        oversending,
    )
