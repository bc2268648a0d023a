"""What a request asks of one relay: create, update or expire it, and the people behind it.

The checks come in the stock bridge's order; what was done before one that fails stays done.

Source: JVB Colibri2ConferenceHandler.kt, handleColibri2Relay; relay/Relay.kt.
"""

from dataclasses import dataclass, field

from jitsiwire import colibri2
from jitsiwire.colibri2 import Condition, Sctp
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.learning import (
    check_room,
    learn_transport,
    open_port,
    port_fault,
    replace_sources,
)
from octobridge.core.refusal import Refusal
from octobridge.core.registry import Registry
from octobridge.core.relay import Relay, RelayedEndpoint
from octobridge.core.replies import SERVER, relay_offer

__all__ = ["Done", "handle"]


@dataclass(slots=True)
class Done:
    """What came of it; with `refusal`, the request ends here but the effects stand."""

    effects: list[Effect] = field(default_factory=list[Effect])
    reply: colibri2.Relay | None = None
    refusal: Refusal | None = None


def handle(registry: Registry, conference: Conference, wanted: colibri2.Relay, now: float) -> Done:
    """Do what is asked of one relay.

    Args:
        registry: The bridge's state.
        conference: The conference the request is about.
        wanted: What is asked.
        now: Seconds.
    """
    work = _Work(registry, conference, wanted, now)
    try:
        work.handle()
    except Refusal as refusal:
        work.done.refusal = refusal
    return work.done


@dataclass(slots=True)
class _Work:
    """One relay's part of a request, under way."""

    registry: Registry
    conference: Conference
    wanted: colibri2.Relay
    now: float
    done: Done = field(default_factory=Done)

    def handle(self) -> None:
        wanted, done = self.wanted, self.done
        _check_enabled(self.registry)
        known = self.conference.find_relay(wanted.id)
        if wanted.expire:
            if known is not None:
                done.effects += self.registry.remove_relay(self.conference, known, self.now)
            done.reply = colibri2.Relay(wanted.id, expire=True)
            return
        if wanted.create:
            relay = self._create(known)
        elif known is not None:
            relay = known
        else:
            # Not item-not-found, which rooms answer, too.
            raise Refusal.of(Condition.BAD_REQUEST, f"Unknown relay {wanted.id}")
        self._update(relay)
        offered = relay_offer(self.registry, relay) if wanted.create else None
        done.reply = colibri2.Relay(wanted.id, transport=offered)

    def _create(self, known: Relay | None) -> Relay:
        wanted = self.wanted
        if known is not None:
            raise Refusal.of(Condition.CONFLICT, f"Relay with ID {wanted.id} already exists")
        transport = wanted.transport
        if transport is None:
            raise Refusal.of(
                Condition.BAD_REQUEST, f"Attempt to create relay {wanted.id} with no <transport>"
            )
        _check_new(self.registry, self.conference, wanted)
        relay, effects = self.registry.create_relay(
            self.conference,
            wanted.id,
            self.now,
            mesh_id=wanted.mesh_id,
            sctp_role=_sctp_role(transport.sctp),
            ice_controlling=transport.ice_controlling,
        )
        self.done.effects += effects
        if transport.use_unique_port and not open_port(self.registry, relay):
            # Two links between the same pair of shared ports couldn't be told apart.
            self.done.effects += self.registry.remove_relay(self.conference, relay, self.now)
            raise Refusal.of(Condition.INTERNAL_SERVER_ERROR, "No port is left for a relay.")
        return relay

    def _update(self, relay: Relay) -> None:
        wanted = self.wanted
        if wanted.media:
            relay.learn_media(wanted.media)
            self.done.effects += relay.negotiated()
        self.done.effects += self.conference.retake(relay)
        if wanted.transport is not None and wanted.transport.ice is not None:
            self.done.effects += learn_transport(self.registry, relay, wanted.transport.ice)
        changed: list[RelayedEndpoint] = []
        try:
            for endpoint in wanted.endpoints or ():
                self._person(relay, endpoint, changed)
        finally:
            here = [person for person in changed if relay.endpoints.get(person.id) is person]
            if here:
                self.done.effects += self.conference.replan(*here)

    def _person(
        self, relay: Relay, wanted: colibri2.Endpoint, changed: list[RelayedEndpoint]
    ) -> None:
        """Create, update or let go one of those behind it; the unknown are no error."""
        known = relay.endpoints.get(wanted.id)
        if wanted.expire:
            if known is not None:
                self.done.effects += self.conference.remove_relayed(relay, known, self.now)
            return
        if known is None:
            if not wanted.create:
                return
            check_room(self.registry, self.conference, wanted.id)
            known = self.registry.create_relayed(self.conference, relay, wanted.id)
        changed.append(known)
        known.stats_id = wanted.stats_id or known.stats_id
        if wanted.sources is not None:
            replace_sources(self.registry, known, wanted.sources)


def _check_enabled(registry: Registry) -> None:
    if registry.policy.relay_id is None:
        raise Refusal.of(Condition.FEATURE_NOT_IMPLEMENTED, "Octo is disabled in configuration.")
    if not registry.policy.sctp_enabled:
        raise Refusal.of(Condition.INTERNAL_SERVER_ERROR, "Relays need SCTP, which is disabled.")


def _check_new(registry: Registry, conference: Conference, wanted: colibri2.Relay) -> None:
    if not 0 < len(wanted.id) <= registry.policy.max_id_length:
        raise Refusal.of(Condition.BAD_REQUEST, "The relay's id is empty or too long.")
    if len(conference.relays) >= registry.policy.max_relays:
        raise Refusal.of(Condition.BAD_REQUEST, "The conference has no room for more relays.")
    fault = port_fault(None if wanted.transport is None else wanted.transport.sctp)
    if fault is not None:
        raise Refusal(fault)


def _sctp_role(sctp: Sctp | None) -> str | None:
    """Return what this bridge shall play: as a server it waits for the other to begin."""
    return None if sctp is None else (sctp.role or SERVER)
