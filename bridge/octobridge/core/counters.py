"""Totals since the bridge started: what happened, never what is."""

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Named as the statistics they become (`reporting`)."""

    conferences_created: int = 0
    conferences_completed: int = 0
    conference_seconds: float = 0.0
    participants: int = 0
    visitors: int = 0
    endpoints_ice_failed: int = 0
    endpoints_dtls_failed: int = 0
    ice_failed: int = 0
    ice_succeeded: int = 0
    endpoints_disconnected: int = 0
    endpoints_reconnected: int = 0
    endpoints_without_channel: int = 0
    requests: int = 0
    requests_failed: int = 0
    candidates_dropped: int = 0
    transport_parts_unreadable: int = 0
    connects_ignored: int = 0
    data_channel_messages_received: int = 0
    data_channel_messages_sent: int = 0
