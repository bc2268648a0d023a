"""A bridge's statistics: one set of values, in its brewery presence and at `/colibri/stats`.

Every field may be absent, and absent is None, never zero: a filtering bridge publishes a dozen of
them, and a broken value must not look like an idle bridge. Names, order and units are the
videobridge's own (bit rates of endpoints in kbit/s, of relays in bit/s).

Source: jitsi-videobridge a29d97d1, stats/VideobridgeStatisticsShim.kt.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, get_args
from xml.etree.ElementTree import Element

from jitsiwire.elements import Reader, Writer, qualified
from jitsiwire.errors import LocalProtocolError, RemoteProtocolError
from jitsiwire.namespaces import COLIBRI

__all__ = [
    "FILTER",
    "STATS",
    "BridgeStats",
    "build_presence",
    "finite",
    "from_json",
    "parse_presence",
    "to_json",
    "whole",
]

STATS = qualified(COLIBRI, "stats")
"""Name of the element in a bridge's presence; a member without it is no bridge."""

_STAT = qualified(COLIBRI, "stat")

FILTER = frozenset(
    {
        "average_participant_stress",
        "current_timestamp",
        "drain",
        "graceful_shutdown",
        "healthy",
        "region",
        "relay_id",
        "release",
        "shutting_down",
        "stress_level",
        "version",
    }
)
"""What a bridge still publishes when it filters its presence."""


@dataclass(frozen=True, slots=True)
class BridgeStats:
    """Everything a bridge tells about itself; `*_level`, losses and stress are fractions."""

    incoming_loss: float | None = None
    outgoing_loss: float | None = None
    overall_loss: float | None = None
    endpoints_with_high_outgoing_loss: int | None = None
    tcc_unmatched_feedback: int | None = None
    local_active_endpoints: int | None = None
    bit_rate_download: int | None = None
    bit_rate_upload: int | None = None
    packet_rate_download: int | None = None
    packet_rate_upload: int | None = None
    rtt_aggregate: float | None = None
    num_eps_oversending: int | None = None
    octo_conferences: int | None = None
    inactive_conferences: int | None = None
    p2p_conferences: int | None = None
    endpoints: int | None = None
    participants: int | None = None
    receive_only_endpoints: int | None = None
    inactive_endpoints: int | None = None
    octo_endpoints: int | None = None
    endpoints_sending_audio: int | None = None
    endpoints_sending_video: int | None = None
    largest_conference: int | None = None
    octo_receive_bitrate: int | None = None
    octo_receive_packet_rate: int | None = None
    octo_send_bitrate: int | None = None
    octo_send_packet_rate: int | None = None
    endpoints_with_suspended_sources: int | None = None
    total_conferences_created: int | None = None
    total_conferences_completed: int | None = None
    total_conference_seconds: int | None = None
    total_participants: int | None = None
    total_visitors: int | None = None
    num_eps_no_msg_transport_after_delay: int | None = None
    total_relays: int | None = None
    num_relays_no_msg_transport_after_delay: int | None = None
    total_keyframes_received: int | None = None
    total_layering_changes_received: int | None = None
    total_video_stream_milliseconds_received: int | None = None
    stress_level: float | None = None
    conferences: int | None = None
    visitors: int | None = None
    local_endpoints: int | None = None
    total_data_channel_messages_received: int | None = None
    total_data_channel_messages_sent: int | None = None
    total_colibri_web_socket_messages_received: int | None = None
    total_colibri_web_socket_messages_sent: int | None = None
    total_bytes_received: int | None = None
    endpoints_ice_failed: int | None = None
    dtls_failed_endpoints: int | None = None
    relays_ice_failed: int | None = None
    dtls_failed_relays: int | None = None
    total_bytes_sent: int | None = None
    total_packets_received: int | None = None
    total_packets_sent: int | None = None
    total_bytes_received_octo: int | None = None
    total_bytes_sent_octo: int | None = None
    total_packets_received_octo: int | None = None
    total_packets_sent_octo: int | None = None
    total_dominant_speaker_changes: int | None = None
    preemptive_kfr_sent: int | None = None
    preemptive_kfr_suppressed: int | None = None
    total_ice_failed: int | None = None
    total_ice_succeeded: int | None = None
    total_ice_succeeded_relayed: int | None = None
    average_participant_stress: float | None = None
    threads: int | None = None
    graceful_shutdown: bool | None = None
    shutting_down: bool | None = None
    drain: bool | None = None
    current_timestamp: str | None = None
    relay_id: str | None = None
    muc_clients_configured: int | None = None
    muc_clients_connected: int | None = None
    mucs_configured: int | None = None
    mucs_joined: int | None = None
    endpoints_with_spurious_remb: int | None = None
    healthy: bool | None = None
    endpoints_disconnected: int | None = None
    endpoints_reconnected: int | None = None
    version: str | None = None
    release: str | None = None
    region: str | None = None


