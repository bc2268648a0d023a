"""What a bridge's answer means for the bridge and for the participants: Jicofo's tables.

An allocation that fails says something about the bridge; any other request that fails ends the
conference's session there, except that an unknown endpoint only costs that endpoint. Silence to
an allocation is a failure, silence to a relay's creation ends the session, too; to anything else
it is ignored.

Source: jicofo 7ebb13dc, bridge/colibri/Colibri2Session.kt, ColibriV2SessionManager.kt.
"""

from dataclasses import dataclass
from enum import Enum

from pydantic import ValidationError

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModified,
    IceTransport,
    MediaSource,
    Reason,
    Sctp,
)
from octoload import signalling

__all__ = [
    "Nothing",
    "Reply",
    "Verdict",
    "judge_allocation",
    "judge_relay",
    "judge_restart",
    "judge_update",
]


class Nothing(Enum):
    """An answer that is no Colibri2 reply."""

    TIMEOUT = "timeout"
    UNEXPECTED = "unexpected"
    """A result of another kind, or one that doesn't parse."""


Reply = ConferenceModified | Colibri2Error | Nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an answer."""

    transport: signalling.TransportDescription | None = None
    """Where the participant is to connect: the allocation succeeded."""
    feedback: tuple[MediaSource, ...] | None = None
    fail_bridge: bool = False
    """The bridge isn't operational."""
    end_session: bool = False
    """The conference leaves the bridge; all its people there are invited again."""
    graceful: bool = False
    """The bridge said that it shuts down."""
    reinvite: tuple[str, ...] = ()
    """Endpoints to invite again."""


def judge_allocation(reply: Reply, endpoint_id: str) -> Verdict:
    """Judge the answer to the creation of an endpoint."""
    match reply:
        case Nothing.TIMEOUT:
            return Verdict(fail_bridge=True, end_session=True)
        case Nothing.UNEXPECTED:
            return Verdict(fail_bridge=True)
        case ConferenceModified():
            return Verdict(_transport(reply, endpoint_id), reply.sources)
        case Colibri2Error():
            return _judge_refusal(reply)


def _judge_refusal(error: Colibri2Error) -> Verdict:
    match error.condition, error.reason:
        case Condition.BAD_REQUEST, _:
            return Verdict()
        case Condition.ITEM_NOT_FOUND, Reason.CONFERENCE_NOT_FOUND:
            return Verdict(end_session=True)
        case Condition.ITEM_NOT_FOUND, _:
            return Verdict()
        case Condition.CONFLICT, _:
            return Verdict(end_session=True)
        case Condition.SERVICE_UNAVAILABLE, Reason.GRACEFUL_SHUTDOWN:
            return Verdict(end_session=True, graceful=True)
        case _:
            return Verdict(fail_bridge=True, end_session=True)


def judge_restart(reply: Reply, endpoint_id: str) -> Verdict:
    """Judge the answer to an ICE restart: a bridge that says no transport refuses it."""
    verdict = judge_update(reply)
    if not isinstance(reply, ConferenceModified):
        return verdict
    transport = _transport(reply, endpoint_id)
    return Verdict(transport) if transport else Verdict(reinvite=(endpoint_id,))


def judge_relay(reply: Reply, relay_id: str) -> IceTransport | None:
    """Return how the bridge connects by a new relay; None ends the session, silence as well."""
    if not isinstance(reply, ConferenceModified):
        return None
    for relay in reply.relays:
        if relay.id == relay_id and relay.transport is not None:
            return relay.transport.ice
    return None


def judge_update(reply: Reply) -> Verdict:
    """Judge the answer to any other request."""
    match reply:
        case ConferenceModified() | Nothing.TIMEOUT:
            return Verdict()
        case Colibri2Error(reason=Reason.UNKNOWN_ENDPOINT, endpoints=endpoints) if endpoints:
            return Verdict(reinvite=endpoints)
        case _:
            return Verdict(end_session=True)


def _transport(
    reply: ConferenceModified, endpoint_id: str
) -> signalling.TransportDescription | None:
    for endpoint in reply.endpoints:
        if endpoint.id == endpoint_id and endpoint.transport and endpoint.transport.ice:
            return _description(endpoint.transport.ice, endpoint.transport.sctp)
    return None


def _description(ice: IceTransport, sctp: Sctp | None) -> signalling.TransportDescription | None:
    """The ICE transport as participants are told it; None when it is of no use to them."""
    if not ice.fingerprints:
        return None
    fingerprint = ice.fingerprints[0]
    try:
        return signalling.TransportDescription.model_validate(
            {
                "ufrag": ice.ufrag,
                "pwd": ice.pwd,
                "candidates": [
                    {
                        "foundation": one.foundation,
                        "priority": one.priority,
                        "address": one.ip,
                        "port": one.port,
                        "type": one.type,
                        "generation": one.generation,
                    }
                    for one in ice.candidates
                    if one.component == 1 and one.protocol.lower() == "udp"
                ],
                "fingerprintHash": fingerprint.hash.lower(),
                "fingerprint": fingerprint.value,
                "setup": fingerprint.setup or "actpass",
                "generation": ice.ice_generation,
                "sctpPort": None if sctp is None else sctp.port,
            }
        )
    except ValidationError:
        return None
