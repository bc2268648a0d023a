"""Another bridge of the same conference, and the people on it.

A relay is one conference's link to one other bridge, with a transport of its own. The people there
are known here as relayed endpoints: their streams come over the relay, and what is wanted of them
is asked of their bridge. A plain mutable record, as `endpoint` is.

Source: JVB relay/{Relay,RelayedEndpoint}.kt; doc/relay.md.
"""

from dataclasses import dataclass, field
from typing import Final

from octobridge.core.peer import Peer
from octobridge.core.relaying import Taker
from octobridge.core.roster import Member
from octobridge.core.sources import EMPTY, Sources

__all__ = ["CLIENT", "Relay", "RelayedEndpoint"]

CLIENT: Final = "client"


@dataclass(slots=True)
class RelayedEndpoint:
    """Somebody on another bridge."""

    id: str
    number: int
    """What it is known by among all of the conference; its transport is its relay's."""
    transport: int
    stats_id: str | None = None
    sources: Sources = EMPTY
    disconnected: bool = False
    """What its bridge says."""
    sending_audio: bool = False
    sending_video: bool = False

    def member(self, sources: Sources) -> Member:
        """Return its part in adaptation: it only sends, its own bridge serves it."""
        return Member(
            id=self.id,
            transport=self.transport,
            number=self.number,
            sources=sources,
            takes_audio=False,
            takes_video=False,
        )


@dataclass(slots=True)
class Relay(Peer):
    """State of one relay; `id` is the other bridge's relay id."""

    mesh_id: str | None = None
    """Bridges of one mesh are all linked to one another, so nothing is passed on within it."""
    mesh: int = 1
    """The same as a number, counted in the conference from 1."""
    sctp_role: str | None = None
    """What this bridge plays: as the client it opens the message channel."""
    incoming_loss: float | None = None
    """Of what came lately; None = nothing did."""
    endpoints: dict[str, RelayedEndpoint] = field(default_factory=dict[str, RelayedEndpoint])

    @property
    def is_estimated(self) -> bool:
        """Nothing adapts to the line between two bridges."""
        return False

    def taker(self) -> Taker:
        """Return what it receives now."""
        reached = not self.consent_lost
        return Taker(
            self.transport,
            audio=self.takes_audio and reached,
            video=self.takes_video and reached,
            repairs=self.repairs,
        )

    @property
    def opens_channel(self) -> bool:
        """Whether it is for this bridge to open the message channel."""
        return self.sctp_role == CLIENT
