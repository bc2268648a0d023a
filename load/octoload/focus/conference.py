"""The focus' state of one conference: who is in it, where each is placed, on which sessions.

Plain data with the questions asked of it; what happens to it is in `focus`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from jitsiwire.colibri2 import MediaSource
from jitsiwire.selection_topology import Cascade, Link
from octoload import signalling
from octoload.focus import sources

__all__ = ["Conference", "Participant", "Session", "Stage"]

RESTART_INTERVAL = 5.0
RESTARTS_PER_MINUTE = 5


class Stage(StrEnum):
    """How far a participant's invitation has come."""

    WAITING = "waiting"
    """No bridge has it."""
    ALLOCATING = "allocating"
    """A bridge was asked for a place."""
    OFFERED = "offered"
    """The participant was told where to connect."""
    ANSWERED = "answered"
    CONNECTED = "connected"


@dataclass(slots=True)
class Session:
    """A conference on one bridge."""

    bridge: str
    """Occupant JID."""
    id: str
    relay_id: str | None = None
    """The bridge's when the session began: it stays, whatever the bridge publishes later."""
    feedback: tuple[MediaSource, ...] = ()
    """The bridge's own sources."""

    @property
    def node(self) -> str:
        """Its name among the conference's bridges; without a relay id it is never linked."""
        return self.relay_id or self.bridge


@dataclass(slots=True)
class Participant:
    """One person."""

    id: str
    """Its endpoint id."""
    stats_id: str
    region: str | None
    published: tuple[signalling.SourceDescription, ...]
    """What it sends, once it has answered."""
    connection: int | None
    display: str | None = None
    """What others call it; of browsers, since synthetic ones call nobody anything."""
    wishes: signalling.Wishes | None = None
    """Of a browser."""
    away_since: float | None = None
    """Its connection closed then without a word."""
    stage: Stage = Stage.WAITING
    bridge: str | None = None
    session_id: str = ""
    """Of the newest invitation; answers to others are out of date."""
    informed: bool = False
    """It got the list of the others' sources."""
    generation: int = 0
    """Of the newest ICE credentials it was told."""
    announced: bool = False
    """The others were told of its sources."""
    tried_at: float = 0.0
    failures: int = 0
    """Invitations in a row that came to nothing."""
    complaint: str = ""
    """Why it waits, as last told."""
    restart_due: float | None = None
    restarts: deque[float] = field(default_factory=lambda: deque[float](maxlen=RESTARTS_PER_MINUTE))

    def sources(self) -> tuple[signalling.RemoteSource, ...]:
        """What it sends, as others are told."""
        return tuple(sources.remote(self.id, source, self.display) for source in self.published)

    @property
    def sent(self) -> tuple[signalling.SourceDescription, ...]:
        """What its bridge was told that it sends."""
        return self.published if self.stage in (Stage.ANSWERED, Stage.CONNECTED) else ()

    def restart_allowed_at(self, now: float) -> float:
        """When it may have its next restart: 5 s after the last, five a minute."""
        if not self.restarts:
            return now
        earliest = self.restarts[-1] + RESTART_INTERVAL
        if len(self.restarts) == RESTARTS_PER_MINUTE:
            earliest = max(earliest, self.restarts[0] + 60.0)
        return max(now, earliest)


@dataclass(slots=True)
class Conference:
    """A meeting."""

    name: str
    room: str
    """Its room's JID, which is how Jicofo names it."""
    meeting_id: str
    participants: dict[str, Participant] = field(default_factory=dict[str, Participant])
    sessions: dict[str, Session] = field(default_factory=dict[str, Session])
    """By bridge, in the order the conference came to them."""
    cascade: Cascade = field(default_factory=Cascade)
    """How these bridges are linked."""
    unlinkable: dict[str, float] = field(default_factory=dict[str, float])
    """When a bridge last failed to make a relay."""

    def on(self, bridge: str) -> tuple[Participant, ...]:
        """Who is placed on a bridge."""
        return tuple(one for one in self.participants.values() if one.bridge == bridge)

    def at(self, node: str) -> Session | None:
        """The session of a node of the cascade."""
        return next((one for one in self.sessions.values() if one.node == node), None)

    def on_node(self, node: str) -> tuple[Participant, ...]:
        """Who is placed on a node of the cascade."""
        session = self.at(node)
        return () if session is None else self.on(session.bridge)

    def link(self, node: str, other: str) -> Link | None:
        """The link between two nodes."""
        return next((one for one in self.cascade.links if one.other(node) == other), None)

    def waiting(self) -> tuple[Participant, ...]:
        """Who has no place."""
        return tuple(one for one in self.participants.values() if one.stage is Stage.WAITING)

    def others(self, participant: Participant) -> Iterable[Participant]:
        """Everybody else."""
        return (one for one in self.participants.values() if one is not participant)

    def sources_for(self, participant: Participant) -> tuple[signalling.RemoteSource, ...]:
        """The whole list of sources that a participant is told."""
        return tuple(
            source for one in self.others(participant) if one.announced for source in one.sources()
        )
