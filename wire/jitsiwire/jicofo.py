"""Jicofo's REST: what `/debug`, `/stats` and `/move-endpoints/*` answer.

Parsing is tolerant, because Jicofo's JSON is a debugging aid: unknown keys are ignored, "null"
(it writes the word) and values of another type are None. None never stands for zero or false.
The `to_json` side is what the lab's focus answers with, in Jicofo's own shape.

What Jicofo thinks of a bridge is in `jitsiwire.bridge_view`, where it puts people in
`jitsiwire.selection`.

Source: jicofo 7ebb13dc, JicofoServices.kt, FocusManager.kt, ktor/MoveEndpoints.kt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from jitsiwire.bridge_view import BridgeConfig, BridgeView, Candidate
from jitsiwire.errors import RemoteProtocolError
from jitsiwire.stats import finite, whole

__all__ = [
    "BridgeConfig",
    "BridgeReport",
    "BridgeView",
    "Candidate",
    "ConferenceReport",
    "Debug",
    "JicofoStats",
    "MoveReply",
    "parse_debug",
    "parse_move",
    "parse_stats",
    "report",
]

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """One bridge in `/debug`."""

    corrected_stress: float | None = None
    drain: bool | None = None
    endpoints: int | None = None
    """Placed by this Jicofo."""
    endpoint_restart_requests: int | None = None
    failing_ice: bool | None = None
    graceful_shutdown: bool | None = None
    healthy: bool | None = None
    operational: bool | None = None
    overloaded: bool | None = None
    region: str | None = None
    relay_id: str | None = None
    release: str | None = None
    shutting_down: bool | None = None
    stress: float | None = None
    version: str | None = None

    def to_json(self) -> dict[str, object]:
        """As Jicofo writes it: unset strings are the word "null"."""
        return {
            "corrected-stress": self.corrected_stress,
            "drain": self.drain,
            "endpoints": self.endpoints,
            "endpoint-restart-requests": self.endpoint_restart_requests,
            "failing-ice": self.failing_ice,
            "graceful-shutdown": self.graceful_shutdown,
            "healthy": self.healthy,
            "operational": self.operational,
            "overloaded": self.overloaded,
            "region": _word(self.region),
            "relay-id": _word(self.relay_id),
            "release": _word(self.release),
            "shutting-down": self.shutting_down,
            "stress": self.stress,
            "version": _word(self.version),
        }


@dataclass(frozen=True, slots=True)
class ConferenceReport:
    """One conference in `/debug`: only its size, or with `full=true` who is where."""

    size: int | None = None
    meeting_id: str | None = None
    placements: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Endpoint id -> nickname of its bridge."""


@dataclass(frozen=True, slots=True)
class Debug:
    """`/debug`, brief or full."""

    strategy: str | None = None
    bridges: Mapping[str, BridgeReport] = field(default_factory=dict[str, BridgeReport])
    """By occupant JID."""
    conferences: Mapping[str, ConferenceReport] = field(default_factory=dict[str, ConferenceReport])
    """By room JID."""


@dataclass(frozen=True, slots=True)
class JicofoStats:
    """`/stats`, as far as a fleet cares."""

    conferences: int | None = None
    participants: int | None = None
    largest_conference: int | None = None
    total_participants: int | None = None
    total_conferences_created: int | None = None
    participants_moved: int | None = None
    bridges_removed: int | None = None
    bridge_count: int | None = None
    operational_bridge_count: int | None = None
    in_shutdown_bridge_count: int | None = None
    """In graceful shutdown only."""
    lost_bridges: int | None = None
    bridge_version_count: int | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class MoveReply:
    """What a move call did."""

    moved_endpoints: int
    conferences: int

    def to_json(self) -> dict[str, int]:
        """As Jicofo writes it."""
        return {"movedEndpoints": self.moved_endpoints, "conferences": self.conferences}


def report(view: BridgeView, now: float) -> BridgeReport:
    """Return the report of a bridge that a focus judges by `view`."""
    return BridgeReport(
        corrected_stress=view.corrected_stress(now),
        drain=view.drain,
        endpoints=view.endpoints,
        endpoint_restart_requests=view.restart_requests,
        failing_ice=view.failing_ice(now),
        graceful_shutdown=view.graceful_shutdown,
        healthy=view.healthy,
        operational=view.operational(now),
        overloaded=view.overloaded(now),
        region=view.region,
        relay_id=view.relay_id,
        release=view.release,
        shutting_down=view.shutting_down,
        stress=view.stress,
        version=view.version,
    )


