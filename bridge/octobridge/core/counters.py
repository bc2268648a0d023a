"""Totals since the bridge started: what happened, never what is."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Named as the statistics they become (`reporting`)."""

    conferences_created: int = 0
    conferences_completed: int = 0
    conference_seconds: float = 0.0
    participants: int = 0
    visitors: int = 0
    relays: int = 0
    endpoints_ice_failed: int = 0
    endpoints_dtls_failed: int = 0
    relays_ice_failed: int = 0
    relays_dtls_failed: int = 0
    ice_failed: int = 0
    ice_succeeded: int = 0
    ice_restarts: int = 0
    ice_restarts_succeeded: int = 0
    ice_restarts_failed: int = 0
    ice_generations_stale: int = 0
    endpoints_disconnected: int = 0
    endpoints_reconnected: int = 0
    endpoints_without_channel: int = 0
    relays_without_channel: int = 0
    requests: int = 0
    requests_failed: int = 0
    candidates_dropped: int = 0
    transport_parts_unreadable: int = 0
    connects_ignored: int = 0
    data_channel_messages_received: int = 0
    data_channel_messages_sent: int = 0
    messages: Counter[str] = field(default_factory=Counter[str])
    """Messages of clients, by kind."""
    messages_dropped: Counter[str] = field(default_factory=Counter[str])
    """Messages of clients that came to nothing, by reason."""
    relays_of_other_versions: int = 0
    """Bridges that said hello with another version than ours."""
    relay_messages: Counter[str] = field(default_factory=Counter[str])
    """Messages of other bridges, by kind."""
    relay_messages_dropped: Counter[str] = field(default_factory=Counter[str])
    """Messages of other bridges that came to nothing, by reason."""
    layering_changes: int = 0
    """Encodings that came, went or changed their size."""
    dominant_speaker_changes: int = 0
    preemptive_keyframes_sent: int = 0
    preemptive_keyframes_suppressed: int = 0
