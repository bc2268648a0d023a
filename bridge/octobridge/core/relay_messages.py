"""What other bridges write into their message channels, and what comes of it.

A bridge speaks for its people: who a message is from is its word. What is for everyone goes to
this bridge's own clients and on to bridges of other meshes (`meshes`).

Source: JVB relay/RelayMessageTransport.kt, Conference.java (sendMessageFromRelay).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jitsiwire.bridge_channel import (
    AddReceiver,
    ClientHello,
    EndpointConnectivityStatusChangeEvent,
    EndpointMessage,
    EndpointStats,
    Message,
    ServerHello,
    SourceVideoTypeMessage,
    SyntheticSourceSendingChangeEvent,
    VideoType,
    parse,
)
from jitsiwire.errors import RemoteProtocolError
from octobridge.core.conference import Conference
from octobridge.core.connectivity import inactive_ones
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.pacing import Bucket, Inbox
from octobridge.core.peer import Peer
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.relay import Relay
from octobridge.core.telling import beyond, tell

__all__ = ["greeting", "is_video_of", "opened", "received", "stats_receivers"]

_VIDEO_SOURCE: Final = re.compile(r"-v[0-9]{1,4}", re.ASCII)


def greeting(policy: Policy) -> ServerHello:
    """Return what the bridge says of itself."""
    return ServerHello(version=policy.version if policy.announce_version else None)


def opened(conference: Conference, relay: Relay) -> list[Effect]:
    """Tell a bridge whose channel just opened what it must know."""
    effects = conference.adaptation.relay_opened(relay.transport)
    for person in conference.people:
        if not conference.meshes.passes(person.transport, relay.transport):
            continue
        for picture in person.sources.pictures:
            shows = conference.adaptation.video_type(picture.name)
            if shows is not None and shows is not VideoType.CAMERA:
                told = SourceVideoTypeMessage(
                    source_name=picture.name, video_type=shows, endpoint_id=person.id
                )
                effects += tell((relay,), told)
    ours = {e.id for e in conference.endpoints}
    for notice in inactive_ones(conference):
        if notice.endpoint in ours:
            effects += tell((relay,), notice)
    return effects


def received(
    registry: Registry, conference: Conference, relay: Relay, text: str, now: float
) -> list[Effect]:
    """Do what another bridge's message asks for."""
    counters = registry.counters
    if not _inbox(relay, registry.policy).admits(len(text), now):
        counters.relay_messages_dropped["too_many"] += 1
        return []
    try:
        message = parse(text, registry.policy.max_message_bytes)
    except RemoteProtocolError:
        counters.relay_messages_dropped["malformed"] += 1
        return []
    counters.relay_messages[type(message).__name__] += 1
    return _Work(registry, conference, relay, now).handle(message)


def is_video_of(endpoint_id: str, source: str) -> bool:
    """Whether a video source is somebody's, by the rule that names sources."""
    if not source.startswith(endpoint_id):
        return False
    return _VIDEO_SOURCE.fullmatch(source, len(endpoint_id)) is not None


def stats_receivers(policy: Policy, conference: Conference, sender: str) -> list[Endpoint]:
    """Return who gets somebody's statistics: who sees him, or all where all see one another."""
    receivers = [e for e in conference.endpoints if e.id != sender]
    if len(conference) <= policy.stats_filter_threshold or sender in conference.speech.recent:
        return receivers
    wants = conference.adaptation.wants_stats_of
    return [e for e in receivers if wants(e.id, sender)]


@dataclass(frozen=True, slots=True)
class _Work:
    """One message under way."""

    registry: Registry
    conference: Conference
    relay: Relay
    now: float

    def handle(self, message: Message) -> list[Effect]:
        match message:
            case ClientHello():
                return tell((self.relay,), greeting(self.registry.policy))
            case ServerHello(version=version):
                return self._hello(version)
            case AddReceiver():
                return self._wish(message)
            case SourceVideoTypeMessage():
                return self._retype(message)
            case EndpointMessage():
                return self._carry(message)
            case EndpointStats():
                return self._carry_stats(message)
            case EndpointConnectivityStatusChangeEvent():
                return self._connectivity(message)
            case SyntheticSourceSendingChangeEvent():
                return self._everywhere(message)
            case _:
                return self._drop("not_for_bridges")

    def _hello(self, version: str | None) -> list[Effect]:
        if version not in (None, self.registry.policy.version):
            self.registry.counters.relays_of_other_versions += 1
        return []

    def _wish(self, message: AddReceiver) -> list[Effect]:
        source = message.source_name
        if source is None:
            # The older form, by endpoints: nobody sends it any more.
            return self._drop("no_source")
        wish = self.conference.adaptation.set_remote_wish
        if not wish(self.relay.transport, source, message.video_constraints):
            return self._drop("too_many_sources")
        return []

    def _retype(self, message: SourceVideoTypeMessage) -> list[Effect]:
        person = self.relay.endpoints.get(message.endpoint_id or "")
        name = message.source_name
        known = person is not None and name in (p.name for p in person.sources.pictures)
        if person is None or not (known or is_video_of(person.id, name)):
            return self._drop("foreign_source")
        effects = self.conference.adaptation.set_video_type(person.id, name, message.video_type)
        return effects + tell(beyond(self.conference, self.relay), message)

    def _carry(self, message: EndpointMessage) -> list[Effect]:
        if message.from_ is None:
            return self._drop("unknown_sender")
        if message.is_broadcast:
            return self._everywhere(message)
        named = self.conference.find(message.to)
        further = beyond(self.conference, self.relay)
        receivers = [r for r in further if message.to in r.endpoints] if named is None else [named]
        return self._deliver(receivers, message) if receivers else self._drop("unknown_receiver")

    def _carry_stats(self, message: EndpointStats) -> list[Effect]:
        sender = message.from_
        if sender is None or self.conference.find_person(sender) is None:
            return self._drop("unknown_sender")
        receivers: list[Peer] = [
            *stats_receivers(self.registry.policy, self.conference, sender),
            *beyond(self.conference, self.relay),
        ]
        return self._deliver(receivers, message)

    def _connectivity(self, message: EndpointConnectivityStatusChangeEvent) -> list[Effect]:
        person = self.relay.endpoints.get(message.endpoint)
        if person is not None:
            person.disconnected = not message.active
        return self._everywhere(message)

    def _everywhere(self, message: Message) -> list[Effect]:
        further = beyond(self.conference, self.relay)
        return self._deliver([*self.conference.endpoints, *further], message)

    def _deliver(self, receivers: Sequence[Peer], message: Message) -> list[Effect]:
        if not _inbox(self.relay, self.registry.policy).delivers(len(receivers), self.now):
            return self._drop("too_many_receivers")
        return tell(receivers, message)

    def _drop(self, reason: str) -> list[Effect]:
        self.registry.counters.relay_messages_dropped[reason] += 1
        return []


def _inbox(relay: Relay, policy: Policy) -> Inbox:
    if relay.inbox is None:
        rate = policy.relay_deliveries_per_second
        relay.inbox = Inbox(
            Bucket(policy.relay_messages_per_second, policy.relay_messages_at_once),
            Bucket(policy.relay_message_bytes_per_second, policy.relay_message_bytes_per_second),
            Bucket(rate, rate),
        )
    return relay.inbox
