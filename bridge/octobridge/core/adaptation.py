"""What everyone in one conference is sent: the meeting place of wishes, networks and senders.

Wishes (messages of clients), speech, estimates and measurements come in and are only noted;
`step` then does what is due: it allocates for receivers whose inputs changed, at most ten times a
second for each, and for everyone every five seconds. One call does `STEP_WORK` at most. Its
effects retarget the engine, tell receivers what they get and senders what is wanted of them.

A change of one picture's layers concerns the receivers that may get it; a change in speech or of
sources concerns all. One allocation costs about as many steps as the receiver gets sources, times
their layers (see `constraints`, `allocation`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jitsiwire.bridge_channel import (
    ForwardedSources,
    ReceiverAudioSubscription,
    ReceiverVideoConstraints,
    VideoConstraints,
    VideoType,
)
from octobridge.core.allocation import Limits
from octobridge.core.constraints import ReceiverSettings, smallest_last_n
from octobridge.core.effects import Effect, SendMessage, say
from octobridge.core.layers import Rates
from octobridge.core.limits import SizeLimits
from octobridge.core.meshes import Meshes
from octobridge.core.receiver import Receiver
from octobridge.core.roster import Member, Roster
from octobridge.core.slots import Key
from octobridge.core.wanting import Wanting

RECEIVER_WORK: Final = 5
"""What a receiver costs that gets nothing."""

__all__ = ["STEP_WORK", "Adaptation", "AdaptationPolicy", "Member"]

STEP_WORK: Final = 1_000
"""Sources that one call allocates for, over all receivers: some 10 ms."""


@dataclass(frozen=True, slots=True)
class AdaptationPolicy:
    """Source of the defaults: JVB's reference.conf, `videobridge.cc` and `.ssrc-limit`."""

    limits: Limits = field(default_factory=Limits)
    initial_max_height: int = 0
    """What everyone is sent of every source before its client said a word about it."""
    default_max_height: int = 180
    """The default of a client that names none in its first word."""
    trust_bwe: bool = True
    bwe_change_threshold: float = 0.15
    assumed_bandwidth_limit: int | None = None
    """How much a client may tell us to assume; None = it's ignored."""
    slots: int = 50
    """Streams of each kind for a client whose SSRCs are rewritten."""
    longest_pause: float = 5.0
    shortest_pause: float = 0.1
    size_limits: SizeLimits = field(default_factory=SizeLimits)


