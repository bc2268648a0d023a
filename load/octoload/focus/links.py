"""The relays of a conference that is on several bridges: made, kept up to date, taken away.

Which bridges are linked is `jitsiwire.selection_topology`'s to say; this says it to the bridges,
in Jicofo's order. Of every new link both ends are created at once. The end that was there first
connects: it is ICE-controlling, from a port of its own, and opens the message channel. Each end's
answer is told to the other with its DTLS side fixed: "active" to the first, whose peer is then
the DTLS client, "passive" to the second.

Source: jicofo 7ebb13dc, bridge/colibri/ColibriV2SessionManager.kt, Colibri2Session.kt.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from jitsiwire import selection_topology as topology
from jitsiwire.colibri2 import Endpoint, IceTransport
from jitsiwire.selection_topology import Link, Node
from octoload.focus import relay_requests
from octoload.focus.conference import Conference, Participant, Session
from octoload.focus.effects import Effect
from octoload.focus.outbox import Outbox

__all__ = ["Links", "forwarded"]


class Links:
    """See the module."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def opened(self, conference: Conference, session: Session, node: Node) -> list[Effect]:
        """Link a new session with the others."""
        conference.cascade, added = topology.connect(
            topology.Topology.SINGLE_MESH, conference.cascade, node
        )
        return [effect for link in added for effect in self._made(conference, link)]

    def closed(self, conference: Conference, session: Session) -> list[Effect]:
        """Take away the other ends of a session that is gone."""
        meeting, cascade = conference.meeting_id, conference.cascade
        near = [conference.at(other) for other, _ in cascade.neighbours(session.node)]
        conference.cascade, mended = topology.remove(
            topology.Topology.SINGLE_MESH, cascade, session.node
        )
        effects: list[Effect] = [
            self._outbox.update(conference, other, relay_requests.expiry(meeting, session.node))
            for other in near
            if other is not None
        ]
        return effects + [effect for link in mended for effect in self._made(conference, link)]

    def announced(self, conference: Conference, session: Session, one: Participant) -> list[Effect]:
        """Tell the other bridges of a new endpoint of a session."""
        return self._tell(conference, session, [relay_requests.new_endpoint(one)])

    def changed(self, conference: Conference, session: Session, one: Participant) -> list[Effect]:
        """Tell the other bridges what an endpoint of a session sends."""
        return self._tell(conference, session, [relay_requests.sending(one)])

    def expired(
        self, conference: Conference, session: Session, people: Iterable[Participant]
    ) -> list[Effect]:
        """Tell the other bridges of endpoints that left a session, which goes on."""
        gone = [relay_requests.expired_endpoint(one.id) for one in people]
        return self._tell(conference, session, gone)

    def transport(
        self, conference: Conference, session: Session, relay_id: str, ice: IceTransport
    ) -> list[Effect]:
        """Tell the far end of a link how a session's bridge connects there."""
        far = conference.at(relay_id)
        link = conference.link(session.node, relay_id)
        ours = None if link is None else forwarded(ice, initiator=link.first == relay_id)
        if far is None or ours is None:
            return []
        request = relay_requests.transport(conference.meeting_id, session.node, ours)
        return [self._outbox.update(conference, far, request)]

    def _made(self, conference: Conference, link: Link) -> Iterator[Effect]:
        for near, far in ((link.first, link.second), (link.second, link.first)):
            session = conference.at(near)
            if session is None:
                continue
            people = [
                one
                for node in conference.cascade.behind(link.mesh, far)
                for one in conference.on_node(node)
            ]
            request = relay_requests.creation(
                conference.meeting_id, far, link.mesh, people, initiator=near == link.first
            )
            yield self._outbox.relay(conference, session, request, far)

    def _tell(self, conference: Conference, session: Session, said: list[Endpoint]) -> list[Effect]:
        """Say it to every bridge that hears of what is on a session, by the relay it comes by."""
        meeting = conference.meeting_id
        reached = [(conference.at(to), by) for to, by in conference.cascade.paths(session.node)]
        return [
            self._outbox.update(conference, other, relay_requests.endpoints(meeting, by, said))
            for other, by in reached
            if other is not None
        ]


def forwarded(ice: IceTransport, *, initiator: bool) -> IceTransport | None:
    """One end's transport as the other, with that role, is told it; None if it can't be used."""
    if not ice.fingerprints or any(one.setup != "actpass" for one in ice.fingerprints):
        return None
    setup = "active" if initiator else "passive"
    fingerprints = tuple(replace(one, setup=setup) for one in ice.fingerprints)
    return replace(ice, fingerprints=fingerprints, web_sockets=())
