"""The transport part of a reply: what the bridge offers an endpoint to connect to.

It is there when the endpoint was just created. An ICE restart is honoured only as "keep what
you have": before ICE is established the same credentials are told again; after that the bridge
leaves the transport out, which tells the focus to re-invite.
"""

from dataclasses import replace

from jitsiwire import colibri2
from jitsiwire.colibri2 import Candidate, IceTransport, Sctp, Transport
from octobridge.core.candidates import is_private
from octobridge.core.endpoint import Endpoint, IceState
from octobridge.core.registry import Registry

__all__ = ["offer"]

SCTP_PORT = 5000


def offer(registry: Registry, endpoint: Endpoint, wanted: colibri2.Endpoint) -> Transport | None:
    """Return the reply's transport, or None when none is due."""
    restart = wanted.transport is not None and wanted.transport.ice_restart
    if not wanted.create and not (restart and endpoint.ice is IceState.NEW):
        return None
    sctp = Sctp(SCTP_PORT, "server") if wanted.create and endpoint.sctp else None
    return Transport(ice=_ice(registry, endpoint), sctp=sctp)


def _ice(registry: Registry, endpoint: Endpoint) -> IceTransport:
    fingerprint = registry.fingerprint
    return IceTransport(
        ufrag=endpoint.ufrag,
        pwd=endpoint.pwd,
        candidates=_candidates(registry, endpoint),
        rtcp_mux=True,
        fingerprints=(replace(fingerprint, setup=_setup(endpoint)),) if fingerprint else (),
    )


def _candidates(registry: Registry, endpoint: Endpoint) -> tuple[Candidate, ...]:
    if registry.policy.advertise_private_candidates or endpoint.reaches_private_addresses:
        return registry.candidates
    return tuple(c for c in registry.candidates if not is_private(c.ip))


def _setup(endpoint: Endpoint) -> str:
    if endpoint.dtls_server is None:
        return "actpass"
    return "passive" if endpoint.dtls_server else "active"
