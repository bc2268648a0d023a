"""The core's own limits and switches: one frozen value, given at construction.

Source of the defaults: JVB's reference.conf (`videobridge.entity-expiration`, `.shutdown`,
`.health`), except where a comment says otherwise.
"""

from dataclasses import dataclass, field

from octobridge.core.adaptation import AdaptationPolicy

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are seconds, sizes are counts."""

    first_activity_timeout: float = 120.0
    """An endpoint that never sent anything is gone after this."""
    inactivity_timeout: float = 60.0
    """One that fell silent is gone after this."""
    empty_conference_timeout: float = 20.0
    deserted_conference_timeout: float = 300.0
    """A conference that nobody is connected to here is gone after this, whoever is said to be
    elsewhere; ours. A focus ends it at once, so one that didn't has forgotten it."""
    expire_interval: float = 5.0
    """How often the four above are looked at (JVB: 60; sooner only forgets the dead sooner)."""
    disconnected_after: float = 8.0
    """Silence after which an endpoint counts as disconnected."""
    connects_within: float = 15.0
    """One that was never heard counts as disconnected after this."""

    brewery_grace: float = 60.0
    """How long the bridge may be out of its brewery without being called unwell; ours."""

    connection_stats_interval: float = 10.0
    """How often clients are told what their downlink is estimated to carry."""
    reduce_load: bool = False
    """Whether an overloaded bridge lowers everyone's last-n."""

    announce_version: bool = False
    """Whether clients are told the bridge's version."""
    stats_filter_threshold: int = 20
    """In conferences larger than this, clients' statistics go only to those who see them."""
    messages_per_second: float = 100.0
    """Of one client, over its message channel; this and the next three are ours."""
    messages_at_once: float = 200.0
    message_bytes_per_second: float = 131_072.0
    max_message_bytes: int = 262_144
    deliveries_per_second: float = 1_000.0
    """Of one client's messages to others, counting receivers; ours, too."""
    deliveries_at_once: float = 5_000.0

    relay_messages_per_second: float = 2_000.0
    """Of one bridge for all of its people; this and the next three are ours."""
    relay_messages_at_once: float = 5_000.0
    relay_message_bytes_per_second: float = 4_194_304.0
    relay_deliveries_per_second: float = 20_000.0

    sctp_enabled: bool = True
    advertise_private_candidates: bool = True
    version: str = "octobridge"
    release: str | None = None
    region: str | None = None
    relay_id: str | None = None
    """What other bridges call this one; None = it has no relays."""
    average_participant_stress: float = 0.01

    adaptation: AdaptationPolicy = field(default_factory=AdaptationPolicy)

    max_conferences: int = 10_000
    max_endpoints: int = 1_000
    """In one conference."""
    max_id_length: int = 256
    max_relays: int = 100
    """Of one conference."""
    max_sources: int = 100
    """SSRCs of one endpoint."""
    max_candidates: int = 64
    """Remote candidates kept for one endpoint over its life."""
