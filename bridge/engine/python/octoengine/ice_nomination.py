"""Which valid pair a controlling agent nominates: the first that doesn't go through a relay.

A client's TURN server may answer before its NAT has let a direct check through, and what is
nominated stays: so a relayed pair waits a moment for a better one.

Source: ice4j's NominateFirstHostOrReflexiveValid.
"""

from typing import Final

from octoengine.ice_checks import PairKey

__all__ = ["Nomination"]

PATIENCE_SECONDS: Final = 1.0


class Nomination:
    """Knows the peer's relayed addresses and how long they have waited."""

    def __init__(self) -> None:
        self._relayed: set[tuple[str, int]] = set()
        self._ends: float | None = None

    def learn_relayed(self, address: str, port: int) -> None:
        """The peer says that this address of its is a relay's."""
        self._relayed.add((address, port))

    def waits(self, key: PairKey, now: float) -> bool:
        """Return whether this pair, valid by now, isn't to be nominated yet."""
        if (key.address, key.port) not in self._relayed:
            return False
        if self._ends is None:
            self._ends = now + PATIENCE_SECONDS
        return now < self._ends

    def deadline(self) -> float | None:
        """Return when relayed pairs have waited long enough, None when none waits."""
        return self._ends

    def is_due(self, now: float) -> bool:
        """Return True once when they have."""
        if self._ends is None or now < self._ends:
            return False
        # From now on nothing waits.
        self._relayed.clear()
        self._ends = None
        return True
