"""The bridge's statistics: one `BridgeStats` for presence, `/colibri/stats` and metrics.

Everything that exists in this bridge is counted; what it doesn't do (WebSockets) is truly zero and
said so, since a drop-in bridge publishes the whole list. Packets and bit rates are those of
endpoints; relays have statistics of their own, in bits where endpoints' are in kilobits. Three
names are left out, since nobody here counts them and unknown is not zero: feedback about packets
never sent, REMB that nobody asked for, and ICE by way of a TURN relay.

Source: JVB VideobridgeStatisticsShim.kt, for which name means what.
"""

from dataclasses import dataclass, replace

from jitsiwire.colibri2 import Capability
from jitsiwire.stats import BridgeStats
from octobridge.core.conference import Conference
from octobridge.core.registry import Registry
from octobridge.core.traffic import Traffic

__all__ = ["HIGH_LOSS", "Surroundings", "conference_sizes", "endpoints_by_capability", "stats"]

HIGH_LOSS = 0.1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the core can't know of itself."""

    stress: float
    healthy: bool
    timestamp: str
    """UTC, `yyyy-MM-dd HH:mm:ss.SSS`."""
    threads: int
    muc_clients_configured: int = 0
    muc_clients_connected: int = 0
    mucs_joined: int = 0


def stats(
    registry: Registry, traffic: Traffic, relay_traffic: Traffic, around: Surroundings
) -> BridgeStats:
    """Return the whole list as of the last readings."""
    filled = _totals(_current(_nothing(), registry), registry, traffic)
    filled = _relayed(_rates(filled, traffic), registry, relay_traffic)
    policy = registry.policy
    return replace(
        filled,
        stress_level=around.stress,
        average_participant_stress=policy.average_participant_stress,
        threads=around.threads,
        graceful_shutdown=registry.shutdown.is_graceful,
        shutting_down=registry.shutdown.is_shutting_down,
        drain=registry.drain,
        current_timestamp=around.timestamp,
        muc_clients_configured=around.muc_clients_configured,
        muc_clients_connected=around.muc_clients_connected,
        mucs_configured=around.muc_clients_configured,
        mucs_joined=around.mucs_joined,
        healthy=around.healthy,
        version=policy.version,
        release=policy.release,
        region=policy.region,
        relay_id=policy.relay_id,
    )


def conference_sizes(registry: Registry) -> list[int]:
    """Return how many endpoints each conference has, those on other bridges included."""
    return [len(conference) for conference in registry.conferences]


def endpoints_by_capability(registry: Registry) -> dict[str, int]:
    """Return how many clients can do what (only what we know of is counted)."""
    counts = dict.fromkeys(map(str, Capability), 0)
    for _, endpoint in registry.endpoints():
        for capability in counts:
            counts[capability] += capability in endpoint.capabilities
    return counts


def _nothing() -> BridgeStats:
    """Return the statistics of what this bridge never does: all zero."""
    return BridgeStats(
        total_colibri_web_socket_messages_received=0,
        total_colibri_web_socket_messages_sent=0,
    )


def _current(base: BridgeStats, registry: Registry) -> BridgeStats:
    conferences = registry.conferences
    endpoints = [endpoint for _, endpoint in registry.endpoints()]
    inactive = [conference for conference in conferences if not _is_active(conference)]
    active = [e for c in conferences if _is_active(c) for e in c.endpoints]
    inactive_endpoints = sum(len(conference) for conference in inactive)
    receivers = [c.adaptation.receiver(e.id) for c in conferences for e in c.endpoints]
    allocations = [receiver.allocation for receiver in receivers if receiver is not None]
    round_trips = [endpoint.rtt_ms for endpoint in endpoints if endpoint.rtt_ms > 0]
    return replace(
        base,
        num_eps_oversending=sum(allocation.oversending for allocation in allocations),
        endpoints_with_suspended_sources=sum(bool(a.suspended) for a in allocations),
        endpoints_with_high_outgoing_loss=sum(e.outgoing_loss > HIGH_LOSS for e in active),
        local_active_endpoints=len(active),
        rtt_aggregate=sum(round_trips) / len(round_trips) if round_trips else 0.0,
        inactive_conferences=len(inactive),
        p2p_conferences=sum(len(conference) == 2 for conference in inactive),
        endpoints=sum(conference_sizes(registry)),
        participants=sum(conference_sizes(registry)),
        local_endpoints=len(endpoints),
        receive_only_endpoints=sum(not (e.sending_audio or e.sending_video) for e in active),
        inactive_endpoints=inactive_endpoints,
        endpoints_sending_audio=sum(e.sending_audio for e in endpoints),
        endpoints_sending_video=sum(e.sending_video for e in endpoints),
        largest_conference=max(conference_sizes(registry), default=0),
        conferences=len(conferences),
        visitors=sum(endpoint.visitor for endpoint in endpoints),
    )


