"""Requests on their way to bridges: what each was for, until its answer comes."""

from dataclasses import dataclass
from enum import Enum

from jitsiwire.colibri2 import ConferenceModify
from octoload.focus.conference import Conference, Participant, Session
from octoload.focus.effects import SendRequest

__all__ = ["Asked", "Outbox", "Purpose"]


class Purpose(Enum):
    """What a request is for, which rules what its answer means."""

    ALLOCATION = "allocation"
    RESTART = "restart"
    """Of an endpoint's ICE."""
    RELAY = "relay"
    """The creation of one."""
    UPDATE = "update"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that isn't answered yet."""

    purpose: Purpose
    conference: str
    session: str
    subject: str = ""
    """The endpoint of an allocation or a restart, the relay of its creation."""
    invitation: str = ""
    """Of that endpoint at that time."""


class Outbox:
    """Gives every request a token and remembers it until it is answered."""

    def __init__(self) -> None:
        self._asked: dict[int, Asked] = {}
        self._token = 0

    def allocation(
        self, conference: Conference, session: Session, request: ConferenceModify, one: Participant
    ) -> SendRequest:
        """Ask for an endpoint."""
        asked = Asked(Purpose.ALLOCATION, conference.name, session.id, one.id, one.session_id)
        return self._send(session, request, asked)

    def restart(
        self, conference: Conference, session: Session, request: ConferenceModify, one: Participant
    ) -> SendRequest:
        """Ask for new ICE of an endpoint."""
        asked = Asked(Purpose.RESTART, conference.name, session.id, one.id, one.session_id)
        return self._send(session, request, asked)

    def relay(
        self, conference: Conference, session: Session, request: ConferenceModify, relay_id: str
    ) -> SendRequest:
        """Ask for a relay."""
        return self._send(
            session, request, Asked(Purpose.RELAY, conference.name, session.id, relay_id)
        )

    def update(
        self, conference: Conference, session: Session, request: ConferenceModify
    ) -> SendRequest:
        """Say anything else."""
        return self._send(session, request, Asked(Purpose.UPDATE, conference.name, session.id))

    def answered(self, token: int) -> Asked | None:
        """Take out what a request was for; None if nobody waits for it."""
        return self._asked.pop(token, None)

    def _send(self, session: Session, request: ConferenceModify, asked: Asked) -> SendRequest:
        self._token += 1
        self._asked[self._token] = asked
        return SendRequest(self._token, session.bridge, request)
