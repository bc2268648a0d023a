"""What the focus tells about itself: Jicofo's `/debug` and `/stats`, in Jicofo's shape.

Only what this focus knows is in it; Jibri, Jigasi and Jingle queues have no counterpart here.
"""

from jitsiwire.jicofo import report
from octoload.focus.conference import Conference, Participant, Session, Stage
from octoload.focus.focus import Focus

__all__ = ["conference_debug", "debug", "stats"]


def debug(focus: Focus, now: float, *, full: bool) -> dict[str, object]:
    """`/debug`: how many are in each conference, or with `full` where each of them is."""
    bridges = {jid: report(view, now).to_json() for jid, view in focus.bridges.items()}
    return {
        "focus_manager": {
            conference.room: conference_debug(focus, conference, now)
            if full
            else len(conference.participants)
            for conference in focus.conferences.values()
        },
        "bridge_selector": {"strategy": str(focus.settings.strategy), "bridge": bridges},
        "jibri_detector": "null",
        "sip_jibri_detector": "null",
        "jigasi_detector": "null",
        "conference_iq_handler": {"focus_auth_jid": focus.settings.jid.partition("/")[0]},
    }


def conference_debug(focus: Focus, conference: Conference, now: float) -> dict[str, object]:
    """One conference in full."""
    return {
        "name": conference.room,
        "meeting_id": conference.meeting_id,
        "config": {"rtcstatsEnabled": False},
        "chat_room": {
            "room_jid": conference.room,
            "members": {
                one.id: {"region": one.region or "null", "stats_id": one.stats_id}
                for one in conference.participants.values()
            },
        },
        "participants": {
            one.id: {"id": one.id, "stats_id": one.stats_id, "invite_runnable": _invitation(one)}
            for one in conference.participants.values()
        },
        "started": True,
        "colibri_session_manager": {
            "participants": {
                one.id: _placement(focus, one)
                for one in conference.participants.values()
                if one.bridge is not None
            },
            "sessions": {
                _nickname(focus, jid): {
                    "bridge": report(focus.bridges[jid], now).to_json()
                    if jid in focus.bridges
                    else "null",
                    "id": session.id,
                    "created": True,  # a session begins with the request that creates it
                    "relays": _relays(conference, session),
                    "participants": [one.id for one in conference.on(jid)],
                }
                for jid, session in conference.sessions.items()
            },
        },
        "conference_properties": {"bridge-count": str(len(conference.sessions))},
        "include_in_statistics": True,
        "visitor_count": 0,
        "participant_count": len(conference.participants),
        "jibri_count": 0,
        "jigasi_count": 0,
        "transcriber_count": 0,
    }


def _relays(conference: Conference, session: Session) -> dict[str, object]:
    """A session's ends of the conference's links, by the relay id of the far side."""
    found: dict[str, object] = {}
    for link in conference.cascade.links:
        other = link.other(session.node)
        if other is None:
            continue
        initiator = link.first == session.node
        found[other] = {
            "id": other,
            "use_unique_port": initiator,
            "ice_controlling": initiator,
            "dtls_setup": "active" if initiator else "passive",
            "bridge_channel_active": initiator,
            "sctp_bridge_channel": True,
            "mesh_id": link.mesh,
        }
    return found


def _invitation(one: Participant) -> str:
    return "Not running" if one.stage in (Stage.ANSWERED, Stage.CONNECTED) else str(one.stage)


def _placement(focus: Focus, one: Participant) -> dict[str, object]:
    return {
        "id": one.id,
        "stats_id": one.stats_id,
        "sources": {
            "sources": [
                {"ssrc": source.ssrc, "media_type": source.kind, "videoType": "null"}
                for source in one.sources()
            ],
            "groups": [],
        },
        "bridge": _nickname(focus, one.bridge or ""),
        "audio_muted": False,
        "video_muted": False,
        "private_addresses": False,
        "ssrc_rewriting": one.wishes is not None and one.wishes.ssrc_rewriting,
        "visitor": False,
    }


def _nickname(focus: Focus, jid: str) -> str:
    view = focus.bridges.get(jid)
    return view.nickname if view else jid.partition("/")[2]


def stats(focus: Focus, now: float, version: str) -> dict[str, object]:
    """`/stats`."""
    views = list(focus.bridges.values())
    sizes = [len(conference.participants) for conference in focus.conferences.values()]
    counters = focus.counters
    return {
        "total_participants": counters.participants,
        "total_conferences_created": counters.conferences_created,
        "conferences": len(sizes),
        "conferences_with_visitors": 0,
        "bridge_failures": {
            "participants_moved": counters.participants_moved,
            "bridges_removed": counters.bridges_removed,
        },
        "participant_notifications": {
            "ice_failed": 0,
            "request_restart": counters.restarts_requested,
        },
        "largest_conference": max(sizes, default=0),
        "participants": sum(sizes),
        "visitors": 0,
        "endpoint_pairs": sum(size * size for size in sizes),
        "bridge_selector": {
            "lost_bridges": counters.lost_bridges,
            "in_shutdown_bridge_count": sum(view.graceful_shutdown for view in views),
            "bridge_version_count": len({view.full_version for view in views}),
            "bridge_count": len(views),
            "operational_bridge_count": sum(view.operational(now) for view in views),
        },
        "version": version,
    }