def _totals(base: BridgeStats, registry: Registry, traffic: Traffic) -> BridgeStats:
    counters, totals = registry.counters, traffic.totals
    return replace(
        base,
        total_conferences_created=counters.conferences_created,
        total_conferences_completed=counters.conferences_completed,
        total_conference_seconds=int(counters.conference_seconds),
        total_participants=counters.participants,
        total_visitors=counters.visitors,
        num_eps_no_msg_transport_after_delay=counters.endpoints_without_channel,
        total_keyframes_received=traffic.keyframes_received,
        total_layering_changes_received=counters.layering_changes,
        total_video_stream_milliseconds_received=int(traffic.video_milliseconds),
        total_data_channel_messages_received=counters.data_channel_messages_received,
        total_data_channel_messages_sent=counters.data_channel_messages_sent,
        total_dominant_speaker_changes=counters.dominant_speaker_changes,
        preemptive_kfr_sent=counters.preemptive_keyframes_sent,
        preemptive_kfr_suppressed=counters.preemptive_keyframes_suppressed,
        total_bytes_received=totals.bytes_received,
        total_bytes_sent=totals.bytes_sent,
        total_packets_received=totals.packets_received,
        total_packets_sent=totals.packets_sent,
        endpoints_ice_failed=counters.endpoints_ice_failed,
        dtls_failed_endpoints=counters.endpoints_dtls_failed,
        total_ice_failed=counters.ice_failed,
        total_ice_succeeded=counters.ice_succeeded,
        endpoints_disconnected=counters.endpoints_disconnected,
        endpoints_reconnected=counters.endpoints_reconnected,
    )


def _rates(base: BridgeStats, traffic: Traffic) -> BridgeStats:
    rates = traffic.rates()
    return replace(
        base,
        incoming_loss=rates.incoming_loss,
        outgoing_loss=rates.outgoing_loss,
        overall_loss=rates.overall_loss,
        bit_rate_download=int(rates.bits_received // 1000),
        bit_rate_upload=int(rates.bits_sent // 1000),
        packet_rate_download=int(rates.packets_received),
        packet_rate_upload=int(rates.packets_sent),
    )


def _relayed(base: BridgeStats, registry: Registry, traffic: Traffic) -> BridgeStats:
    counters, totals, rates = registry.counters, traffic.totals, traffic.rates()
    return replace(
        base,
        octo_conferences=sum(bool(conference.relays) for conference in registry.conferences),
        octo_endpoints=sum(len(relay.endpoints) for _, relay in registry.relays()),
        octo_receive_bitrate=int(rates.bits_received),
        octo_send_bitrate=int(rates.bits_sent),
        octo_receive_packet_rate=int(rates.packets_received),
        octo_send_packet_rate=int(rates.packets_sent),
        total_relays=counters.relays,
        num_relays_no_msg_transport_after_delay=counters.relays_without_channel,
        relays_ice_failed=counters.relays_ice_failed,
        dtls_failed_relays=counters.relays_dtls_failed,
        total_bytes_received_octo=totals.bytes_received,
        total_bytes_sent_octo=totals.bytes_sent,
        total_packets_received_octo=totals.packets_received,
        total_packets_sent_octo=totals.packets_sent,
    )


def _is_active(conference: Conference) -> bool:
    """Whether anyone in it sends audio or video."""
    return any(p.sending_audio or p.sending_video for p in conference.people)
