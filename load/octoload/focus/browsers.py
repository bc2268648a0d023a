"""What only browsers say: other sources, more candidates, new ICE credentials."""

from octoload import signalling
from octoload.focus import requests, sources
from octoload.focus.conference import Stage
from octoload.focus.effects import Effect
from octoload.focus.focus import Focus, announce

__all__ = ["BrowserMessage", "take"]

BrowserMessage = signalling.Publish | signalling.Trickle | signalling.IceRestart


def take(focus: Focus, who: tuple[str, str], message: BrowserMessage) -> list[Effect]:
    """Do what a browser asks for; nothing when it speaks of a session that is over."""
    found = focus.current(*who, message.session_id)
    if found is None:
        return []
    conference, one = found
    session = conference.sessions.get(one.bridge or "")
    if session is None or one.stage not in (Stage.ANSWERED, Stage.CONNECTED):
        return []
    send, meeting = focus.placement.send, conference.meeting_id
    match message:
        case signalling.Publish():
            before, one.published = one.sources(), message.sources
            change = sources.change(before, one.sources())
            request = requests.publication(meeting, one.id, one.stats_id, one.published)
            return [send(conference, session, request), *announce(conference, one, change)]
        case signalling.Trickle():
            request = requests.candidates(meeting, one.id, one.stats_id, message)
            return [send(conference, session, request)]
        case signalling.IceRestart():
            request = requests.ice_restart(meeting, one.id)
            return [send(conference, session, request, restarting=one)]
