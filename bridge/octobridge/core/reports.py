"""What the shell tells the core about transports: ICE, DTLS, the message channel, counters.

Reports about transports that are gone already are of no interest and ignored: the network is
always a little behind the signalling.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.measuring import measure
from octobridge.core.peer import IceState, Peer
from octobridge.core.registry import Registry
from octobridge.core.relay import Relay
from octobridge.core.traffic import SourceReading, Traffic, TransportReading

__all__ = ["Reports"]

CHANNEL_DELAY = 30.0
"""Seconds that a peer may be without a message channel once it is secured, before that is counted.
Until then there is nothing for a channel to run over."""
SENDING_WITHIN_MS = 2_000
"""A source that sent within this is sending."""


@dataclass(slots=True)
class Reports:
    """Takes reports and keeps the registry's peers up to date."""

    registry: Registry
    traffic: Traffic
    relay_traffic: Traffic = field(default_factory=Traffic)
    """Of relays; `traffic` is that of endpoints."""

    def ice_connected(self, transport: int, now: float) -> list[Effect]:
        """ICE selected an address (again); what was held back flows."""
        found = self.registry.peer(transport)
        if found is None:
            return []
        conference, peer = found
        peer.heard(now)
        if peer.ice in (IceState.NEW, IceState.FAILED):
            peer.ice = IceState.CONNECTED
            self.registry.counters.ice_succeeded += 1
        if not peer.consent_lost:
            return []
        peer.consent_lost = False
        return _follow(conference, peer)

    def ice_restarted(self, transport: int, generation: int) -> None:
        """A restarted agent took over."""
        endpoint = self._endpoint(transport)
        if endpoint is not None:
            endpoint.generation = generation
            self._end_restart(endpoint, generation)
            self.registry.counters.ice_restarts_succeeded += 1

    def ice_restart_failed(self, transport: int, generation: int) -> None:
        """It didn't connect in time; what was there before stays."""
        endpoint = self._endpoint(transport)
        if endpoint is not None:
            self._end_restart(endpoint, generation)
            self.registry.counters.ice_restarts_failed += 1

    @staticmethod
    def _end_restart(endpoint: Endpoint, generation: int) -> None:
        if endpoint.restart is not None and endpoint.restart.generation == generation:
            endpoint.restart = None

    def consent_lost(self, transport: int) -> list[Effect]:
        """The peer stopped answering: nothing more may be sent to it."""
        found = self.registry.peer(transport)
        if found is None:
            return []
        conference, peer = found
        peer.consent_lost = True
        return _follow(conference, peer)

    def ice_failed(self, transport: int) -> None:
        """ICE found no way, or lost the only one for good."""
        peer = self._peer(transport)
        if peer is None or peer.ice is IceState.FAILED:
            return
        counters = self.registry.counters
        if peer.ice is IceState.NEW:
            counters.ice_failed += 1
            if isinstance(peer, Relay):
                counters.relays_ice_failed += 1
            else:
                counters.endpoints_ice_failed += 1
        peer.ice = IceState.FAILED

    def dtls_connected(self, transport: int, now: float) -> None:
        """Keys are there: media can flow."""
        peer = self._peer(transport)
        if peer is not None:
            peer.ice = IceState.SECURED
            peer.secured_at = now

    def dtls_failed(self, transport: int) -> None:
        """The handshake failed; the peer stays until it falls silent, as in the stock."""
        peer = self._peer(transport)
        if peer is not None:
            peer.dtls_failed = True

    def channel_opened(self, transport: int) -> None:
        """The message channel is open."""
        peer = self._peer(transport)
        if peer is not None:
            peer.message_channel = True
            # It came once: that it may be closed later is no lateness.
            peer.channel_lateness_counted = True

    def channel_closed(self, transport: int) -> None:
        """The message channel ended; there may be another."""
        found = self.registry.peer(transport)
        if found is None:
            return
        conference, peer = found
        peer.message_channel = False
        if isinstance(peer, Relay):
            conference.adaptation.relay_closed(transport)
        else:
            conference.adaptation.channel_closed(peer.id)

    def bandwidth(self, transport: int, bps: int) -> None:
        """The estimate of what an endpoint's downlink carries changed."""
        found = self.registry.by_transport(transport)
        if found is not None:
            conference, endpoint = found
            endpoint.bandwidth_bps = bps
            conference.adaptation.set_bandwidth(transport, bps)

    def encoding_activity(self, transport: int, ssrc: int, *, active: bool) -> None:
        """An encoding began to arrive, which counts once it is measured, or arrives no more."""
        self.registry.counters.layering_changes += 1
        found = self.registry.peer(transport)
        if found is not None and not active:
            found[0].adaptation.set_reading(transport, ssrc, layer_bps=((0, 0, 0),))

    def picture_size(self, transport: int, ssrc: int, width: int, height: int) -> None:
        """A keyframe of an encoding told its size, which is new."""
        self.registry.counters.layering_changes += 1
        found = self.registry.peer(transport)
        if found is not None:
            found[0].adaptation.set_reading(transport, ssrc, height=min(width, height))

    def readings(
        self,
        transports: Iterable[TransportReading],
        sources: Iterable[SourceReading],
        now: float,
    ) -> list[Effect]:
        """Take the engine's counters, read at `now`; return what follows from them."""
        current = list(transports)
        by_transport: dict[int, list[SourceReading]] = {}
        for source in sources:
            by_transport.setdefault(source.transport, []).append(source)
        here: list[TransportReading] = []
        relays: list[TransportReading] = []
        for reading in current:
            found = self.registry.peer(reading.transport)
            is_relay = found is not None and isinstance(found[1], Relay)
            (relays if is_relay else here).append(reading)
            if found is not None:
                _note_activity(found[1], reading, now)
                _note_sending(*found, by_transport.get(reading.transport, []))
        carried = {r.transport for r in relays}
        self.traffic.observe(here, _without(by_transport, carried), now)
        self.relay_traffic.observe(relays, {}, now)
        for traffic, readings in ((self.traffic, here), (self.relay_traffic, relays)):
            for reading in readings:
                peer = self._peer(reading.transport)
                if peer is not None:
                    peer.outgoing_loss = traffic.outgoing_loss_of(reading.transport)
                    peer.rtt_ms = reading.rtt_ms
                if isinstance(peer, Relay):
                    peer.incoming_loss = traffic.incoming_loss_of(reading.transport)
        self._watch_channels(now)
        return measure(self.registry, by_transport)

    def _watch_channels(self, now: float) -> None:
        counters = self.registry.counters
        for _, endpoint in self.registry.endpoints():
            counters.endpoints_without_channel += _is_late(endpoint, now)
        for _, relay in self.registry.relays():
            counters.relays_without_channel += _is_late(relay, now)

    def _endpoint(self, transport: int) -> Endpoint | None:
        found = self.registry.by_transport(transport)
        return found[1] if found else None

    def _peer(self, transport: int) -> Peer | None:
        found = self.registry.peer(transport)
        return found[1] if found else None


