"""What the shell tells the core about transports: ICE, DTLS, the message channel, counters.

Reports about transports that are gone already are of no interest and ignored: the network is
always a little behind the signalling.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint, IceState
from octobridge.core.measuring import measure
from octobridge.core.registry import Registry
from octobridge.core.traffic import SourceReading, Traffic, TransportReading

__all__ = ["Reports"]

CHANNEL_DELAY = 30.0
"""Seconds an endpoint may take to open its message channel before that is counted."""
SENDING_WITHIN_MS = 2_000
"""A source that sent within this is sending."""


@dataclass(slots=True)
class Reports:
    """Takes reports and keeps the registry's endpoints up to date."""

    registry: Registry
    traffic: Traffic

    def ice_connected(self, transport: int, now: float) -> list[Effect]:
        """ICE selected an address (again); what was held back flows."""
        found = self.registry.by_transport(transport)
        if found is None:
            return []
        conference, endpoint = found
        endpoint.heard(now)
        if endpoint.ice in (IceState.NEW, IceState.FAILED):
            endpoint.ice = IceState.CONNECTED
            self.registry.counters.ice_succeeded += 1
        if not endpoint.consent_lost:
            return []
        endpoint.consent_lost = False
        return conference.replan(endpoint)

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
        found = self.registry.by_transport(transport)
        if found is None:
            return []
        conference, endpoint = found
        endpoint.consent_lost = True
        return conference.replan(endpoint)

    def ice_failed(self, transport: int) -> None:
        """ICE found no way, or lost the only one for good."""
        endpoint = self._endpoint(transport)
        if endpoint is None or endpoint.ice is IceState.FAILED:
            return
        if endpoint.ice is IceState.NEW:
            self.registry.counters.ice_failed += 1
            self.registry.counters.endpoints_ice_failed += 1
        endpoint.ice = IceState.FAILED

    def dtls_connected(self, transport: int) -> None:
        """Keys are there: media can flow."""
        endpoint = self._endpoint(transport)
        if endpoint is not None:
            endpoint.ice = IceState.SECURED

    def dtls_failed(self, transport: int) -> None:
        """The handshake failed; the endpoint stays until it falls silent, as in the stock."""
        endpoint = self._endpoint(transport)
        if endpoint is not None:
            endpoint.dtls_failed = True

    def channel_opened(self, transport: int) -> None:
        """The client opened its message channel."""
        endpoint = self._endpoint(transport)
        if endpoint is not None:
            endpoint.message_channel = True
            # It came once: that it may be closed later is no lateness.
            endpoint.channel_lateness_counted = True

    def channel_closed(self, transport: int) -> None:
        """The message channel ended; the client may open another."""
        found = self.registry.by_transport(transport)
        if found is not None:
            conference, endpoint = found
            endpoint.message_channel = False
            conference.adaptation.channel_closed(endpoint.id)

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
        found = self.registry.by_transport(transport)
        if found is not None and not active:
            found[0].adaptation.set_reading(transport, ssrc, temporal_bps=(0, 0, 0))

    def picture_size(self, transport: int, ssrc: int, width: int, height: int) -> None:
        """A keyframe of an encoding told its size, which is new."""
        self.registry.counters.layering_changes += 1
        found = self.registry.by_transport(transport)
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
        for reading in current:
            endpoint = self._endpoint(reading.transport)
            if endpoint is not None:
                _note_activity(endpoint, reading, now)
                _note_sending(endpoint, by_transport.get(reading.transport, []))
        self.traffic.observe(current, by_transport, now)
        for reading in current:
            endpoint = self._endpoint(reading.transport)
            if endpoint is not None:
                endpoint.outgoing_loss = self.traffic.outgoing_loss_of(reading.transport)
                endpoint.rtt_ms = reading.rtt_ms
        self._watch_channels(now)
        return measure(self.registry, by_transport)

    def _watch_channels(self, now: float) -> None:
        counters = self.registry.counters
        for _, endpoint in self.registry.endpoints():
            late = endpoint.sctp and now - endpoint.created_at > CHANNEL_DELAY
            if late and not endpoint.message_channel and not endpoint.channel_lateness_counted:
                endpoint.channel_lateness_counted = True
                counters.endpoints_without_channel += 1

    def _endpoint(self, transport: int) -> Endpoint | None:
        found = self.registry.by_transport(transport)
        return found[1] if found else None


def _note_activity(endpoint: Endpoint, reading: TransportReading, now: float) -> None:
    ages = [age for age in (reading.received_age_ms, reading.consent_age_ms) if age >= 0]
    if ages:
        endpoint.heard(now - min(ages) / 1000)


def _note_sending(endpoint: Endpoint, sources: list[SourceReading]) -> None:
    kinds = {s.kind for s in sources if 0 <= s.age_ms <= SENDING_WITHIN_MS}
    endpoint.sending_audio = "audio" in kinds
    endpoint.sending_video = "video" in kinds
