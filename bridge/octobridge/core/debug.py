"""What `/debug` shows: the bridge's state as plain data, without names of people or secrets.

Keys are those of the stock bridge where it has them; conference names are only in the full view.
"""

from typing import Any

from octobridge.core.allocation import Layer
from octobridge.core.conference import Conference
from octobridge.core.endpoint import Endpoint
from octobridge.core.health import Health
from octobridge.core.load_reducer import LoadReducer
from octobridge.core.peer import IceState
from octobridge.core.registry import Registry
from octobridge.core.relay import Relay
from octobridge.core.stress import Load

__all__ = [
    "bridge_view",
    "conference_view",
    "endpoint_view",
    "link_view",
    "receiver_view",
    "relay_view",
    "speech_view",
]

OVERLOADED = 1.0


def bridge_view(
    registry: Registry,
    load: Load,
    health: Health,
    time_ms: int,
    *,
    full: bool,
    reducer: LoadReducer | None = None,
) -> dict[str, Any]:
    """Return the whole bridge, its conferences by their own ids."""
    stressed = load.stress >= OVERLOADED
    return {
        "shutdown_state": registry.shutdown.state.value,
        "drain": registry.drain,
        "time": time_ms,
        "load_management": {
            "state": "OVERLOADED" if stressed else "NOT_OVERLOADED",
            "stress": str(load.stress),
            "reducer_enabled": str(reducer is not None).lower(),
            **({} if reducer is None else {"reducer": {"jvbLastN": reducer.last_n}}),
            "parts": {
                "cpu": load.cpu,
                "thread": load.thread,
                "lag": load.lag,
                "queue": load.queue,
            },
        },
        "health": {"success": health.success, "message": health.message or None},
        "conferences": {c.id: conference_view(c, full=full) for c in registry.conferences},
    }


def conference_view(conference: Conference, *, full: bool) -> dict[str, Any]:
    """Return one conference; `full` tells its name and what is known of each endpoint."""
    view: dict[str, Any] = {
        "id": conference.id,
        "meeting_id": conference.meeting_id,
        "rtcstatsEnabled": conference.rtcstats_enabled,
        "relays": {
            r.id: relay_view(conference, r) if full else link_view(r) for r in conference.relays
        },
        "endpoints": {
            e.id: _whole_endpoint(conference, e) if full else (e.stats_id or "")
            for e in conference.endpoints
        },
    }
    if full:
        view["speech"] = speech_view(conference)
        view["name"] = conference.name
        view["ssrc_conflicts"] = conference.ssrc_conflicts
    return view


def _whole_endpoint(conference: Conference, endpoint: Endpoint) -> dict[str, Any]:
    return {**endpoint_view(endpoint), "receives": receiver_view(conference, endpoint.id)}


def receiver_view(conference: Conference, endpoint_id: str) -> dict[str, Any] | None:
    """Return what an endpoint asked for, what its network carries and what it is sent."""
    receiver = conference.adaptation.receiver(endpoint_id)
    if receiver is None:
        return None
    settings, allocation = receiver.settings, receiver.allocation
    return {
        "bandwidth_bps": receiver.bandwidth,
        "target_bps": allocation.target_bps,
        "ideal_bps": allocation.ideal_bps,
        "oversending": allocation.oversending,
        "suspended": list(allocation.suspended),
        "forwarded": list(receiver.forwarded),
        "sources": {
            granted.source: {"target": _layer(granted.target), "ideal": _layer(granted.ideal)}
            for granted in allocation.granted
        },
        "last_n": settings.last_n,
        "on_stage": list(settings.on_stage),
        "selected": list(settings.selected),
        "default_max_height": settings.default.max_height,
        "max_heights": {name: c.max_height for name, c in settings.constraints.items()},
    }


def _layer(layer: Layer | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "encoding": layer.encoding,
        "spatial": layer.spatial,
        "temporal": layer.temporal,
        "height": layer.height,
        "bps": layer.bps,
    }


def speech_view(conference: Conference) -> dict[str, Any]:
    """Return who speaks, as the stock bridge's route for it does ("null" is its word)."""
    speech = conference.speech
    order = speech.order(person.id for person in conference.people)
    return {
        "dominantEndpoint": speech.dominant or "null",
        "dominantSpeakerIdentification": speech.activity(),
        "endpointsBySpeechActivity": list(order),
        "endpointsInLastNOrder": [
            *(name for name in order if _shows(conference, name)),
            *(name for name in order if not _shows(conference, name)),
        ],
    }


def _shows(conference: Conference, endpoint_id: str) -> bool:
    person = conference.find_person(endpoint_id)
    return person is not None and person.sending_video


def endpoint_view(endpoint: Endpoint) -> dict[str, Any]:
    """Return one endpoint's state."""
    return {
        "id": endpoint.id,
        "stats_id": endpoint.stats_id,
        "visitor": endpoint.visitor,
        "transport": endpoint.ice.value,
        "dtls_failed": endpoint.dtls_failed,
        "message_channel": endpoint.message_channel,
        "disconnected": endpoint.disconnected,
        "ssrcs": sorted(endpoint.sources.streams),
        "force_mute": {
            "audio": endpoint.force_mute.audio,
            "video": endpoint.force_mute.video,
        },
        "accepts": {"audio": endpoint.takes_audio, "video": endpoint.takes_video},
        "sending": {"audio": endpoint.sending_audio, "video": endpoint.sending_video},
        "initial_last_n": endpoint.initial_last_n,
        "outgoing_loss": endpoint.outgoing_loss,
        "rtt_ms": endpoint.rtt_ms,
    }


def link_view(relay: Relay) -> dict[str, Any]:
    """Return how a link to another bridge fares; what isn't known is None."""
    return {
        "id": relay.id,
        "mesh_id": relay.mesh_id,
        "transport": relay.ice.value,
        "connected": relay.ice is IceState.SECURED and not relay.consent_lost,
        "message_channel": relay.message_channel,
        "rtt_ms": relay.rtt_ms if relay.rtt_ms >= 0 else None,
        "incoming_loss": relay.incoming_loss,
        "outgoing_loss": relay.outgoing_loss,
        "endpoints": len(relay.endpoints),
    }


def relay_view(conference: Conference, relay: Relay) -> dict[str, Any]:
    """Return one relay's state: its link, who is behind it, what is wanted and sent over it."""
    return {
        **link_view(relay),
        "ice_controlling": relay.ice_controlling,
        "unique_port": bool(relay.own_candidates),
        "dtls_failed": relay.dtls_failed,
        "sctp_role": relay.sctp_role,
        "endpoints": {
            person.id: {
                "stats_id": person.stats_id,
                "ssrcs": sorted(person.sources.streams),
                "disconnected": person.disconnected,
                "sending": {"audio": person.sending_audio, "video": person.sending_video},
            }
            for person in relay.endpoints.values()
        },
        "streams_sent": conference.relaying.streams(relay.transport),
        "wanted": dict(conference.adaptation.remote_wishes(relay.transport)),
    }
