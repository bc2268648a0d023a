"""One participant's client on this bridge: what was signalled, and how its transport fares.

It does nothing by itself: `conference` owns it, `colibri` and the shell's reports change it.
"""

from dataclasses import dataclass, field
from typing import Final

from jitsiwire.colibri2 import Capability, ForceMute
from octobridge.core.forwarding import Party
from octobridge.core.peer import IceRestart, IceState, Peer
from octobridge.core.roster import Member
from octobridge.core.sources import EMPTY, Sources

__all__ = ["VISITOR", "Endpoint", "IceRestart", "IceState"]

VISITOR: Final = "visitor"


@dataclass(slots=True)
class Endpoint(Peer):
    """State of one endpoint; times are the caller's `now`, seconds."""

    stats_id: str | None = None
    visitor: bool = False
    capabilities: frozenset[str] = frozenset()
    initial_last_n: int | None = None
    sources: Sources = EMPTY
    force_mute: ForceMute = field(default_factory=ForceMute)

    disconnected: bool = False
    """Not heard for long: what clients are told (`connectivity`)."""
    lost: bool = False
    """Disconnected after it had been heard."""
    sending_audio: bool = False
    sending_video: bool = False
    bandwidth_bps: int = -1
    """What its downlink is estimated to carry; -1 = not known."""

    @property
    def number(self) -> int:
        """What it is known by among all of the conference, those on other bridges included."""
        return self.transport

    @property
    def reaches_private_addresses(self) -> bool:
        """Whether the client says it can use private candidates."""
        return Capability.PRIVATE_ADDRESS_CONNECTIVITY in self.capabilities

    def party(self, sources: Sources) -> Party:
        """Return its part in the forwarding plan, with those of its sources that are its own."""
        return Party(sources, self.force_mute.audio, self.force_mute.video)

    def member(self, sources: Sources) -> Member:
        """Return its part in adaptation, with those of its sources that are its own."""
        rewrites = Capability.SSRC_REWRITING in self.capabilities
        return Member(
            id=self.id,
            transport=self.transport,
            sources=sources,
            takes_audio=self.takes_audio and not self.consent_lost,
            takes_video=self.takes_video and not self.consent_lost,
            rewrites=rewrites,
            mids=rewrites and Capability.RTP_MID_DEMUX in self.capabilities,
            repairs=self.repairs,
            last_n=-1 if self.initial_last_n is None else self.initial_last_n,
        )
