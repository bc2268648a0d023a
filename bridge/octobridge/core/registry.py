"""All that is on this bridge: conferences by meeting id, totals, drain and shutdown.

The core's one root of state. `colibri` changes it on request, `expiry` by time, the shell's
reports (`reports`) by what happened to transports.
"""

from collections.abc import Iterator
from typing import Protocol

from jitsiwire.colibri2 import Candidate, Fingerprint
from octobridge.core.adaptation import Adaptation
from octobridge.core.conference import Conference
from octobridge.core.counters import Counters
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.meshes import Meshes
from octobridge.core.minting import Entropy, Mint
from octobridge.core.peer import IceState, Peer
from octobridge.core.policy import Policy
from octobridge.core.relay import Relay, RelayedEndpoint
from octobridge.core.shutdown import Occupancy, Shutdown, Timing

__all__ = ["Ports", "Registry"]


class Ports(Protocol):
    """Opens ports for single transports."""

    def open(self, transport: int) -> tuple[Candidate, ...]:
        """Return the candidates of a transport's own sockets; none when there are none."""
        ...


class Registry:
    """The bridge's state."""

    def __init__(
        self,
        *,
        entropy: Entropy,
        policy: Policy | None = None,
        timing: Timing | None = None,
        candidates: tuple[Candidate, ...] = (),
        fingerprint: Fingerprint | None = None,
        ports: Ports | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.mint = Mint(entropy)
        self.candidates = candidates
        """What every endpoint is offered, private ones included."""
        self.ports = ports
        self.fingerprint = fingerprint
        self.counters = Counters()
        self.shutdown = Shutdown(timing or Timing())
        self.drain = False
        self._conferences: dict[str, Conference] = {}
        self._by_transport: dict[int, tuple[Conference, Endpoint]] = {}
        self._relays: dict[int, tuple[Conference, Relay]] = {}
        self._last_number = 0

    @property
    def conferences(self) -> tuple[Conference, ...]:
        """All conferences, oldest first."""
        return tuple(self._conferences.values())

    def endpoints(self) -> Iterator[tuple[Conference, Endpoint]]:
        """Every endpoint with its conference."""
        for conference in self._conferences.values():
            for endpoint in conference.endpoints:
                yield conference, endpoint

    def relays(self) -> Iterator[tuple[Conference, Relay]]:
        """Every relay with its conference."""
        yield from self._relays.values()

    def occupancy(self) -> Occupancy:
        """Return who is here."""
        return Occupancy(len(self._by_transport), len(self._conferences))

    def find(self, meeting_id: str) -> Conference | None:
        """Return the conference of this meeting, if it is here."""
        return self._conferences.get(meeting_id)

    def by_transport(self, transport: int) -> tuple[Conference, Endpoint] | None:
        """Return which endpoint's transport it is; None once that endpoint is gone."""
        return self._by_transport.get(transport)

    def relay_by_transport(self, transport: int) -> tuple[Conference, Relay] | None:
        """Return which relay's transport it is; None once that relay is gone."""
        return self._relays.get(transport)

    def peer(self, transport: int) -> tuple[Conference, Peer] | None:
        """Return whose transport it is, an endpoint's or a relay's."""
        return self._by_transport.get(transport) or self._relays.get(transport)

    def create_conference(
        self, meeting_id: str, name: str | None, rtcstats_enabled: bool, now: float
    ) -> Conference:
        """Open a conference; the caller has checked that there is none of this id."""
        meshes = Meshes()
        adaptation = Adaptation(
            self.policy.adaptation, self.mint.ssrc, meshes, self.policy.relay_id
        )
        conference = Conference(
            meeting_id=meeting_id,
            conference_id=self.mint.conference_id(),
            name=name,
            group=self._next_number(),
            feedback_ssrcs=self._feedback_ssrcs(),
            rtcstats_enabled=rtcstats_enabled,
            adaptation=adaptation,
            meshes=meshes,
            now=now,
        )
        self._conferences[meeting_id] = conference
        self.counters.conferences_created += 1
        return conference

    def create_endpoint(
        self,
        conference: Conference,
        endpoint_id: str,
        now: float,
        *,
        visitor: bool,
        sctp: bool,
        ice_controlling: bool = True,
    ) -> tuple[Endpoint, list[Effect]]:
        """Open an endpoint with fresh credentials and a transport of its own."""
        endpoint = Endpoint(
            id=endpoint_id,
            transport=self._next_number(),
            ufrag=self.mint.ufrag(),
            pwd=self.mint.pwd(),
            created_at=now,
            visitor=visitor,
            sctp=sctp,
            ice_controlling=ice_controlling,
        )
        self._by_transport[endpoint.transport] = (conference, endpoint)
        self.counters.participants += 1
        self.counters.visitors += visitor
        return endpoint, conference.add(endpoint)

    def remove_endpoint(
        self, conference: Conference, endpoint: Endpoint, now: float
    ) -> list[Effect]:
        """Let an endpoint go, whatever the reason."""
        self._forget(endpoint)
        return conference.remove(endpoint, now)

    def create_relay(
        self,
        conference: Conference,
        relay_id: str,
        now: float,
        *,
        mesh_id: str | None,
        sctp_role: str | None,
        ice_controlling: bool,
    ) -> tuple[Relay, list[Effect]]:
        """Open a link to another bridge, with fresh credentials and a transport of its own."""
        relay = Relay(
            id=relay_id,
            transport=self._next_number(),
            ufrag=self.mint.ufrag(),
            pwd=self.mint.pwd(),
            created_at=now,
            sctp=sctp_role is not None,
            ice_controlling=ice_controlling,
            mesh_id=mesh_id,
            mesh=conference.meshes.number(mesh_id),
            sctp_role=sctp_role,
        )
        self._relays[relay.transport] = (conference, relay)
        self.counters.relays += 1
        return relay, conference.add_relay(relay)

    def create_relayed(
        self, conference: Conference, relay: Relay, endpoint_id: str
    ) -> RelayedEndpoint:
        """Take in somebody on another bridge."""
        person = RelayedEndpoint(endpoint_id, self._next_number(), relay.transport)
        conference.add_relayed(relay, person)
        return person

    def remove_relay(self, conference: Conference, relay: Relay, now: float) -> list[Effect]:
        """Let a link to another bridge go, whatever the reason."""
        self._forget_relay(relay)
        return conference.remove_relay(relay, now)

    def remove_conference(self, conference: Conference, now: float) -> list[Effect]:
        """End a conference and let its endpoints go; harmless when it is gone already."""
        if self._conferences.get(conference.meeting_id) is not conference:
            return []
        del self._conferences[conference.meeting_id]
        for endpoint in conference.endpoints:
            self._forget(endpoint)
        for relay in conference.relays:
            self._forget_relay(relay)
        self.counters.conferences_completed += 1
        self.counters.conference_seconds += now - conference.created_at
        return conference.clear()

    def step(self, now: float) -> list[Effect]:
        """Adapt every conference to what has changed; cheap where nothing has."""
        effects: list[Effect] = []
        for conference in self._conferences.values():
            effects += conference.adaptation.step(now)
        return effects

    def _forget(self, endpoint: Endpoint) -> None:
        self._by_transport.pop(endpoint.transport, None)
        if endpoint.ice is IceState.CONNECTED:
            self.counters.endpoints_dtls_failed += 1

    def _forget_relay(self, relay: Relay) -> None:
        self._relays.pop(relay.transport, None)
        if relay.ice is IceState.CONNECTED:
            self.counters.relays_dtls_failed += 1

    def _feedback_ssrcs(self) -> tuple[int, int]:
        audio = self.mint.ssrc()
        while (video := self.mint.ssrc()) == audio:
            pass
        return audio, video

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number
