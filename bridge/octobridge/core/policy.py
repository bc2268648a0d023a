"""The core's own limits and switches: one frozen value, given at construction.

Source of the defaults: JVB's reference.conf (`videobridge.entity-expiration`, `.shutdown`,
`.health`), except where a comment says otherwise.
"""

from dataclasses import dataclass

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are seconds, sizes are counts."""

    first_activity_timeout: float = 120.0
    """An endpoint that never sent anything is gone after this."""
    inactivity_timeout: float = 60.0
    """One that fell silent is gone after this."""
    empty_conference_timeout: float = 20.0
    expire_interval: float = 5.0
    """How often the three above are looked at (JVB: 60; sooner only forgets the dead sooner)."""
    disconnected_after: float = 8.0
    """Silence after which an endpoint counts as disconnected."""

    sctp_enabled: bool = True
    advertise_private_candidates: bool = True
    version: str = "octobridge"
    release: str | None = None
    region: str | None = None
    relay_id: str | None = None
    average_participant_stress: float = 0.01

    max_conferences: int = 10_000
    max_endpoints: int = 1_000
    """In one conference."""
    max_id_length: int = 256
    max_sources: int = 100
    """SSRCs of one endpoint."""
    max_candidates: int = 64
    """Remote candidates kept for one endpoint over its life."""
