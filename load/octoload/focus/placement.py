"""Placing people on bridges: invitations, moves, and what bridges answer.

People are invited again exactly as Jicofo does it: first whoever must go is taken off the bridge,
then each is placed afresh. Those who can't be placed wait and are tried again, because a load
test must not end where a person would have pressed "reload".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jitsiwire import selection
from jitsiwire.bridge_view import BridgeView
from jitsiwire.selection import ConferenceBridge
from jitsiwire.selection_topology import Node
from octoload import signalling
from octoload.focus import requests
from octoload.focus.conference import Conference, Participant, Session, Stage
from octoload.focus.effects import Effect, Tell
from octoload.focus.links import Links
from octoload.focus.outbox import Asked, Outbox, Purpose
from octoload.focus.replies import (
    Reply,
    Verdict,
    judge_allocation,
    judge_relay,
    judge_restart,
    judge_update,
)
from octoload.focus.settings import FocusSettings

__all__ = ["RETRY_SECONDS", "Counters", "Placement"]

RETRY_SECONDS = 2.0
"""Between two attempts to place somebody who waits."""
FAILURES_IN_A_ROW = 3
"""Invitations that may fail one right after the other; then it waits for the next retry."""
UNLINKABLE_SECONDS = 60.0
"""How long a conference does without a bridge that made it no relay: Jicofo, which tries at once
again, would go round in circles for as long as the bridge refuses."""


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    conferences_created: int = 0
    participants: int = 0
    lost_bridges: int = 0
    participants_moved: int = 0
    """Invited again because their session on a bridge failed or its bridge went away."""
    bridges_removed: int = 0
    """Sessions that ended so."""
    restarts_requested: int = 0
    endpoints_moved: dict[str, int] = field(default_factory=dict[str, int])
    """By move calls, by the nickname of the bridge they were on."""


class Placement:
    """Who is on which bridge.

    Args:
        settings: As given by the environment.
        mint: Returns a fresh, unguessable identifier.
    """

    def __init__(self, settings: FocusSettings, mint: Callable[[], str]) -> None:
        self.settings = settings
        self.mint = mint
        self.bridges: dict[str, BridgeView] = {}
        self.conferences: dict[str, Conference] = {}
        self.counters = Counters()
        self.online = True
        """Bridges can be asked: false while we are out of the brewery for a moment."""
        self.outbox = Outbox()
        self.links = Links(self.outbox)

    def retry(self, now: float, *, at_once: bool) -> list[Effect]:
        """Try again to place whoever waits."""
        effects: list[Effect] = []
        for conference in self.conferences.values():
            for one in conference.waiting():
                if at_once or now - one.tried_at >= RETRY_SECONDS:
                    one.failures = 0
                    effects += self.invite(conference, one, now)
        return effects

    def leave_bridge(self, jid: str, now: float) -> list[Effect]:
        """Take every conference off a bridge."""
        effects: list[Effect] = []
        for conference in list(self.conferences.values()):
            effects += self.end_session(conference, jid, now)
        return effects

    def invite(self, conference: Conference, one: Participant, now: float) -> list[Effect]:
        """Find a bridge for somebody who has none and ask it for a place."""
        one.tried_at, one.restart_due = now, None
        if one.failures >= FAILURES_IN_A_ROW:
            return self._wait(one, "bridges refuse")
        if not self.online:
            return self._wait(one, "the focus is out of the brewery")
        jid = self._select(conference, one, now)
        if jid is None:
            return self._wait(one, "no bridge available")
        session = conference.sessions.get(jid)
        one.bridge, one.stage, one.session_id = jid, Stage.ALLOCATING, self.mint()
        self.bridges[jid] = self.bridges[jid].endpoint_added(now)
        room = conference.room if session is None else None
        request = requests.allocation(conference.meeting_id, one.id, one.stats_id, room, one.wishes)
        one.generation = 0
        if session is None:
            session, linking = self._open(conference, jid, now)
        else:
            linking = self.links.announced(conference, session, one)
        return [self.outbox.allocation(conference, session, request, one), *linking]

    def _open(self, conference: Conference, jid: str, now: float) -> tuple[Session, list[Effect]]:
        """Begin a session; what is returned is said after the request that creates it."""
        view = self.bridges[jid]
        session = Session(jid, self.mint(), view.relay_id)
        conference.sessions[jid] = session
        stress, hot = view.corrected_stress(now), view.overloaded(now)
        node = Node(session.node, region=view.region, stress=stress, overloaded=hot)
        return session, self.links.opened(conference, session, node)

    def _select(self, conference: Conference, one: Participant, now: float) -> str | None:
        using = [
            ConferenceBridge(self.bridges[jid].candidate(now), len(conference.on(jid)))
            for jid in conference.sessions
            if jid in self.bridges
        ]
        chosen = selection.select(
            self.settings.strategy,
            [
                view.candidate(now)
                for jid, view in self.bridges.items()
                if now - conference.unlinkable.get(jid, -UNLINKABLE_SECONDS) >= UNLINKABLE_SECONDS
            ],
            using,
            selection.Participant(one.region),
            self.settings.selection,
        )
        if chosen is None or not conference.sessions or chosen.jid in conference.sessions:
            return None if chosen is None else chosen.jid
        relays = [chosen.relay_id, *(one.relay_id for one in conference.sessions.values())]
        linked = self.settings.selection.multi_bridge and all(relays)
        # Two bridges of one relay id couldn't be told apart in their links.
        return chosen.jid if linked and len(set(relays)) == len(relays) else None

    def _wait(self, one: Participant, reason: str) -> list[Effect]:
        one.stage, one.bridge = Stage.WAITING, None
        if one.connection is None or one.complaint == reason:
            return []
        one.complaint = reason
        return [Tell(one.connection, signalling.Waiting(reason=reason))]

    def take_off(self, conference: Conference, people: Iterable[Participant]) -> list[Effect]:
        """Take people off their bridges; a session that is left without any ends."""
        by_bridge: dict[str, list[Participant]] = {}
        for one in people:
            if one.bridge is not None:
                by_bridge.setdefault(one.bridge, []).append(one)
            one.stage, one.bridge = Stage.WAITING, None
        effects: list[Effect] = []
        for jid, gone in by_bridge.items():
            self._count_removed(jid, len(gone))
            session = conference.sessions.get(jid)
            if session is None:
                continue
            if conference.on(jid):
                request = requests.expire_endpoints(conference.meeting_id, (o.id for o in gone))
                effects.append(self.outbox.update(conference, session, request))
                effects += self.links.expired(conference, session, gone)
            else:
                effects += self._close(conference, session)
        return effects

    def _close(self, conference: Conference, session: Session) -> list[Effect]:
        """End a session that nobody is on, and the links to it."""
        del conference.sessions[session.bridge]
        request = requests.expire_conference(conference.meeting_id)
        return [
            self.outbox.update(conference, session, request),
            *self.links.closed(conference, session),
        ]

    def _count_removed(self, jid: str, count: int) -> None:
        if jid in self.bridges:
            self.bridges[jid] = self.bridges[jid].endpoints_removed(count)

    def end_session(self, conference: Conference, jid: str, now: float) -> list[Effect]:
        """Take a conference off a bridge and place all its people there afresh."""
        if jid not in conference.sessions:
            return []
        people = conference.on(jid)
        self.counters.bridges_removed += 1
        self.counters.participants_moved += len(people)
        effects = self.take_off(conference, people)
        if jid in conference.sessions:  # nobody was left on it to take off
            effects += self._close(conference, conference.sessions[jid])
        return effects + self.invite_again(conference, people, now)

    def invite_again(
        self, conference: Conference, people: Iterable[Participant], now: float
    ) -> list[Effect]:
        """Place people afresh who were taken off their bridges before."""
        return [effect for one in people for effect in self.invite(conference, one, now)]

    # -- answers ----------------------------------------------------------------------------------

    def replied(self, token: int, reply: Reply, now: float) -> list[Effect]:
        """A bridge answered a request, or didn't in time."""
        asked = self.outbox.answered(token)
        conference = self.conferences.get(asked.conference) if asked else None
        if asked is None or conference is None:
            return []
        session = next((s for s in conference.sessions.values() if s.id == asked.session), None)
        if session is None:
            return []  # it is over already
        match asked.purpose:
            case Purpose.UPDATE:
                return self._follow(conference, session, judge_update(reply), now)
            case Purpose.RELAY:
                return self._relay_made(conference, session, asked, reply, now)
            case Purpose.RESTART:
                return self._restarted(conference, session, asked, reply, now)
            case Purpose.ALLOCATION:
                return self._allocated(conference, session, asked, reply, now)

    def _allocated(
        self, conference: Conference, session: Session, asked: Asked, reply: Reply, now: float
    ) -> list[Effect]:
        one = conference.participants.get(asked.subject)
        verdict = judge_allocation(reply, asked.subject)
        if one is not None and one.session_id == asked.invitation:
            if verdict.transport is not None:
                session.feedback = session.feedback or verdict.feedback or ()
                return self._offer(conference, one, session, verdict.transport)
            one.failures += 1
            if not verdict.end_session:
                return [
                    *self._follow(conference, session, verdict, now),
                    *self._not_invited(conference, one),
                ]
        return self._follow(conference, session, verdict, now)

    def _relay_made(
        self, conference: Conference, session: Session, asked: Asked, reply: Reply, now: float
    ) -> list[Effect]:
        if conference.link(session.node, asked.subject) is None:
            return []  # the far side is gone meanwhile
        ice = judge_relay(reply, asked.subject)
        if ice is not None:
            return self.links.transport(conference, session, asked.subject, ice)
        conference.unlinkable[session.bridge] = now
        return self.end_session(conference, session.bridge, now)

    def _follow(
        self, conference: Conference, session: Session, verdict: Verdict, now: float
    ) -> list[Effect]:
        view = self.bridges.get(session.bridge)
        if view is not None and verdict.fail_bridge:
            self.bridges[session.bridge] = view = view.failed(now)
        if view is not None and verdict.graceful:
            self.bridges[session.bridge] = view.refused_by_shutdown()
        if verdict.end_session:
            return self.end_session(conference, session.bridge, now)
        people = [
            one for one in conference.on(session.bridge) if one.id in frozenset(verdict.reinvite)
        ]
        effects = self.take_off(conference, people)
        return effects + self.invite_again(conference, people, now)

    def _not_invited(self, conference: Conference, one: Participant) -> list[Effect]:
        """Give up this invitation; the bridge keeps nothing of it."""
        effects = self.take_off(conference, (one,))
        return effects + self._wait(one, "the bridge has no place")

    def _offer(
        self,
        conference: Conference,
        one: Participant,
        session: Session,
        transport: signalling.TransportDescription,
    ) -> list[Effect]:
        one.stage, one.complaint = Stage.OFFERED, ""
        if one.connection is None:
            return []  # it is told when it comes back: its session id won't match
        one.informed = True
        view = self.bridges.get(session.bridge)
        offer = signalling.Offer(
            session_id=one.session_id,
            endpoint_id=one.id,
            bridge=session.bridge.partition("/")[2] or session.bridge,
            bridge_region=(view.region if view else None) or "",
            transport=transport,
            sources=conference.sources_for(one),
            media=requests.described_media(),
            feedback=requests.feedback(session.feedback) if one.wishes else (),
        )
        return [Tell(one.connection, offer)]

    def _restarted(
        self, conference: Conference, session: Session, asked: Asked, reply: Reply, now: float
    ) -> list[Effect]:
        one = conference.participants.get(asked.subject)
        if one is None or one.session_id != asked.invitation:
            return []
        verdict = judge_restart(reply, one.id)
        transport = verdict.transport
        if transport is None:
            return self._follow(conference, session, verdict, now)
        generation = transport.generation
        if generation is not None and generation <= one.generation:
            return []  # an answer that came after a newer one
        one.generation = generation or one.generation
        if one.connection is None:
            return []
        new = signalling.NewIce(session_id=one.session_id, transport=transport)
        return [Tell(one.connection, new)]
