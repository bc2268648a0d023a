"""`/metrics`: the bridge's statistics under the stock bridge's Prometheus names, and our own.

Nothing is kept here: each scrape reads the same values that presence publishes. What the stock
names but this bridge doesn't have (Java's memory, its queues) isn't invented; what is only ours
is prefixed `octobridge_`.
"""

import json
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from jitsiwire.stats import BridgeStats
from octobridge.core.load_reducer import UNLIMITED
from octobridge.core.reporting import conference_sizes, endpoints_by_capability
from octobridge.shell.bridge import Bridge

__all__ = ["Exposition"]

PREFIX: Final = "jitsi_jvb_"
BUCKETS: Final = tuple(range(21))
JSON: Final = "application/json"
DOWNLINK_BPS: Final = (100_000.0, 300_000.0, 1e6, 2.5e6, 5e6, 1e7, 2e7)

GAUGES: Final = {
    "incoming_loss_fraction": "incoming_loss",
    "outgoing_loss_fraction": "outgoing_loss",
    "loss_fraction": "overall_loss",
    "incoming_packet_rate": "packet_rate_download",
    "outgoing_packet_rate": "packet_rate_upload",
    "relay_incoming_bitrate": "octo_receive_bitrate",
    "relay_outgoing_bitrate": "octo_send_bitrate",
    "relay_incoming_packet_rate": "octo_receive_packet_rate",
    "relay_outgoing_packet_rate": "octo_send_packet_rate",
    "average_rtt": "rtt_aggregate",
    "largest_conference": "largest_conference",
    "current_endpoints": "endpoints",
    "tcc_unmatched_feedback": "tcc_unmatched_feedback",
    "endpoints_with_high_outgoing_loss": "endpoints_with_high_outgoing_loss",
    "active_endpoints": "local_active_endpoints",
    "endpoints_sending_audio": "endpoints_sending_audio",
    "endpoints_sending_video": "endpoints_sending_video",
    "endpoints_relayed": "octo_endpoints",
    "endpoints_oversending": "num_eps_oversending",
    "endpoints_recvonly": "receive_only_endpoints",
    "endpoints_inactive": "inactive_endpoints",
    "endpoints_with_spurious_remb": "endpoints_with_spurious_remb",
    "endpoints_with_suspended_sources": "endpoints_with_suspended_sources",
    "conferences_inactive": "inactive_conferences",
    "conferences_p2p": "p2p_conferences",
    "conferences_with_relay": "octo_conferences",
    "stress": "stress_level",
    "local_endpoints": "local_endpoints",
    "current_visitors": "visitors",
    "conferences": "conferences",
    "muc_clients_configured": "muc_clients_configured",
    "muc_clients_connected": "muc_clients_connected",
    "mucs_connected": "mucs_configured",
    "mucs_joined": "mucs_joined",
    "thread_count": "threads",
    "graceful_shutdown": "graceful_shutdown",
    "shutting_down": "shutting_down",
    "drain_mode": "drain",
    "healthy": "healthy",
}
"""Metric by statistic; `mucs_connected` counts the configured ones in the stock bridge, too."""

COUNTERS: Final = {
    "conferences_created": "total_conferences_created",
    "conferences_completed": "total_conferences_completed",
    "conference_seconds": "total_conference_seconds",
    "endpoints": "total_participants",
    "visitors": "total_visitors",
    "relays": "total_relays",
    "endpoints_no_message_transport_after_delay": "num_eps_no_msg_transport_after_delay",
    "relays_no_message_transport_after_delay": "num_relays_no_msg_transport_after_delay",
    "data_channel_messages_received": "total_data_channel_messages_received",
    "data_channel_messages_sent": "total_data_channel_messages_sent",
    "colibri_web_socket_messages_received": "total_colibri_web_socket_messages_received",
    "colibri_web_socket_messages_sent": "total_colibri_web_socket_messages_sent",
    "packets_received": "total_packets_received",
    "packets_sent": "total_packets_sent",
    "bytes_received": "total_bytes_received",
    "bytes_sent": "total_bytes_sent",
    "relay_packets_received": "total_packets_received_octo",
    "relay_packets_sent": "total_packets_sent_octo",
    "relay_bytes_received": "total_bytes_received_octo",
    "relay_bytes_sent": "total_bytes_sent_octo",
    "dominant_speaker_changes": "total_dominant_speaker_changes",
    "endpoints_ice_failed": "endpoints_ice_failed",
    "endpoints_dtls_failed": "dtls_failed_endpoints",
    "relays_ice_failed": "relays_ice_failed",
    "relays_dtls_failed": "dtls_failed_relays",
    "ice_failed": "total_ice_failed",
    "ice_succeeded": "total_ice_succeeded",
    "ice_succeeded_relayed": "total_ice_succeeded_relayed",
    "preemptive_keyframe_requests_sent": "preemptive_kfr_sent",
    "preemptive_keyframe_requests_suppressed": "preemptive_kfr_suppressed",
    "keyframes_received": "total_keyframes_received",
    "layering_changes_received": "total_layering_changes_received",
    "video_milliseconds_received": "total_video_stream_milliseconds_received",
    "endpoints_disconnected": "endpoints_disconnected",
    "endpoints_reconnected": "endpoints_reconnected",
}


