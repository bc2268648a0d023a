"""One conference on this bridge: its endpoints, its forwarding plan, its adaptation.

It turns changes of endpoints into effects by way of `forwarding` and `adaptation`; it answers no
requests (`colibri` does) and watches no clock (`expiry` does).
"""

from octobridge.core import forwarding
from octobridge.core.adaptation import Adaptation, Member
from octobridge.core.effects import CreateTransport, Effect, RemoveTransport
from octobridge.core.endpoint import Endpoint
from octobridge.core.sources import Sources
from octobridge.core.speakers import Speech

__all__ = ["Conference"]


class Conference:
    """State of one conference."""

    def __init__(
        self,
        *,
        meeting_id: str,
        conference_id: str,
        name: str | None,
        group: int,
        feedback_ssrcs: tuple[int, int],
        rtcstats_enabled: bool,
        adaptation: Adaptation,
        now: float,
    ) -> None:
        self.meeting_id = meeting_id
        self.id = conference_id
        self.name = name
        self.group = group
        self.feedback_audio_ssrc, self.feedback_video_ssrc = feedback_ssrcs
        self.rtcstats_enabled = rtcstats_enabled
        self.adaptation = adaptation
        self.created_at = now
        self.empty_since: float | None = now
        self.ssrc_conflicts = 0
        self.speech = Speech()
        self._endpoints: dict[str, Endpoint] = {}
        self._plan: forwarding.Plan = {}
        self._members: dict[int, Member] = {}
        self._owners: dict[int, int] = {}
        """Whose SSRC it is, by transport."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Its endpoints, oldest first."""
        return tuple(self._endpoints.values())

    def __len__(self) -> int:
        return len(self._endpoints)

    def find(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint, if it is here."""
        return self._endpoints.get(endpoint_id)

    def add(self, endpoint: Endpoint) -> list[Effect]:
        """Take in a new endpoint; its streams come later, by `replan`."""
        self._endpoints[endpoint.id] = endpoint
        self.empty_since = None
        return [
            CreateTransport(
                endpoint.transport,
                self.group,
                self.id,
                endpoint.id,
                endpoint.ufrag,
                endpoint.pwd,
                endpoint.sctp,
                endpoint.ice_controlling,
                self.feedback_video_ssrc,
            )
        ]

    def remove(self, endpoint: Endpoint, now: float) -> list[Effect]:
        """Let an endpoint go."""
        del self._endpoints[endpoint.id]
        self.speech.leave(endpoint.id)
        if not self._endpoints:
            self.empty_since = now
        gone = endpoint.transport
        self._plan = {t: party for t, party in self._plan.items() if t != gone}
        self._members = {t: member for t, member in self._members.items() if t != gone}
        # Others may own now what it owned.
        follows = self.replan() if self.ssrc_conflicts else self.adaptation.sync(self._members)
        return [RemoveTransport(gone), *follows]

    def clear(self) -> list[Effect]:
        """Let everyone go, as the conference ends."""
        transports = [endpoint.transport for endpoint in self._endpoints.values()]
        self._endpoints.clear()
        self._plan = {}
        self._members = {}
        self.adaptation.sync({})
        return [RemoveTransport(transport) for transport in transports]

    def replan(self, *changed: Endpoint) -> list[Effect]:
        """Return what brings the engine from what it was told last to what is signalled now.

        Args:
            changed: The endpoints that changed; without any, everyone is looked at.
        """
        if changed and not self.ssrc_conflicts and self._own(changed):
            owned = {endpoint.transport: endpoint.sources for endpoint in changed}
        else:
            changed, owned = self.endpoints, self._share_out()
            self._members = {}
        parties = {e.transport: e.party(owned[e.transport]) for e in changed}
        before, self._plan = self._plan, {**self._plan, **parties}
        self._members |= {e.transport: e.member(owned[e.transport]) for e in changed}
        return forwarding.steps(before, self._plan) + self.adaptation.sync(self._members)

    def _own(self, changed: tuple[Endpoint, ...]) -> bool:
        """Let these endpoints own all their SSRCs; False when one is somebody else's."""
        for endpoint in changed:
            mine = endpoint.transport
            if any(self._owners.setdefault(s, mine) != mine for s in endpoint.sources.streams):
                return False
        return True

    def _share_out(self) -> dict[int, Sources]:
        """Return each endpoint's sources; an SSRC that two claim is the older one's.

        Receivers may get SSRCs as they are, so a second stream on the same number would tear both.
        """
        self._owners = {}
        owned: dict[int, Sources] = {}
        self.ssrc_conflicts = 0
        for endpoint in self._endpoints.values():
            sources, mine = endpoint.sources, endpoint.transport
            owners = self._owners
            stolen = frozenset(s for s in sources.streams if owners.setdefault(s, mine) != mine)
            self.ssrc_conflicts += len(stolen)
            owned[mine] = sources.without(stolen)
        return owned
