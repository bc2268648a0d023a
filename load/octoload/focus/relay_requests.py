"""The Colibri2 requests about relays, in the shapes the real Jicofo was recorded to make."""

from collections.abc import Iterable

from jitsiwire.colibri2 import (
    ConferenceModify,
    Endpoint,
    IceTransport,
    Relay,
    Sctp,
    Transport,
)
from octoload.focus import requests, sources
from octoload.focus.conference import Participant

__all__ = [
    "creation",
    "endpoints",
    "expired_endpoint",
    "expiry",
    "new_endpoint",
    "sending",
    "transport",
]


def creation(
    meeting_id: str,
    relay_id: str,
    mesh: str,
    people: Iterable[Participant],
    *,
    initiator: bool,
) -> ConferenceModify:
    """Ask for a relay to a bridge, and tell who comes by it.

    The initiator connects, from a port of its own; it opens the message channel, too: the SCTP
    role is the one that the asked bridge is to play.
    """
    relay = Relay(
        relay_id,
        create=True,
        mesh_id=mesh,
        media=requests.MEDIA,
        transport=Transport(
            ice_controlling=initiator,
            use_unique_port=initiator,
            sctp=Sctp(role="client" if initiator else "server"),
        ),
        endpoints=tuple(new_endpoint(one) for one in people),
    )
    return ConferenceModify(meeting_id, relays=(relay,))


def transport(meeting_id: str, relay_id: str, ice: IceTransport) -> ConferenceModify:
    """Tell one end of a relay how the other connects."""
    return ConferenceModify(meeting_id, relays=(Relay(relay_id, transport=Transport(ice=ice)),))


def endpoints(meeting_id: str, relay_id: str, said: Iterable[Endpoint]) -> ConferenceModify:
    """Tell of endpoints that come by a relay."""
    return ConferenceModify(meeting_id, relays=(Relay(relay_id, endpoints=tuple(said)),))


def expiry(meeting_id: str, relay_id: str) -> ConferenceModify:
    """Let a relay go."""
    return ConferenceModify(meeting_id, relays=(Relay(relay_id, expire=True),))


def new_endpoint(one: Participant) -> Endpoint:
    """A participant as the bridges that it isn't on are told of it first."""
    return Endpoint(
        one.id,
        create=True,
        stats_id=one.stats_id,
        sources=sources.media_sources(one.id, one.sent),
        capabilities=requests.capabilities(one.wishes),
    )


def sending(one: Participant) -> Endpoint:
    """The same when what it sends changed."""
    return Endpoint(one.id, sources=sources.media_sources(one.id, one.sent))


def expired_endpoint(endpoint_id: str) -> Endpoint:
    """The same when it is gone."""
    return Endpoint(endpoint_id, expire=True)
