"""One conference on this bridge: its endpoints and its forwarding plan.

It turns changes of endpoints into effects by way of `forwarding`; it answers no requests
(`colibri` does) and watches no clock (`expiry` does).
"""

from octobridge.core import forwarding
from octobridge.core.effects import CreateTransport, Effect, RemoveTransport
from octobridge.core.endpoint import Endpoint
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
        now: float,
    ) -> None:
        self.meeting_id = meeting_id
        self.id = conference_id
        self.name = name
        self.group = group
        self.feedback_audio_ssrc, self.feedback_video_ssrc = feedback_ssrcs
        self.rtcstats_enabled = rtcstats_enabled
        self.created_at = now
        self.empty_since: float | None = now
        self.ssrc_conflicts = 0
        self.speech = Speech()
        self._endpoints: dict[str, Endpoint] = {}
        self._plan: forwarding.Plan = {}

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
            )
        ]

    def remove(self, endpoint: Endpoint, now: float) -> list[Effect]:
        """Let an endpoint go."""
        del self._endpoints[endpoint.id]
        self.speech.leave(endpoint.id)
        if not self._endpoints:
            self.empty_since = now
        self._plan = {t: party for t, party in self._plan.items() if t != endpoint.transport}
        return [RemoveTransport(endpoint.transport), *self.replan()]

    def clear(self) -> list[Effect]:
        """Let everyone go, as the conference ends."""
        transports = [endpoint.transport for endpoint in self._endpoints.values()]
        self._endpoints.clear()
        self._plan = {}
        return [RemoveTransport(transport) for transport in transports]

    def replan(self) -> list[Effect]:
        """Return what brings the engine from the last plan to what is signalled now."""
        before, self._plan = self._plan, self._desired()
        return forwarding.steps(before, self._plan)

    def _desired(self) -> forwarding.Plan:
        """Return the plan of now; an SSRC two endpoints claim is the older one's.

        Receivers get SSRCs as they are, so a second stream on the same number would tear both.
        """
        owners: dict[int, int] = {}
        plan: dict[int, forwarding.Party] = {}
        self.ssrc_conflicts = 0
        for endpoint in self._endpoints.values():
            party = endpoint.party()
            mine = {
                ssrc: stream
                for ssrc, stream in party.streams.items()
                if owners.setdefault(ssrc, endpoint.transport) == endpoint.transport
            }
            self.ssrc_conflicts += len(party.streams) - len(mine)
            plan[endpoint.transport] = forwarding.Party(
                mine,
                party.takes_audio,
                party.takes_video,
                party.muted_audio,
                party.muted_video,
            )
        return plan
