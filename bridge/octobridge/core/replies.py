"""The transport part of a reply: what the bridge offers an endpoint to connect to.

It is there when the endpoint was just created and in answer to an ICE restart: with a generation
and the new agent's credentials; or without one and with those in use, while ICE isn't established
yet. A restart of what has failed gets no transport, which tells the focus to re-invite.
"""

from dataclasses import replace

from jitsiwire import colibri2
from jitsiwire.colibri2 import Candidate, IceTransport, Sctp, Transport
from octobridge.core.candidates import is_private
from octobridge.core.endpoint import Endpoint, IceRestart, IceState
from octobridge.core.registry import Registry

__all__ = ["offer"]

SCTP_PORT = 5000


def offer(registry: Registry, endpoint: Endpoint, wanted: colibri2.Endpoint) -> Transport | None:
    """Return the reply's transport, or None when none is due."""
    asked = wanted.transport is not None and wanted.transport.ice_restart
    if not wanted.create and not (asked and endpoint.ice is not IceState.FAILED):
        return None
    restart = endpoint.restart if asked else None
    sctp = Sctp(SCTP_PORT, "server") if wanted.create and endpoint.sctp else None
    return Transport(ice=_ice(registry, endpoint, restart), sctp=sctp)


def _ice(registry: Registry, endpoint: Endpoint, restart: IceRestart | None) -> IceTransport:
    fingerprint = registry.fingerprint
    candidates = _candidates(registry, endpoint)
    if restart is not None:
        candidates = tuple(replace(c, generation=restart.generation) for c in candidates)
    return IceTransport(
        ufrag=restart.ufrag if restart else endpoint.ufrag,
        pwd=restart.pwd if restart else endpoint.pwd,
        ice_generation=restart.generation if restart else None,
        candidates=candidates,
        rtcp_mux=True,
        fingerprints=(replace(fingerprint, setup=_setup(endpoint)),) if fingerprint else (),
    )


def _candidates(registry: Registry, endpoint: Endpoint) -> tuple[Candidate, ...]:
    candidates = endpoint.own_candidates or registry.candidates
    if registry.policy.advertise_private_candidates or endpoint.reaches_private_addresses:
        return candidates
    return tuple(c for c in candidates if not is_private(c.ip))


def _setup(endpoint: Endpoint) -> str:
    if endpoint.dtls_server is None:
        return "actpass"
    return "passive" if endpoint.dtls_server else "active"
