"""The operator's own patience: ages, deadlines and bounds that no resource sets.

Seconds, unless a name says otherwise.
"""

from dataclasses import dataclass
from typing import Final

from octofleet.api.autoscaling import AtDeadline
from octofleet.api.effective import Autoscaling
from octofleet.core.observation import Reading, Timestamp

__all__ = [
    "FLAPPING",
    "NODE_LEAVING",
    "REQUESTED",
    "REQUESTED_NOW",
    "UPGRADE",
    "Limits",
    "limits_of",
]

NODE_LEAVING: Final = "NodeLeaving"
"""Why a bridge drains when its node is about to go: such a drain knows no patience."""
REQUESTED: Final = "Requested"
"""Somebody asked for the drain."""
REQUESTED_NOW: Final = "RequestedNow"
"""Somebody asked for it and won't wait: people are moved at once."""
UPGRADE: Final = "Upgrade"
"""A bridge of another release takes its place."""
FLAPPING: Final = "Flapping"
"""It stops serving again and again; a fresh bridge takes its place."""
IMPATIENT: Final = (NODE_LEAVING, REQUESTED_NOW)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every decision, with what they guard against."""

    presence_age: float = 30
    """Bridges tell their load every 5 s: after six misses a reading is worth nothing."""
    cpu_age: float = 90
    """metrics-server measures every 15 s over 30 s; it may miss a few."""
    empty_age: float = 20
    """A bridge counts as empty only by a reading this fresh."""
    start_deadline: float = 180
    """A pod that isn't ready this long after it began has a trouble worth naming."""
    hang_deadline: float = 300
    """A pod that has its node and whose container isn't created so long after hangs; large images
    take their minutes."""
    registration_deadline: float = 45
    """A running bridge is in the brewery within seconds; this forgives a Prosody restart."""
    failed_retention: float = 60
    """A failed pod is kept this long, so that a bridge that can't run doesn't spin."""
    shutdown_retry: float = 120
    """A shutdown that shows no effect for so long is asked for again."""
    move_settle: float = 10
    """After a conference was moved, the survivors' next readings are waited for."""
    move_step: int = 10
    """Where relays are on, so many people are moved at once: each joins anew, and asks for
    pictures anew."""
    renewal: float = 300
    """A bridge that never registered is replaced at this age, to see if that mends it."""
    proof_deadline: float = 600
    """A bridge of a new release that isn't proven at this age has failed."""
    max_starting: int = 10
    """At most this many bridges start at once."""
    stress_threshold: float = 0.8
    """Jicofo takes a bridge for overloaded from here on."""
    participant_stress: float = 0.01
    """Stress of one person where a bridge's own readings don't tell (Jicofo's default)."""
    patience: float | None = None
    """After so long a draining bridge's people are moved; None = never."""
    deadline: float = float("inf")
    """After so long draining is overdue."""

    def patience_for(self, drain_reason: str | None) -> float | None:
        """Return how long a drain for this reason may take before people are moved."""
        return 0 if drain_reason in IMPATIENT and self.patience is not None else self.patience

    def deadline_for(self, drain_reason: str | None) -> float:
        """Return from when on people are moved wherever that makes no overload."""
        return 0 if drain_reason in IMPATIENT else self.deadline

    def fresh(self, reading: Reading | None, now: Timestamp) -> Reading | None:
        """Return a reading of people or stress if it is fresh enough to decide on."""
        # Asked for of every bridge many times a look.
        return reading if reading is not None and now - reading.at <= self.presence_age else None

    def fresh_cpu(self, reading: Reading | None, now: Timestamp) -> Reading | None:
        """Return a CPU reading if it is fresh enough to decide on."""
        return reading if reading is not None and now - reading.at <= self.cpu_age else None


def limits_of(autoscaling: Autoscaling) -> Limits:
    """Return the limits of a region, with what its resources say on draining."""
    drain = autoscaling.drain
    moves = drain.at_deadline is AtDeadline.MOVE
    return Limits(
        patience=drain.patience if moves else None,
        deadline=drain.deadline,
        stress_threshold=autoscaling.stress_threshold,
    )
