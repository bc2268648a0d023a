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
    placement, meeting = focus.placement, conference.meeting_id
    outbox = placement.outbox
    match message:
        case signalling.Publish():
            before, one.published = one.sources(), message.sources
            change = sources.change(before, one.sources())
            request = requests.publication(meeting, one.id, one.stats_id, one.published)
            return [
                outbox.update(conference, session, request),
                *placement.links.changed(conference, session, one),
                *announce(conference, one, change),
            ]
        case signalling.Trickle():
            request = requests.candidates(meeting, one.id, one.stats_id, message)
            return [outbox.update(conference, session, request)]
        case signalling.IceRestart():
            request = requests.ice_restart(meeting, one.id)
            return [outbox.restart(conference, session, request, one)]
