"""Messages to several peers at once: written once, sent to those whose channel is open."""

from collections.abc import Iterable

from jitsiwire.bridge_channel import Message, build
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect, SendMessage
from octobridge.core.peer import Peer
from octobridge.core.relay import Relay

__all__ = ["beyond", "tell"]


def tell(peers: Iterable[Peer], message: Message) -> list[Effect]:
    """Return what sends the message to each of these peers that can be told."""
    receivers = [peer for peer in peers if peer.message_channel]
    if not receivers:
        return []
    text = build(message)
    return [SendMessage(peer.transport, text) for peer in receivers]


def beyond(conference: Conference, origin: Peer) -> list[Relay]:
    """Return the relays over which a message goes on that came from this peer."""
    passes = conference.meshes.passes
    return [relay for relay in conference.relays if passes(origin.transport, relay.transport)]
