"""Whether the bridge is healthy, by the stock bridge's rules.

Whether it is in the brewery isn't part of it: a lost XMPP server must not take down bridges
that carry calls. The shell publishes that beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitsiwire.colibri2 import Candidate
from octobridge.core.candidates import is_private

__all__ = ["Health", "Vitals", "check"]

STALE_AFTER: Final = 90.0
"""Seconds without a look at the engine after which health is unknown, and that is a failure."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What there is to judge."""

    sockets: int
    """UDP sockets bound."""
    engine_running: bool
    looked_at: float
    """When the engine was last looked at."""
    candidates: Sequence[Candidate] = ()
    require_valid_address: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict; `message` says what is wrong."""

    success: bool
    message: str = ""


def check(vitals: Vitals, now: float) -> Health:
    """Return the verdict as of `now`."""
    if not vitals.engine_running:
        return Health(success=False, message="The media engine has stopped.")
    if vitals.sockets == 0:
        return Health(success=False, message="The UDP port could not be bound.")
    if vitals.require_valid_address and all(is_private(c.ip) for c in vitals.candidates):
        return Health(success=False, message="No valid (public) address is available.")
    if now - vitals.looked_at > STALE_AFTER:
        return Health(success=False, message="No health check was done lately.")
    return Health(success=True)