def _follow(conference: Conference, peer: Peer) -> list[Effect]:
    """Return what follows from a change of what a peer takes."""
    if isinstance(peer, Relay):
        return conference.retake(peer)
    here = conference.find(peer.id)
    return [] if here is None else conference.replan(here)


def _without(
    sources: dict[int, list[SourceReading]], transports: set[int]
) -> dict[int, list[SourceReading]]:
    return {t: s for t, s in sources.items() if t not in transports} if transports else sources


def _is_late(peer: Peer, now: float) -> bool:
    """Whether a peer without a message channel is found late now, for the first time."""
    if peer.secured_at is None or now - peer.secured_at <= CHANNEL_DELAY:
        return False
    if peer.message_channel or peer.channel_lateness_counted:
        return False
    peer.channel_lateness_counted = True
    return True


def _note_activity(peer: Peer, reading: TransportReading, now: float) -> None:
    ages = [age for age in (reading.received_age_ms, reading.consent_age_ms) if age >= 0]
    if ages:
        peer.heard(now - min(ages) / 1000)


def _note_sending(conference: Conference, peer: Peer, sources: list[SourceReading]) -> None:
    """Note who of those that send over this transport does so now."""
    sending = [s for s in sources if 0 <= s.age_ms <= SENDING_WITHIN_MS]
    if isinstance(peer, Endpoint):
        kinds = {s.kind for s in sending}
        peer.sending_audio, peer.sending_video = "audio" in kinds, "video" in kinds
    elif isinstance(peer, Relay):
        by_person: dict[str | None, set[str]] = {}
        for source in sending:
            sender = conference.sender(peer.transport, source.ssrc)
            by_person.setdefault(sender, set()).add(source.kind)
        for person in peer.endpoints.values():
            kinds = by_person.get(person.id, set())
            person.sending_audio, person.sending_video = "audio" in kinds, "video" in kinds
