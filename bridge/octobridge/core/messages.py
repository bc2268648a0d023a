"""What peers write into their message channels, and what comes of what clients write.

A message is read strictly; what can't be read, comes too fast or isn't for a client to say is
dropped and counted, and the client isn't told, as with the stock bridge. What clients want to
receive is `adaptation`'s business; this only sees to it that they speak for themselves. Messages
of other bridges are `relay_messages`' business.

Source: JVB EndpointMessageTransport.java, Endpoint.kt (wantsStatsFrom), Conference.java.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jitsiwire.bridge_channel import (
    ClientHello,
    EndpointMessage,
    EndpointStats,
    LastNChangedEvent,
    Message,
    ReceiverAudioSubscription,
    ReceiverVideoConstraints,
    SourceVideoTypeMessage,
    VideoType,
    VideoTypeMessage,
    parse,
)
from jitsiwire.errors import RemoteProtocolError
from octobridge.core import relay_messages
from octobridge.core.conference import Conference
from octobridge.core.connectivity import inactive_ones
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.pacing import Bucket, Inbox
from octobridge.core.peer import Peer
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.relay_messages import greeting, is_video_of, stats_receivers
from octobridge.core.telling import beyond, tell

__all__ = ["Messages"]

Wish = (
    LastNChangedEvent
    | ReceiverVideoConstraints
    | ReceiverAudioSubscription
    | SourceVideoTypeMessage
    | VideoTypeMessage
)
"""What is for `adaptation`."""


@dataclass(slots=True)
class Messages:
    """Takes what comes over channels."""

    registry: Registry

    def opened(self, transport: int) -> list[Effect]:
        """Tell a peer whose channel just opened what it must know."""
        relay = self.registry.relay_by_transport(transport)
        if relay is not None:
            return relay_messages.opened(*relay)
        found = self.registry.by_transport(transport)
        if found is None:
            return []
        conference, endpoint = found
        effects = conference.adaptation.channel_opened(endpoint.id)
        for notice in inactive_ones(conference):
            effects += tell((endpoint,), notice)
        speakers = conference.speech.notice()
        if speakers is not None:
            effects += tell((endpoint,), speakers)
        return effects

    def received(self, transport: int, text: str, now: float) -> list[Effect]:
        """Do what a peer's message asks for."""
        counters = self.registry.counters
        counters.data_channel_messages_received += 1
        relay = self.registry.relay_by_transport(transport)
        if relay is not None:
            return relay_messages.received(self.registry, *relay, text, now)
        found = self.registry.by_transport(transport)
        if found is None:
            counters.messages_dropped["unknown_endpoint"] += 1
            return []
        conference, endpoint = found
        if not _inbox(endpoint, self.registry.policy).admits(len(text), now):
            counters.messages_dropped["too_many"] += 1
            return []
        try:
            message = parse(text, self.registry.policy.max_message_bytes)
        except RemoteProtocolError:
            counters.messages_dropped["malformed"] += 1
            return []
        counters.messages[type(message).__name__] += 1
        return self._handle(conference, endpoint, message, now)

    def _handle(
        self, conference: Conference, endpoint: Endpoint, message: Message, now: float
    ) -> list[Effect]:
        match message:
            case ClientHello():
                return tell((endpoint,), greeting(self.registry.policy))
            case EndpointMessage():
                return self._relay(conference, endpoint, message, now)
            case EndpointStats():
                return self._relay_stats(conference, endpoint, message, now)
            case SourceVideoTypeMessage(source_name=name) if not is_video_of(endpoint.id, name):
                return self._drop("foreign_source")
            case (
                LastNChangedEvent()
                | ReceiverVideoConstraints()
                | ReceiverAudioSubscription()
                | SourceVideoTypeMessage()
                | VideoTypeMessage()
            ):
                return self._adapt(conference, endpoint, message)
            case _:
                # For clients or other bridges to read, not to write to us.
                return self._drop("not_for_bridges")

    def _adapt(self, conference: Conference, endpoint: Endpoint, message: Wish) -> list[Effect]:
        adaptation = conference.adaptation
        match message:
            case LastNChangedEvent(last_n=last_n):
                return adaptation.set_last_n(endpoint.id, last_n)
            case ReceiverVideoConstraints():
                return adaptation.set_receiver_constraints(endpoint.id, message)
            case ReceiverAudioSubscription():
                return adaptation.set_audio_subscription(endpoint.id, message)
            case SourceVideoTypeMessage(source_name=name, video_type=video_type):
                return self._retype(conference, endpoint, name, video_type)
            case VideoTypeMessage(video_type=video_type):
                return self._retype(conference, endpoint, f"{endpoint.id}-v0", video_type)

    def _retype(
        self, conference: Conference, endpoint: Endpoint, source: str, video_type: VideoType
    ) -> list[Effect]:
        """Let a source show something else, here and on other bridges."""
        effects = conference.adaptation.set_video_type(endpoint.id, source, video_type)
        told = SourceVideoTypeMessage(
            source_name=source, video_type=video_type, endpoint_id=endpoint.id
        )
        return effects + tell(beyond(conference, endpoint), told)

    def _relay(
        self, conference: Conference, sender: Endpoint, message: EndpointMessage, now: float
    ) -> list[Effect]:
        if sender.visitor:
            return self._drop("from_visitor")
        receivers: list[Peer]
        if message.is_broadcast:
            receivers = [e for e in conference.endpoints if e is not sender]
            receivers += beyond(conference, sender)
        else:
            named = conference.find(message.to) or conference.relay_of(message.to)
            if named is None:
                return self._drop("unknown_receiver")
            receivers = [named]
        return self._deliver(sender, receivers, message, now)

    def _relay_stats(
        self, conference: Conference, sender: Endpoint, message: EndpointStats, now: float
    ) -> list[Effect]:
        if sender.visitor:
            return self._drop("from_visitor")
        receivers: list[Peer] = [
            *stats_receivers(self.registry.policy, conference, sender.id),
            *beyond(conference, sender),
        ]
        return self._deliver(sender, receivers, message, now)

    def _deliver(
        self,
        sender: Endpoint,
        receivers: Sequence[Peer],
        message: EndpointMessage | EndpointStats,
        now: float,
    ) -> list[Effect]:
        if not _inbox(sender, self.registry.policy).delivers(len(receivers), now):
            return self._drop("too_many_receivers")
        return tell(receivers, message.model_copy(update={"from_": sender.id}))

    def _drop(self, reason: str) -> list[Effect]:
        self.registry.counters.messages_dropped[reason] += 1
        return []


def _inbox(endpoint: Endpoint, policy: Policy) -> Inbox:
    if endpoint.inbox is None:
        endpoint.inbox = Inbox(
            Bucket(policy.messages_per_second, policy.messages_at_once),
            Bucket(policy.message_bytes_per_second, policy.max_message_bytes),
            Bucket(policy.deliveries_per_second, policy.deliveries_at_once),
        )
    return endpoint.inbox
