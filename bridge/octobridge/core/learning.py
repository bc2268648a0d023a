"""What a request teaches of a peer, the same for endpoints and relays: its transport, its sources.

Source: JVB Colibri2ConferenceHandler.kt.
"""

from dataclasses import replace
from typing import Final

from jitsiwire import colibri2
from jitsiwire.colibri2 import Candidate, Colibri2Error, Condition, IceTransport, Sctp
from octobridge.core.conference import Conference
from octobridge.core.effects import SetRemote
from octobridge.core.ownership import Person
from octobridge.core.peer import IceState, Peer
from octobridge.core.refusal import Refusal
from octobridge.core.registry import Registry
from octobridge.core.sources import read_sources

__all__ = [
    "SCTP_PORT",
    "check_room",
    "learn_transport",
    "open_port",
    "port_fault",
    "replace_sources",
]

SCTP_PORT: Final = 5000


def check_room(registry: Registry, conference: Conference, endpoint_id: str) -> None:
    """Refuse somebody new with an unusable id, or for whom there is no room, here or elsewhere."""
    if not 0 < len(endpoint_id) <= registry.policy.max_id_length:
        raise Refusal.of(Condition.BAD_REQUEST, "The endpoint's id is empty or too long.")
    if len(conference) >= registry.policy.max_endpoints:
        raise Refusal.of(Condition.BAD_REQUEST, "The conference has no room left.")


def port_fault(sctp: Sctp | None) -> Colibri2Error | None:
    """Return why the SCTP port asked for can't be had."""
    if sctp is None or sctp.port in (None, SCTP_PORT):
        return None
    return Colibri2Error(
        Condition.BAD_REQUEST, "A specific SCTP port was requested, which isn't supported."
    )


def open_port(registry: Registry, peer: Peer) -> bool:
    """Give a new peer a port of its own; without one to be had (False) it shares the bridge's."""
    if registry.ports is not None:
        peer.own_candidates = registry.ports.open(peer.transport)
        return bool(peer.own_candidates)
    return False


def learn_transport(registry: Registry, peer: Peer, ice: IceTransport) -> list[SetRemote]:
    """Learn where a peer is, and return what the shell must know of it."""
    peer.learn_fingerprints(ice)
    registry.counters.transport_parts_unreadable += ice.unreadable
    restart = peer.restart
    if restart is not None and ice.ice_generation == restart.generation:
        generation, fresh = restart.generation, True
    else:
        generation = None
        # Consent is checked with the password that ICE was established with: one of a restart
        # we refused, or a late repetition, must not end a call that works.
        fresh = peer.ice not in (IceState.CONNECTED, IceState.SECURED)
        if ice.ice_generation not in (None, peer.generation):
            registry.counters.ice_generations_stale += 1
            ice = replace(ice, ufrag=None, pwd=None, candidates=())
    return [
        SetRemote(
            peer.transport,
            ice.ufrag if fresh else None,
            ice.pwd if fresh else None,
            _candidates_with_room(registry, peer, ice),
            peer.fingerprints,
            peer.dtls_server,
            generation,
        )
    ]


def _candidates_with_room(
    registry: Registry, peer: Peer, ice: IceTransport
) -> tuple[Candidate, ...]:
    room = registry.policy.max_candidates - peer.candidates_taken
    candidates = ice.candidates[: max(0, room)]
    peer.candidates_taken += len(candidates)
    registry.counters.candidates_dropped += len(ice.candidates) - len(candidates)
    return candidates


def replace_sources(
    registry: Registry, person: Person, sources: tuple[colibri2.MediaSource, ...]
) -> None:
    """Let somebody have these sources and no others."""
    read = read_sources(sources)
    if len(read.streams) > registry.policy.max_sources:
        raise Refusal.of(
            Condition.BAD_REQUEST, f"More than {registry.policy.max_sources} SSRCs of one endpoint."
        )
    if read != person.sources:
        person.sources = read
