"""Whether the bridge is healthy: two verdicts, for two kinds of asker.

`check` is the stock bridge's: may this process go on? Whoever restarts what fails it (a kubelet,
a focus that moves calls off) must be asked no more than that: a lost XMPP server must not take
down bridges that carry calls. `whole` adds whether the bridge is in a brewery, without which
nobody new can be placed on it; that is for people and monitoring to know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitsiwire.colibri2 import Candidate
from octobridge.core.candidates import is_private

__all__ = ["Enrolment", "Health", "Vitals", "check", "whole"]

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
class Enrolment:
    """Whether a focus can find the bridge."""

    wanted: bool
    """Whether it has any XMPP server to log in to."""
    last_joined: float
    """When it was last in a brewery; its start before that."""
    grace: float
    """Seconds it may be out without anything being wrong."""


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict; `message` says what is wrong."""

    success: bool
    message: str = ""
    soft: bool = False
    """A failure that a restart isn't known to mend."""


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


def whole(vital: Health, enrolment: Enrolment, now: float) -> Health:
    """Return the verdict on everything, given that on the process."""
    away = now - enrolment.last_joined
    if not vital.success or not enrolment.wanted or away <= enrolment.grace:
        return vital
    return Health(success=False, message=f"Not in the brewery for {away:.0f} seconds.", soft=True)