Value = bool | int | float | str
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_ABSURD = 10**18


def _types() -> dict[str, type[Value]]:
    """Each field's type without its None."""
    types: dict[str, type[Value]] = {}
    for field in fields(BridgeStats):
        assert isinstance(field.type, UnionType), field.name  # noqa: S101 - the class above
        types[field.name] = get_args(field.type)[0]
    return types


TYPES = _types()
"""The type of each statistic."""


def _parse_text(kind: type[Value], text: str) -> Value | None:
    """A value as Jicofo reads it from presence; None when it can't be one."""
    if kind is str:
        return text
    if kind is bool:
        return text.lower() == "true"
    if kind is int:
        return int(text) if _INTEGER.fullmatch(text) else None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_presence(element: Element) -> BridgeStats:
    """Read `<stats>` of a presence: what can't be read counts as absent.

    Raises:
        RemoteProtocolError: it isn't `<stats>`, or it is absurdly large.
    """
    reader = Reader(element)
    reader.expect(STATS)
    values: dict[str, Any] = {}
    for child in reader.children(_STAT):
        name, text = child.optional_text("name"), child.optional_text("value")
        if name in TYPES and text is not None:
            value = _parse_text(TYPES[name], text)
            if value is not None:
                values[name] = value
    return BridgeStats(**values)


def build_presence(stats: BridgeStats, only: Iterable[str] | None = None) -> Element:
    """Write `<stats>`, all of it or the named ones.

    Raises:
        LocalProtocolError: a value isn't of its field's type.
    """
    wanted = None if only is None else frozenset(only)
    writer = Writer(STATS)
    for name, value in to_json(stats).items():
        if wanted is None or name in wanted:
            text = repr(value) if isinstance(value, float) else value
            writer.child(_STAT, name=name).exact("value", text)
    return writer.element


def to_json(stats: BridgeStats) -> dict[str, Value]:
    """The `/colibri/stats` object, in the order of the fields.

    Raises:
        LocalProtocolError: a value isn't of its field's type.
    """
    values: dict[str, Value] = {}
    for name, kind in TYPES.items():
        value: object = getattr(stats, name)
        if value is None:
            continue
        checked = _parse_json(kind, value)
        if checked is None:
            raise LocalProtocolError(f"{name} is {value!r}, which is no {kind.__name__}")
        values[name] = checked
    return values


def from_json(data: object) -> BridgeStats:
    """Read a `/colibri/stats` object: what can't be read counts as absent.

    Raises:
        RemoteProtocolError: it isn't an object.
    """
    if not isinstance(data, Mapping):
        raise RemoteProtocolError(f"statistics are a {type(data).__name__}, not an object")
    values: dict[str, Any] = {}
    for name, kind in TYPES.items():
        value = _parse_json(kind, data.get(name))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] - a mapping of anything
        if value is not None:
            values[name] = value
    return BridgeStats(**values)


def finite(value: object) -> float | None:
    """A number of JSON as a float; None when it is none, or one that no float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """A count of JSON; None when it is none, or absurdly large."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < _ABSURD else None


def _parse_json(kind: type[Value], value: object) -> Value | None:
    if kind is float:
        return finite(value)
    if kind is int:
        return whole(value)
    return value if isinstance(value, kind) else None
