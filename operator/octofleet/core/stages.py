"""Where an upgrade of a region's bridges stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from octofleet.core.observation import FailedRelease

__all__ = ["UNDER_WAY", "Phase", "Stage"]


class Phase(StrEnum):
    """How far an upgrade is."""

    CURRENT = "Current"
    """Every bridge is of the release that is wanted."""
    PROVING = "Proving"
    """The first bridge of the new release is tried."""
    SHIFTING = "Shifting"
    """Bridges of the new release take the place of the old ones."""
    FINISHING = "Finishing"
    """The last of the old ones drain."""
    PAUSED = "Paused"
    """Somebody wants it to wait."""
    ROLLED_BACK = "RolledBack"
    """The new release isn't fit for people; the one before serves."""


UNDER_WAY: Final = frozenset({Phase.PROVING, Phase.SHIFTING, Phase.FINISHING, Phase.PAUSED})
"""Phases in which bridges of two releases may serve."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it stands, and what new bridges are made from."""

    phase: Phase = Phase.CURRENT
    wanted: str | None = None
    """The release that people ask for; None while it isn't known."""
    target: str | None = None
    """The release that is steered to: another one after the wanted one failed."""
    creates: str | None = None
    """The release that bridges are made of which the size asks for."""
    proves: bool = False
    """Whether those have to be proven."""
    proven: bool = False
    """A bridge of the target release serves."""
    outdated: frozenset[str] = frozenset()
    """Bridges of other releases that serve."""
    paused: bool = False
    """Nothing more is begun."""
    fallback: str | None = None
    """The release that serves besides the wanted one."""
    failed: FailedRelease | None = None
    """The wanted release, given up."""

    @property
    def is_steered(self) -> bool:
        """Return whether bridges are to be replaced."""
        return bool(self.outdated) and self.target is not None and not self.paused

    def previous(self, texts: Mapping[str, str], release: str) -> str | None:
        """Return the text of the release before `release`, as far as it is there."""
        return None if self.fallback in (None, release) else texts.get(self.fallback or "")