def parse_debug(data: object) -> Debug:
    """Read `/debug`.

    Raises:
        RemoteProtocolError: it isn't an object, or has no `bridge_selector`: no bridge selector
            must never look like no bridges.
    """
    root = _document(data, "/debug")
    selector = root.get("bridge_selector")
    if not isinstance(selector, Mapping):
        raise RemoteProtocolError("/debug: bridge_selector is missing or no object")
    known = _object(cast("Json", selector))
    conferences = _object(root.get("focus_manager"))
    return Debug(
        strategy=_text(known, "strategy"),
        bridges={
            jid: _bridge(_object(value)) for jid, value in _object(known.get("bridge")).items()
        },
        conferences={room: _conference(value) for room, value in conferences.items()},
    )


def _bridge(data: Json) -> BridgeReport:
    return BridgeReport(
        corrected_stress=_number(data, "corrected-stress"),
        drain=_flag(data, "drain"),
        endpoints=_integer(data, "endpoints"),
        endpoint_restart_requests=_integer(data, "endpoint-restart-requests"),
        failing_ice=_flag(data, "failing-ice"),
        graceful_shutdown=_flag(data, "graceful-shutdown"),
        healthy=_flag(data, "healthy"),
        operational=_flag(data, "operational"),
        overloaded=_flag(data, "overloaded"),
        region=_text(data, "region"),
        relay_id=_text(data, "relay-id"),
        release=_text(data, "release"),
        shutting_down=_flag(data, "shutting-down"),
        stress=_number(data, "stress"),
        version=_text(data, "version"),
    )


def _conference(value: object) -> ConferenceReport:
    if not isinstance(value, Mapping):
        return ConferenceReport(size=whole(value))
    data = _object(cast("Json", value))
    people = _object(_object(data.get("colibri_session_manager")).get("participants"))
    return ConferenceReport(
        size=_integer(data, "participant_count"),
        meeting_id=_text(data, "meeting_id"),
        placements={who: _text(_object(one), "bridge") for who, one in people.items()},
    )


def parse_stats(data: object) -> JicofoStats:
    """Read `/stats`.

    Raises:
        RemoteProtocolError: it isn't an object.
    """
    root = _document(data, "/stats")
    failures, selector = _object(root.get("bridge_failures")), _object(root.get("bridge_selector"))
    return JicofoStats(
        conferences=_integer(root, "conferences"),
        participants=_integer(root, "participants"),
        largest_conference=_integer(root, "largest_conference"),
        total_participants=_integer(root, "total_participants"),
        total_conferences_created=_integer(root, "total_conferences_created"),
        participants_moved=_integer(failures, "participants_moved"),
        bridges_removed=_integer(failures, "bridges_removed"),
        bridge_count=_integer(selector, "bridge_count"),
        operational_bridge_count=_integer(selector, "operational_bridge_count"),
        in_shutdown_bridge_count=_integer(selector, "in_shutdown_bridge_count"),
        lost_bridges=_integer(selector, "lost_bridges"),
        bridge_version_count=_integer(selector, "bridge_version_count"),
        version=_text(root, "version"),
    )


def parse_move(data: object) -> MoveReply:
    """Read what a move call answered.

    Raises:
        RemoteProtocolError: a number is missing: nobody knows then who was moved.
    """
    root = _document(data, "/move-endpoints")
    moved, conferences = _integer(root, "movedEndpoints"), _integer(root, "conferences")
    if moved is None or conferences is None:
        raise RemoteProtocolError("/move-endpoints: movedEndpoints or conferences is missing")
    return MoveReply(moved, conferences)


# -- reading JSON that may be anything ------------------------------------------------------------


def _document(data: object, route: str) -> Json:
    if not isinstance(data, Mapping):
        raise RemoteProtocolError(f"{route}: a {type(data).__name__}, not an object")
    return _object(cast("Json", data))


def _object(value: object) -> Json:
    # JSON's keys are always text.
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _text(data: Json, key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) and value != "null" else None


def _flag(data: Json, key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def _number(data: Json, key: str) -> float | None:
    return finite(data.get(key))


def _integer(data: Json, key: str) -> int | None:
    return whole(data.get(key))


def _word(value: str | None) -> str:
    return "null" if value is None else value
