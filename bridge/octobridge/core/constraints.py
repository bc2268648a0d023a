"""What one receiver wants to see, and which sources that makes it get at most.

`ReceiverSettings` holds what its client asked for. `Ranking` is a conference's video sources in
order of speech, shared by all receivers. `effective` walks both and gives each source that the
receiver may get its constraint; sources not in the outcome get nothing.

A receiver costs as many steps as sources it names plus last-n, not as many as there are sources
in the conference; only a receiver without last-n that takes everything walks them all.

Source: JVB cc/allocation/{Prioritize,AllocationSettings}.kt.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from jitsiwire.bridge_channel import ReceiverVideoConstraints, VideoConstraints

__all__ = ["NOTHING", "Ranking", "ReceiverSettings", "effective", "smallest_last_n"]

NOTHING: Final = VideoConstraints(max_height=0)


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """What a client asked for; -1 is unlimited."""

    default: VideoConstraints = NOTHING
    """Nothing before the client's first word about it."""
    last_n: int = -1
    on_stage: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    constraints: Mapping[str, VideoConstraints] = field(default_factory=dict[str, VideoConstraints])
    assumed_bps: int = -1
    heard: bool = False
    """Whether the client has sent constraints yet."""

    def merged(
        self, message: ReceiverVideoConstraints, first_default: VideoConstraints
    ) -> "ReceiverSettings":
        """Return the settings after the client's message.

        Args:
            message: What it says; fields that are None stay.
            first_default: The default if the client's first message names none.
        """
        default = message.default_constraints
        if default is None:
            default = self.default if self.heard else first_default
        assumed = message.assumed_bandwidth_bps
        return replace(
            self,
            heard=True,
            default=default,
            last_n=self.last_n if message.last_n is None else message.last_n,
            on_stage=_unique(self.on_stage, message.on_stage_sources),
            selected=_unique(self.selected, message.selected_sources),
            constraints=self.constraints if message.constraints is None else message.constraints,
            assumed_bps=self.assumed_bps if assumed is None else assumed,
        )

    def of(self, source: str) -> VideoConstraints:
        """Return the constraint of a source, last-n aside."""
        return self.constraints.get(source, self.default)

    def names(self, source: str) -> bool:
        """Whether the receiver has it on stage or selected."""
        return source in self.on_stage or source in self.selected


def _unique(old: tuple[str, ...], new: Sequence[str] | None) -> tuple[str, ...]:
    return old if new is None else tuple(dict.fromkeys(new))


class Ranking:
    """The video sources of a conference by speech; those that show nothing come last.

    Args:
        enabled: Names of sources that may show something, the latest speaker's first.
        disabled: Names of sources that their clients switched off, likewise.
    """

    def __init__(self, enabled: Sequence[str] = (), disabled: Sequence[str] = ()) -> None:
        self.enabled = tuple(enabled)
        self.disabled = tuple(disabled)
        self._rank = {name: rank for rank, name in enumerate((*self.enabled, *self.disabled))}

    def __len__(self) -> int:
        return len(self._rank)

    def __contains__(self, source: str) -> bool:
        return source in self._rank

    def walk(self, settings: ReceiverSettings, own: Set[str]) -> Iterator[str]:
        """Yield the sources that matter to a receiver, most important first."""
        named = self._named(settings, own)
        shows = len(self.enabled)
        yield from (name for name in named if self._rank[name] < shows)
        yield from self._others(settings, own, set(named))
        yield from (name for name in named if self._rank[name] >= shows)

    def showing(self, settings: ReceiverSettings, own: Set[str]) -> Iterator[str]:
        """Yield all sources that may show something, wanted or not, most important first."""
        named = self._named(settings, own)
        shows = len(self.enabled)
        yield from (name for name in named if self._rank[name] < shows)
        unnamed = own | set(named)
        yield from (name for name in self.enabled if name not in unnamed)

    def _named(self, settings: ReceiverSettings, own: Set[str]) -> list[str]:
        """Return what the receiver has on stage, then what it selected."""
        return [
            name
            for name in dict.fromkeys((*settings.on_stage, *settings.selected))
            if name in self._rank and name not in own
        ]

    def _others(self, settings: ReceiverSettings, own: Set[str], named: Set[str]) -> Iterator[str]:
        """Yield the rest that may have a constraint: all of it, unless the default is nothing."""
        rest: Iterable[str] = chain(self.enabled, self.disabled)
        if settings.default.is_disabled:
            asked = (name for name in settings.constraints if name in self._rank)
            rest = sorted(asked, key=self._rank.__getitem__)
        return (name for name in rest if name not in named and name not in own)


def effective(
    ranking: Ranking, settings: ReceiverSettings, own: Set[str], last_n: int
) -> dict[str, VideoConstraints]:
    """Return the constraint of each source the receiver may get, most important first.

    A source on stage that the receiver wants nothing of keeps its place in the order, since only
    the first of all may be sent beyond the budget.

    Args:
        ranking: The conference's sources.
        settings: What the receiver asked for.
        own: Names of its own sources.
        last_n: How many sources it may get; -1 = any number.
    """
    found: dict[str, VideoConstraints] = {}
    wanted, on_stage = 0, frozenset(settings.on_stage)
    for name in ranking.walk(settings, own):
        if last_n >= 0 and wanted >= last_n:
            break
        constraints = settings.of(name)
        if not constraints.is_disabled:
            wanted += 1
            found[name] = constraints
        elif name in on_stage:
            found[name] = constraints
    return found


def smallest_last_n(*limits: int) -> int:
    """Return the tightest of several last-n, of which negative ones say nothing."""
    return min((limit for limit in limits if limit >= 0), default=-1)
