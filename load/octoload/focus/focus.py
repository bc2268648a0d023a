"""The focus' core: who is on which bridge, and what must be said to whom.

Sans-I/O: every method takes what happened and `now`, and returns effects. Nothing here fails as a
whole: a bridge that misbehaves costs its own sessions, a conference that can't be placed waits.

Participants are invited again exactly as Jicofo does it: first whoever must go is taken off the
bridge, then each is placed afresh. Those who can't be placed wait and are tried again, because a
load test must not end where a person would have pressed "reload".
"""

from collections.abc import Callable

from jitsiwire.bridge_view import BridgeView
from jitsiwire.stats import BridgeStats
from octoload import signalling
from octoload.focus import requests, sources
from octoload.focus.conference import Conference, Participant, Stage
from octoload.focus.doctor import Diagnosis, Doctor, HealthAnswer
from octoload.focus.effects import CheckHealth, CloseConnection, Effect, Tell
from octoload.focus.placement import Counters, Placement
from octoload.focus.replies import Reply
from octoload.focus.settings import FocusSettings

__all__ = ["Focus"]

PARTICIPANTS_LIMIT = 2_000
"""In one conference: what a list of sources may hold, two each."""
CONFERENCES_LIMIT = 10_000


class Focus:
    """The whole state.

    Args:
        settings: As given by the environment.
        mint: Returns a fresh, unguessable identifier.
    """

    def __init__(self, settings: FocusSettings, mint: Callable[[], str]) -> None:
        self.settings = settings
        self.placement = Placement(settings, mint)
        self.doctor = Doctor()

    @property
    def bridges(self) -> dict[str, BridgeView]:
        """Every bridge in the brewery, by occupant JID."""
        return self.placement.bridges

    @property
    def conferences(self) -> dict[str, Conference]:
        """Every conference, by name."""
        return self.placement.conferences

    @property
    def counters(self) -> Counters:
        """What happened since the start."""
        return self.placement.counters

    def replied(self, token: int, reply: Reply, now: float) -> list[Effect]:
        """A bridge answered a request, or didn't in time."""
        return self.placement.replied(token, reply, now)

    # -- bridges ----------------------------------------------------------------------------------

    def bridge_seen(self, jid: str, stats: BridgeStats, now: float) -> list[Effect]:
        """A bridge's presence came."""
        before = self.bridges.get(jid)
        known = before or BridgeView.create(jid, self.settings.bridge)
        after = self.bridges[jid] = known.seen(stats, now)
        if before is None:
            self.doctor.admit(jid, now)
            return self.placement.retry(now, at_once=True)
        if after.shutting_down and not before.shutting_down:
            return self.placement.leave_bridge(jid, now)
        return []

    def bridge_gone(self, jid: str, now: float) -> list[Effect]:
        """A bridge left the brewery, whether it said so or vanished."""
        view = self.bridges.pop(jid, None)
        self.doctor.discharge(jid)
        if view is None:
            return []
        if not (view.graceful_shutdown or view.shutting_down):
            self.counters.lost_bridges += 1
        return self.placement.leave_bridge(jid, now)

    def brewery_lost(self, now: float) -> list[Effect]:
        """We have been out of the brewery for too long: no bridge is known any more."""
        effects: list[Effect] = []
        gone = list(self.bridges)
        self.bridges.clear()
        for jid in gone:
            self.doctor.discharge(jid)
            effects += self.placement.leave_bridge(jid, now)
        return effects

    def health(self, jid: str, answer: HealthAnswer, now: float) -> list[Effect]:
        """A health check was answered, or wasn't."""
        return self._diagnosed(jid, self.doctor.answered(jid, answer, now), now)

    def _diagnosed(self, jid: str, diagnosis: Diagnosis | None, now: float) -> list[Effect]:
        view = self.bridges.get(jid)
        if view is None or diagnosis is None:
            return []
        if diagnosis is Diagnosis.PASSED:
            self.bridges[jid] = view.passed()
            return []
        self.bridges[jid] = view.failed(now)
        return self.placement.leave_bridge(jid, now) if diagnosis is Diagnosis.FAILED else []

    # -- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Effect]:
        """Do what is due; called every half second or so."""
        effects: list[Effect] = []
        if self.settings.health_checks and self.placement.online:
            for jid in self.doctor.due(now):
                if self.settings.health_by_presence:
                    verdict = self.doctor.judge_presence(self.bridges[jid], now)
                    effects += self._diagnosed(jid, verdict, now)
                else:
                    effects.append(CheckHealth(jid))
        for conference in list(self.conferences.values()):
            for one in list(conference.participants.values()):
                if one.restart_due is not None and one.restart_due <= now:
                    effects += self._restart(conference, one, now)
                away = one.away_since
                if away is not None and now - away >= signalling.RECONNECT_GRACE_SECONDS:
                    effects += self._remove(conference, one)
        return effects + self.placement.retry(now, at_once=False)

    # -- participants -----------------------------------------------------------------------------

    def joined(
        self, connection: int, join: signalling.Join, now: float
    ) -> tuple[tuple[str, str] | None, list[Effect]]:
        """Somebody came, or came back; return who it is now (None: refused) and what to do."""
        conference = self.conferences.get(join.conference)
        if conference is None:
            if len(self.conferences) >= CONFERENCES_LIMIT:
                return None, [Tell(connection, signalling.Ended(reason="too many conferences"))]
            conference = self._open(join.conference)
        known = conference.participants.get(join.endpoint_id or "")
        if known is not None:
            return (conference.name, known.id), self._back(conference, known, connection, join, now)
        if len(conference.participants) >= PARTICIPANTS_LIMIT:
            return None, [Tell(connection, signalling.Ended(reason="the conference is full"))]
        one = Participant(
            id=join.endpoint_id or self._new_endpoint_id(conference),
            stats_id=_printable(join.display) or "participant",
            region=join.region,
            published=sources.described(join.sources),
            connection=connection,
            display=_printable(join.display) if join.wishes else None,
            wishes=join.wishes,
        )
        conference.participants[one.id] = one
        self.counters.participants += 1
        return (conference.name, one.id), self.placement.invite(conference, one, now)

    def _open(self, name: str) -> Conference:
        conference = Conference(
            name, f"{name.lower()}@{self.settings.muc_domain}", self.placement.mint()
        )
        self.conferences[name] = conference
        self.counters.conferences_created += 1
        return conference

    def _new_endpoint_id(self, conference: Conference) -> str:
        while (found := self.placement.mint()[:8]) in conference.participants:
            pass
        return found

    def _back(
        self,
        conference: Conference,
        one: Participant,
        connection: int,
        join: signalling.Join,
        now: float,
    ) -> list[Effect]:
        effects: list[Effect] = []
        if one.connection is not None:
            effects.append(CloseConnection(one.connection))
        one.connection, one.away_since, one.informed = connection, None, True
        one.complaint = ""
        if one.bridge is not None and join.session_id == one.session_id:
            resumed = signalling.Resumed(
                session_id=one.session_id,
                endpoint_id=one.id,
                sources=conference.sources_for(one),
            )
            return [*effects, Tell(connection, resumed)]
        effects += self.placement.take_off(conference, (one,))
        return effects + self.placement.invite(conference, one, now)

    def answered(
        self, conference_name: str, endpoint: str, answer: signalling.Answer
    ) -> list[Effect]:
        """A participant said how it connects."""
        found = self.current(conference_name, endpoint, answer.session_id)
        if found is None:
            return []
        conference, one = found
        session = conference.sessions.get(one.bridge or "")
        if session is None:
            return []
        one.stage = Stage.ANSWERED
        before = one.sources() if one.announced else ()
        one.published = one.published if answer.sources is None else answer.sources
        one.announced = True
        request = requests.answer(
            conference.meeting_id, one.id, one.stats_id, answer.transport, one.published
        )
        effects: list[Effect] = [self.placement.outbox.update(conference, session, request)]
        effects += self.placement.links.changed(conference, session, one)
        change = sources.change(before, one.sources())
        return effects + announce(conference, one, change)

    def connected(self, conference_name: str, endpoint: str, session_id: str) -> list[Effect]:
        """A participant's media can flow."""
        found = self.current(conference_name, endpoint, session_id)
        if found is not None:
            found[1].stage = Stage.CONNECTED
            found[1].failures = 0
        return []

    def restart(
        self, conference_name: str, endpoint: str, session_id: str, now: float
    ) -> list[Effect]:
        """A participant's transport failed: it gets a new place, at a bounded pace."""
        found = self.current(conference_name, endpoint, session_id)
        if found is None:
            return []
        conference, one = found
        self.counters.restarts_requested += 1
        if one.bridge in self.bridges:
            self.bridges[one.bridge] = self.bridges[one.bridge].restart_requested(now)
        one.restart_due = one.restart_allowed_at(now)
        return self._restart(conference, one, now) if one.restart_due <= now else []

    def _restart(self, conference: Conference, one: Participant, now: float) -> list[Effect]:
        one.restart_due = None
        one.restarts.append(now)
        return [
            *self.placement.take_off(conference, (one,)),
            *self.placement.invite(conference, one, now),
        ]

    def hung_up(
        self, conference_name: str, endpoint: str, connection: int, now: float
    ) -> list[Effect]:
        """A connection closed without a word; whoever is on a newer one isn't concerned."""
        one = self._participant(conference_name, endpoint)
        if one is not None and one.connection == connection:
            one.connection, one.away_since = None, now
        return []

    def left(self, conference_name: str, endpoint: str) -> list[Effect]:
        """A participant said goodbye."""
        conference = self.conferences.get(conference_name)
        one = self._participant(conference_name, endpoint)
        if conference is None or one is None:
            return []
        return self._remove(conference, one)

    def _remove(self, conference: Conference, one: Participant) -> list[Effect]:
        effects = self.placement.take_off(conference, (one,))
        del conference.participants[one.id]
        if one.announced and one.sources():
            gone = tuple(source.ssrc for source in one.sources())
            effects += announce(conference, one, signalling.Sources(removed=gone))
        if not conference.participants:
            del self.conferences[conference.name]
        return effects

    # -- helpers ----------------------------------------------------------------------------------

    def _participant(self, conference: str, endpoint: str) -> Participant | None:
        found = self.conferences.get(conference)
        return found.participants.get(endpoint) if found else None

    def current(
        self, conference_name: str, endpoint: str, session_id: str
    ) -> tuple[Conference, Participant] | None:
        """Find who speaks of its newest session; None when it's another one."""
        conference = self.conferences.get(conference_name)
        one = self._participant(conference_name, endpoint)
        if conference is None or one is None or one.session_id != session_id:
            return None
        return (conference, one) if one.bridge is not None else None


def announce(conference: Conference, one: Participant, message: signalling.Sources) -> list[Effect]:
    """Tell everybody else who ever got the list of sources; the others get it whole."""
    if not message.added and not message.removed:
        return []
    told = [other for other in conference.others(one) if other.informed]
    return [Tell(o.connection, message) for o in told if o.connection is not None]


def _printable(text: str) -> str:
    """What of a display name can go into a request."""
    return "".join(letter for letter in text if letter.isprintable())[:64].strip()
