"""Messages to several clients at once: written once, sent to those whose channel is open."""

from collections.abc import Iterable

from jitsiwire.bridge_channel import Message, build
from octobridge.core.effects import Effect, SendMessage
from octobridge.core.endpoint import Endpoint

__all__ = ["tell"]


def tell(endpoints: Iterable[Endpoint], message: Message) -> list[Effect]:
    """Return what sends the message to each of these endpoints that can be told."""
    receivers = [endpoint for endpoint in endpoints if endpoint.message_channel]
    if not receivers:
        return []
    text = build(message)
    return [SendMessage(endpoint.transport, text) for endpoint in receivers]