class Adaptation:
    """See the module.

    Args:
        policy: The bridge's settings.
        fresh_ssrc: Returns an SSRC that nobody uses.
        meshes: The conference's relays.
        relay_id: What other bridges call this one.
    """

    def __init__(
        self,
        policy: AdaptationPolicy,
        fresh_ssrc: Callable[[], int],
        meshes: Meshes | None = None,
        relay_id: str | None = None,
    ) -> None:
        self._policy = policy
        self._meshes = meshes if meshes is not None else Meshes()
        initial = VideoConstraints(max_height=policy.initial_max_height)
        self._roster = Roster(policy.slots, ReceiverSettings(initial), fresh_ssrc)
        self._pictures = self._roster.pictures
        self._listening = self._roster.listening
        self._wanting = Wanting(self._pictures, self._meshes, relay_id or "")
        self._to_probe: dict[int, None] = {}
        self._open: set[int] = set()
        """Those whose message channel is open."""
        self._last_n = -1

    def sync(self, members: Mapping[int, Member]) -> list[Effect]:
        """Follow who is signalled to be here; see `Roster.sync`."""
        effects = self._roster.sync(members)
        self._open = {t for t in self._open if t in members or t in self._meshes}
        return self._audible(effects)

    # ---- what clients say -----------------------------------------------------------------

    def set_receiver_constraints(
        self, endpoint_id: str, message: ReceiverVideoConstraints
    ) -> list[Effect]:
        """Take what a client wants to see."""
        receiver = self._roster.find(endpoint_id)
        if receiver is None:
            return []
        limit, assumed = self._policy.assumed_bandwidth_limit, message.assumed_bandwidth_bps
        if assumed is not None:
            assumed = None if limit is None else min(assumed, limit)
            message = message.model_copy(update={"assumed_bandwidth_bps": assumed})
        default = VideoConstraints(max_height=self._policy.default_max_height)
        return self._settle(receiver, receiver.settings.merged(message, default))

    def set_last_n(self, endpoint_id: str, last_n: int) -> list[Effect]:
        """Take how many video sources a client wants."""
        receiver = self._roster.find(endpoint_id)
        if receiver is None:
            return []
        return self._settle(receiver, replace(receiver.settings, last_n=last_n))

    def set_video_type(self, owner: str, source: str, video_type: VideoType) -> list[Effect]:
        """Take what a source of somebody's shows now, or shall once it is signalled."""
        shown = self._pictures.find(source)
        if shown is None:
            self._pictures.announce(owner, source, video_type)
        elif self._pictures.retype(shown, video_type):
            self._roster.make_all_due()
        return []

    def set_audio_subscription(
        self, endpoint_id: str, message: ReceiverAudioSubscription
    ) -> list[Effect]:
        """Take which voices a client wants; they come and go at once."""
        transport = self._roster.transport_of(endpoint_id)
        if transport is None:
            return []
        return self._audible(self._listening.subscribe(transport, message))

    def channel_opened(self, endpoint_id: str) -> list[Effect]:
        """Return what tells a client all it must know, as its channel has just opened."""
        receiver = self._roster.find(endpoint_id)
        if receiver is None:
            return []
        self._open.add(receiver.transport)
        own = (self._pictures.find(name) for name in sorted(receiver.own))
        told = [self._wanting.of(s) for s in own if s and s.demand.told is not None]
        told.append(ForwardedSources(forwarded_sources=receiver.forwarded))
        for mapping in (
            receiver.mappings(self._pictures),
            self._listening.mappings(receiver.transport),
        ):
            if mapping is not None and mapping.mapped_sources:
                told.append(mapping)
        return [say(receiver.transport, message) for message in told]

    def channel_closed(self, endpoint_id: str) -> None:
        """Say nothing to a client until it opens another channel."""
        receiver = self._roster.find(endpoint_id)
        if receiver is not None:
            self._open.discard(receiver.transport)

    def wants_stats_of(self, receiver_id: str, sender_id: str) -> bool:
        """Whether a client has one of the other's video sources in view, or asked for it."""
        receiver = self._roster.find(receiver_id)
        if receiver is None:
            return False
        return any(receiver.cares_for(name) for name in self._roster.names_of(sender_id))

    # ---- what other bridges say -----------------------------------------------------------

    def add_relay(self, transport: int) -> None:
        """Take in a relay."""
        self._wanting.remote.add(transport)

    def remove_relay(self, transport: int) -> None:
        """Let a relay go."""
        self._wanting.remote.remove(transport)
        self._open.discard(transport)

    def relay_opened(self, transport: int) -> list[Effect]:
        """Return what tells another bridge what is wanted of its people's sources."""
        self._open.add(transport)
        return self._wanting.over(transport)

    def relay_closed(self, transport: int) -> None:
        """Say nothing to another bridge until there is a channel again."""
        self._open.discard(transport)

    def set_remote_wish(self, relay: int, source: str, wanted: VideoConstraints) -> bool:
        """Take what another bridge wants of a source; False when it isn't noted."""
        height = 0 if wanted.is_disabled else wanted.max_height
        return self._wanting.remote.want(relay, source, height)

    def remote_wishes(self, relay: int) -> Mapping[str, int]:
        """Return what another bridge wants, by source, to look at."""
        return self._wanting.remote.of(relay)

    # ---- what the bridge finds ------------------------------------------------------------

    def set_speech_order(self, order: Sequence[str]) -> list[Effect]:
        """Take endpoint ids in order of speech, the latest speaker first."""
        if not self._pictures.set_speech(order):
            return []
        self._roster.make_all_due()
        return self._audible(self._listening.set_order(self._pictures.speech))

    def set_bridge_last_n(self, last_n: int) -> None:
        """Take the whole bridge's limit; -1 = none."""
        if last_n != self._last_n:
            self._last_n = last_n
            self._roster.make_all_due()

    def set_bandwidth(self, transport: int, bps: int) -> None:
        """Take an estimate of what a receiver's network can carry."""
        receiver = self._roster.receivers.get(transport)
        if receiver is None:
            return
        if receiver.learn_bandwidth(max(0, bps), self._policy.bwe_change_threshold):
            self._roster.make_due((transport,))
        elif transport in self._roster.ages:
            self._to_probe[transport] = None

    def set_reading(
        self,
        transport: int,
        ssrc: int,
        *,
        layer_bps: Sequence[Rates] | None = None,
        height: int = 0,
    ) -> None:
        """Take what was measured of one encoding (see `pictures.Shown.read`)."""
        shown = self._pictures.carrying(transport, ssrc)
        if shown is not None and shown.read(ssrc, layer_bps, height):
            self._roster.make_due(shown.watchers)

    def set_sending_voices(self, sending: Iterable[Key]) -> list[Effect]:
        """Take which audio SSRCs (with their transports) have lately sent."""
        return self._audible(self._listening.set_sending(sending))

    # ---- the work -------------------------------------------------------------------------

    @property
    def forwarded(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the video sources that each endpoint is being sent."""
        roster = self._roster
        members = roster.members
        return {members[t].id: r.forwarded for t, r in roster.receivers.items()}

    def video_type(self, source: str) -> VideoType | None:
        """Return what a source shows now; None when there is none of that name."""
        shown = self._pictures.find(source)
        return None if shown is None else shown.video_type

    def receiver(self, endpoint_id: str) -> Receiver | None:
        """Return an endpoint's part as a receiver, to look at."""
        return self._roster.find(endpoint_id)

    def step(self, now: float) -> list[Effect]:
        """Do what is due."""
        if self._is_quiet(now):
            return []
        roster, policy = self._roster, self._policy
        effects: list[Effect] = []
        work = 0
        for transport in self._choose(now):
            if work >= STEP_WORK:
                break
            is_due = transport in roster.due
            roster.due.pop(transport, None)
            self._to_probe.pop(transport, None)
            roster.ages[transport] = roster.ages.pop(transport)
            receiver = roster.receivers[transport]
            if not is_due and receiver.is_settled(trusted=policy.trust_bwe):
                # Time alone changes nothing for who isn't limited by a line.
                receiver.allocated_at = now
                continue
            effects += receiver.reallocate(
                self._pictures,
                self._last_n_of(receiver),
                policy.limits,
                now,
                trusted=policy.trust_bwe,
            )
            work += RECEIVER_WORK + len(receiver.effective)
        for transport in self._to_probe.keys() & roster.ages.keys():
            effects += roster.receivers[transport].probe(trusted=policy.trust_bwe)
        self._to_probe.clear()
        alone = len(roster.members) < 2
        return self._audible(effects + self._wanting.tell(now, alone=alone))

    def _is_quiet(self, now: float) -> bool:
        """Return whether there is nothing to do, which is so most of the time."""
        roster = self._roster
        if roster.due or self._to_probe or self._pictures.demanded:
            return False
        oldest = next(iter(roster.ages), None)
        if oldest is None:
            return True
        return now - roster.receivers[oldest].allocated_at < self._policy.longest_pause

    def _choose(self, now: float) -> list[int]:
        """Return whom to allocate for now."""
        policy, receivers = self._policy, self._roster.receivers
        chosen = {
            transport: None
            for transport in self._roster.due
            if now - receivers[transport].allocated_at >= policy.shortest_pause
        }
        for transport in self._roster.ages:
            if now - receivers[transport].allocated_at < policy.longest_pause:
                break
            chosen[transport] = None
        return list(chosen)

    def _last_n_of(self, receiver: Receiver) -> int:
        policy = self._policy
        return smallest_last_n(
            receiver.settings.last_n,
            self._last_n,
            # Sources, not endpoints, as in the stock bridge; and the receiver itself.
            policy.size_limits.of(len(self._pictures) - len(receiver.own) + 1),
            -1 if receiver.slots is None else policy.slots,
        )

    def _audible(self, effects: list[Effect]) -> list[Effect]:
        """Leave out messages to clients that can't be told yet; `channel_opened` makes up."""
        return [e for e in effects if not isinstance(e, SendMessage) or e.transport in self._open]

    def _settle(self, receiver: Receiver, settings: ReceiverSettings) -> list[Effect]:
        if settings != receiver.settings:
            receiver.settings = settings
            self._roster.make_due((receiver.transport,))
        return []
