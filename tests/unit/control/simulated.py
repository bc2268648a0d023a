"""A bridge of the small world that plans are tried in."""

from dataclasses import dataclass

from octofleet.core.observation import Proof


@dataclass
class SimulatedBridge:
    """A pod and the bridge in it."""

    name: str
    uid: str
    created: float
    node: str | None = None
    started: float | None = None
    failed: bool = False
    """It never starts: its image can't be pulled, say."""
    shy: bool = False
    """It never registers: its password is wrong, say."""
    drain_reason: str | None = None
    draining_since: float | None = None
    draining: bool = False
    shutdown_at: float | None = None
    ended: bool = False
    release: str | None = None
    proof: Proof | None = None
