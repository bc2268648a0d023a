"""The transport part of a reply: what the bridge offers an endpoint or a relay to connect to.

It is there when the endpoint was just created and in answer to an ICE restart: with a generation
and the new agent's credentials; or without one and with those in use, while ICE isn't established
yet. A restart of what has failed gets no transport, which tells the focus to re-invite.
"""

from dataclasses import replace

from jitsiwire import colibri2
from jitsiwire.colibri2 import Candidate, IceTransport, Sctp, Transport
from octobridge.core.candidates import is_private
from octobridge.core.endpoint import Endpoint
from octobridge.core.learning import SCTP_PORT
from octobridge.core.peer import IceRestart, IceState, Peer
from octobridge.core.registry import Registry
from octobridge.core.relay import CLIENT, Relay

__all__ = ["offer", "relay_offer"]

SERVER = "server"
UNDECIDED = "actpass"


def offer(registry: Registry, endpoint: Endpoint, wanted: colibri2.Endpoint) -> Transport | None:
    """Return the reply's transport, or None when none is due."""
    asked = wanted.transport is not None and wanted.transport.ice_restart
    if not wanted.create and not (asked and endpoint.ice is not IceState.FAILED):
        return None
    restart = endpoint.restart if asked else None
    sctp = Sctp(SCTP_PORT, SERVER) if wanted.create and endpoint.sctp else None
    candidates = _candidates(registry, endpoint)
    return Transport(ice=_ice(registry, endpoint, candidates, _setup(endpoint), restart), sctp=sctp)


def relay_offer(registry: Registry, relay: Relay) -> Transport:
    """Return what a new relay is offered; the focus passes it on to the other bridge.

    It writes the DTLS role in itself, and only over one that is undecided.
    """
    candidates = relay.own_candidates or registry.candidates
    sctp = Sctp(SCTP_PORT, SERVER if relay.opens_channel else CLIENT) if relay.sctp else None
    return Transport(ice=_ice(registry, relay, candidates, UNDECIDED), sctp=sctp)


def _ice(
    registry: Registry,
    peer: Peer,
    candidates: tuple[Candidate, ...],
    setup: str,
    restart: IceRestart | None = None,
) -> IceTransport:
    fingerprint = registry.fingerprint
    if restart is not None:
        candidates = tuple(replace(c, generation=restart.generation) for c in candidates)
    return IceTransport(
        ufrag=restart.ufrag if restart else peer.ufrag,
        pwd=restart.pwd if restart else peer.pwd,
        ice_generation=restart.generation if restart else None,
        candidates=candidates,
        rtcp_mux=True,
        fingerprints=(replace(fingerprint, setup=setup),) if fingerprint else (),
    )


def _candidates(registry: Registry, endpoint: Endpoint) -> tuple[Candidate, ...]:
    candidates = endpoint.own_candidates or registry.candidates
    if registry.policy.advertise_private_candidates or endpoint.reaches_private_addresses:
        return candidates
    return tuple(c for c in candidates if not is_private(c.ip))


def _setup(peer: Peer) -> str:
    if peer.dtls_server is None:
        return UNDECIDED
    return "passive" if peer.dtls_server else "active"
