"""One conference on this bridge: its endpoints, its relays to other bridges, who sends what where.

It turns changes of endpoints and relays into effects by way of `forwarding`, `relaying` and
`adaptation`; it answers no requests (`colibri` does) and watches no clock (`expiry` does).
"""

from collections.abc import Iterable
from itertools import chain

from octobridge.core import forwarding
from octobridge.core.adaptation import Adaptation, Member
from octobridge.core.effects import CreateTransport, Effect, RemoveTransport
from octobridge.core.endpoint import Endpoint
from octobridge.core.meshes import Meshes
from octobridge.core.ownership import Ownership, Person
from octobridge.core.peer import Peer
from octobridge.core.relay import Relay, RelayedEndpoint
from octobridge.core.relaying import Relaying
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
        meshes: Meshes,
        now: float,
    ) -> None:
        self.meeting_id = meeting_id
        self.id = conference_id
        self.name = name
        self.group = group
        self.feedback_audio_ssrc, self.feedback_video_ssrc = feedback_ssrcs
        self.rtcstats_enabled = rtcstats_enabled
        self.adaptation = adaptation
        self.meshes = meshes
        self.relaying = Relaying(meshes)
        self.created_at = now
        self.empty_since: float | None = now
        self.deserted_since: float | None = now
        """Since when nobody is connected to this bridge, wherever else people are."""
        self.speech = Speech()
        self._endpoints: dict[str, Endpoint] = {}
        self._relays: dict[str, Relay] = {}
        self._relayed = 0
        self._ownership = Ownership()
        self._plan: forwarding.Plan = {}
        self._members: dict[int, Member] = {}

    # ---- who is here ----------------------------------------------------------------------

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those connected to this bridge, oldest first."""
        return tuple(self._endpoints.values())

    @property
    def relays(self) -> tuple[Relay, ...]:
        """Links to other bridges, oldest first."""
        return tuple(self._relays.values())

    @property
    def relayed(self) -> tuple[RelayedEndpoint, ...]:
        """Those on other bridges."""
        return tuple(chain.from_iterable(r.endpoints.values() for r in self._relays.values()))

    @property
    def people(self) -> tuple[Person, ...]:
        """Everyone, those connected to this bridge first."""
        return (*self.endpoints, *self.relayed)

    @property
    def ssrc_conflicts(self) -> int:
        """How many SSRCs are signalled by more than one."""
        return self._ownership.conflicts

    def __len__(self) -> int:
        return len(self._endpoints) + self._relayed

    def find(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint, if it is connected to this bridge."""
        return self._endpoints.get(endpoint_id)

    def find_relay(self, relay_id: str) -> Relay | None:
        """Return the link to this bridge, if there is one."""
        return self._relays.get(relay_id)

    def relay_of(self, endpoint_id: str) -> Relay | None:
        """Return the link to the bridge that somebody is on."""
        return next((r for r in self._relays.values() if endpoint_id in r.endpoints), None)

    def find_person(self, endpoint_id: str) -> Person | None:
        """Return somebody, wherever he is."""
        here = self._endpoints.get(endpoint_id)
        if here is not None:
            return here
        relay = self.relay_of(endpoint_id)
        return None if relay is None else relay.endpoints[endpoint_id]

    def sender(self, transport: int, ssrc: int) -> str | None:
        """Return who on a relay's transport sends an SSRC."""
        number = self._ownership.owner(ssrc)
        member = None if number is None else self._members.get(number)
        return member.id if member is not None and member.transport == transport else None

    # ---- endpoints ------------------------------------------------------------------------

    def add(self, endpoint: Endpoint) -> list[Effect]:
        """Take in a new endpoint; its streams come later, by `replan`."""
        self._endpoints[endpoint.id] = endpoint
        self.empty_since = self.deserted_since = None
        return [self._creation(endpoint)]

    def remove(self, endpoint: Endpoint, now: float) -> list[Effect]:
        """Let an endpoint go."""
        del self._endpoints[endpoint.id]
        self._left(endpoint.id, now)
        self._members.pop(endpoint.transport, None)
        self._ownership.release(endpoint)
        self._forget(endpoint.transport)
        # Others may own now what it owned.
        follows = self.replan() if self.ssrc_conflicts else self.adaptation.sync(self._members)
        return [RemoveTransport(endpoint.transport), *follows]

    # ---- relays and who is behind them ----------------------------------------------------

    def add_relay(self, relay: Relay) -> list[Effect]:
        """Take in a link to another bridge."""
        self._relays[relay.id] = relay
        self.meshes.add(relay.transport, relay.mesh)
        self.adaptation.add_relay(relay.transport)
        return [self._creation(relay)]

    def remove_relay(self, relay: Relay, now: float) -> list[Effect]:
        """Let a link go, and everyone behind it."""
        del self._relays[relay.id]
        self._relayed -= len(relay.endpoints)
        for person in relay.endpoints.values():
            self._left(person.id, now)
            self._members.pop(person.number, None)
            self._ownership.release(person)
        self.adaptation.remove_relay(relay.transport)
        self._forget(relay.transport)
        follows = self.replan() if self.ssrc_conflicts else self.adaptation.sync(self._members)
        self.meshes.remove(relay.transport)
        return [RemoveTransport(relay.transport), *follows]

    def retake(self, relay: Relay) -> list[Effect]:
        """Send over a relay what it takes, as that may have changed."""
        return self.relaying.take(relay.taker(), self._plan)

    def add_relayed(self, relay: Relay, person: RelayedEndpoint) -> None:
        """Take in somebody on another bridge; his streams come later, by `replan`."""
        relay.endpoints[person.id] = person
        self._relayed += 1
        self.empty_since = None

    def remove_relayed(self, relay: Relay, person: RelayedEndpoint, now: float) -> list[Effect]:
        """Let somebody on another bridge go."""
        del relay.endpoints[person.id]
        self._relayed -= 1
        self._left(person.id, now)
        self._members.pop(person.number, None)
        if self.ssrc_conflicts:
            return self.replan()
        self._ownership.release(person)
        return self._follow((relay.transport,))

    # ---- what follows ---------------------------------------------------------------------

    def clear(self) -> list[Effect]:
        """Let everyone go, as the conference ends."""
        peers: tuple[Peer, ...] = (*self.endpoints, *self.relays)
        for relay in self.relays:
            self.adaptation.remove_relay(relay.transport)
        for peer in peers:
            self._forget(peer.transport)
        self._endpoints.clear()
        self._relays.clear()
        self._relayed = 0
        self._members = {}
        self.adaptation.sync({})
        return [RemoveTransport(peer.transport) for peer in peers]

    def replan(self, *changed: Person) -> list[Effect]:
        """Return what brings the engine from what it was told last to what is signalled now.

        Args:
            changed: Those that changed; without any, everyone is looked at.
        """
        if changed and self._ownership.claim(changed):
            transports = {person.transport for person in changed}
        else:
            changed = self.people
            self._ownership.share_out(changed)
            self._members = {}
            transports = {peer.transport for peer in (*self.endpoints, *self.relays)}
        owned = self._ownership.of
        self._members |= {p.number: p.member(owned(p)) for p in changed}
        return self._follow(transports)

    def _follow(self, transports: Iterable[int]) -> list[Effect]:
        """Tell the engine and adaptation what became of what these transports carry."""
        changed = tuple(transports)
        before, parties = self._plan, {t: self._party(t) for t in changed}
        self._plan = {**before, **parties}
        steps = forwarding.steps(before, self._plan)
        relayed = self.relaying.follow(self._plan, changed, steps)
        return steps + relayed + self.adaptation.sync(self._members)

    def _party(self, transport: int) -> forwarding.Party:
        member = self._members.get(transport)
        here = None if member is None else self._endpoints.get(member.id)
        if here is not None and here.transport == transport:
            return here.party(self._ownership.of(here))
        behind = [r for r in self._relays.values() if r.transport == transport]
        return self._ownership.party(p for r in behind for p in r.endpoints.values())

    def _creation(self, peer: Peer) -> CreateTransport:
        relay = peer if isinstance(peer, Relay) else None
        return CreateTransport(
            peer.transport,
            self.group,
            self.id,
            peer.id,
            peer.ufrag,
            peer.pwd,
            peer.sctp,
            peer.ice_controlling,
            self.feedback_video_ssrc,
            opens_channel=relay is not None and relay.opens_channel,
            mesh=0 if relay is None else relay.mesh,
        )

    def _left(self, endpoint_id: str, now: float) -> None:
        """Note that somebody is gone, unless he has merely moved to another bridge."""
        if self.find_person(endpoint_id) is None:
            self.speech.leave(endpoint_id)
        if len(self) == 0:
            self.empty_since = now
        if not self._endpoints and self.deserted_since is None:
            self.deserted_since = now

    def _forget(self, transport: int) -> None:
        self._plan = {t: party for t, party in self._plan.items() if t != transport}
        self.relaying.forget(transport)