class Exposition(Collector):
    """Renders one bridge's metrics."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._started_ms = int(time.time() * 1000)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self, accept: str | None) -> tuple[bytes, str]:
        """Return the metrics and their content type: Prometheus' text, OpenMetrics or JSON."""
        wanted = accept or ""
        if JSON in wanted and "text" not in wanted:
            return json.dumps(self.flat()).encode(), JSON
        encode, content_type = choose_encoder(wanted)
        return encode(self._registry), content_type

    def flat(self) -> dict[str, object]:
        """Return the stock bridge's metrics as its JSON has them: by name, without a prefix."""
        stats = self._bridge.stats()
        values: dict[str, object] = {name: getattr(stats, field) for name, field in GAUGES.items()}
        values |= {f"{name}_total": getattr(stats, field) for name, field in COUNTERS.items()}
        values |= dict(self._rates_and_time())
        values |= {f"{name}_total": value for name, value in self._stock_counters()}
        values |= {name: _flat_histogram(sizes) for name, sizes in self._sizes()}
        values["region"] = stats.region
        return {name: value for name, value in values.items() if value is not None}

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as of now."""
        stats = self._bridge.stats()
        yield from _gauges(stats)
        yield from _counters(stats)
        for name, value in self._rates_and_time():
            yield GaugeMetricFamily(PREFIX + name, _help(name), value)
        for name, value in self._stock_counters():
            yield CounterMetricFamily(PREFIX + name, _help(name), value)
        for name, sizes in self._sizes():
            yield _histogram(name, sizes)
        yield from self._own()
        region = self._bridge.registry.policy.region
        if region is not None:
            yield InfoMetricFamily(PREFIX + "region", "The bridge's region.", {"region": region})

    def _rates_and_time(self) -> Iterator[tuple[str, int]]:
        rates = self._bridge.traffic.rates()
        yield "incoming_bitrate", int(rates.bits_received)
        yield "outgoing_bitrate", int(rates.bits_sent)
        yield "startup_time", self._started_ms

    def _stock_counters(self) -> Iterator[tuple[str, int]]:
        """Yield counters of the stock bridge that aren't among its statistics."""
        counters = self._bridge.registry.counters
        yield "ice_restarts_started", counters.ice_restarts
        yield "ice_restarts_succeeded", counters.ice_restarts_succeeded
        yield "ice_restarts_failed", counters.ice_restarts_failed
        yield "rejected_data_channels", self._bridge.dropped.get("channel_rejected", 0)

    def _sizes(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each histogram's name, and its value for each conference."""
        registry = self._bridge.registry
        audio = [sum(e.sending_audio for e in c.endpoints) for c in registry.conferences]
        video = [sum(e.sending_video for e in c.endpoints) for c in registry.conferences]
        yield "conferences_by_size", conference_sizes(registry)
        yield "conferences_by_audio_sender", audio
        yield "conferences_by_video_sender", video

    def _own(self) -> Iterator[Metric]:
        load = self._bridge.load
        parts = GaugeMetricFamily(
            "octobridge_load", "How full each part is, 1 = full.", labels=["part"]
        )
        for part in ("cpu", "thread", "lag", "queue"):
            parts.add_metric([part], getattr(load, part))
        yield parts
        yield from self._of_clients()
        yield from self._of_networks()
        yield _labelled("octobridge_dropped", "Datagrams control didn't use.", self._bridge.dropped)
        yield _labelled(
            "octobridge_engine", "The media engine's counters.", self._bridge.media.stats().counters
        )
        counters = self._bridge.registry.counters
        for name, value in (
            ("requests", counters.requests),
            ("requests_failed", counters.requests_failed),
            ("candidates_dropped", counters.candidates_dropped),
            ("transport_parts_unreadable", counters.transport_parts_unreadable),
            ("connects_ignored", counters.connects_ignored),
        ):
            yield CounterMetricFamily(f"octobridge_{name}", "Colibri2 " + _help(name), value)

    def _of_networks(self) -> Iterator[Metric]:
        """Yield what downlinks are estimated to carry, and what the engine holds for each."""
        transports = self._bridge.media.transport_stats()
        known = [t.bandwidth_bps for t in transports if t.bandwidth_bps >= 0]
        counts = [(str(limit), float(sum(b <= limit for b in known))) for limit in DOWNLINK_BPS]
        yield HistogramMetricFamily(
            "octobridge_downlink_bps",
            "Estimates of endpoints' downlinks, as of now.",
            buckets=[*counts, ("+Inf", float(len(known)))],
            sum_value=float(sum(known)),
        )
        held = [t.memory_bytes for t in transports]
        for name, value in (("sum", sum(held)), ("largest", max(held, default=0))):
            yield GaugeMetricFamily(
                f"octobridge_engine_memory_{name}_bytes",
                "What the engine holds for endpoints, caches included.",
                value,
            )

    def _of_clients(self) -> Iterator[Metric]:
        """Yield what clients say, what they can do, and what they're held to."""
        registry = self._bridge.registry
        counters = registry.counters
        yield _labelled("octobridge_messages", "Clients' messages.", counters.messages)
        yield _labelled(
            "octobridge_messages_dropped",
            "Clients' messages that came to nothing.",
            counters.messages_dropped,
        )
        yield _labelled(
            "octobridge_relay_messages", "Other bridges' messages.", counters.relay_messages
        )
        yield _labelled(
            "octobridge_relay_messages_dropped",
            "Other bridges' messages that came to nothing.",
            counters.relay_messages_dropped,
        )
        yield CounterMetricFamily(
            "octobridge_relays_of_other_versions",
            "Bridges that said hello with another version.",
            counters.relays_of_other_versions,
        )
        able = GaugeMetricFamily(
            "octobridge_endpoints", "Endpoints that can do something.", labels=["capability"]
        )
        for capability, count in endpoints_by_capability(registry).items():
            able.add_metric([capability], count)
        yield able
        reducer = self._bridge.reducer
        yield GaugeMetricFamily(
            "octobridge_last_n",
            "Videos anyone gets at most while load is reduced, -1 = no limit.",
            UNLIMITED if reducer is None else reducer.last_n,
        )
        yield CounterMetricFamily(
            "octobridge_load_reductions",
            "How often load was reduced.",
            0 if reducer is None else reducer.reductions,
        )


def _gauges(stats: BridgeStats) -> Iterator[Metric]:
    for name, field in GAUGES.items():
        value = getattr(stats, field)
        if value is not None:
            yield GaugeMetricFamily(PREFIX + name, _help(name), float(value))


def _counters(stats: BridgeStats) -> Iterator[Metric]:
    for name, field in COUNTERS.items():
        value = getattr(stats, field)
        if value is not None:
            yield CounterMetricFamily(PREFIX + name, _help(name), float(value))


def _labelled(name: str, text: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["kind"])
    for kind, value in sorted(values.items()):
        family.add_metric([kind], value)
    return family


def _buckets(counted: list[int]) -> list[tuple[str, float]]:
    buckets = [(str(float(b)), float(sum(v <= b for v in counted))) for b in BUCKETS]
    return [*buckets, ("+Inf", float(len(counted)))]


def _histogram(name: str, counted: list[int]) -> Metric:
    return HistogramMetricFamily(
        PREFIX + name, _help(name), buckets=_buckets(counted), sum_value=float(sum(counted))
    )


def _flat_histogram(counted: list[int]) -> dict[str, float]:
    buckets = {f"bucket_le_{limit}": count for limit, count in _buckets(counted)}
    return buckets | {"count": float(len(counted)), "sum": float(sum(counted))}


def _help(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."
