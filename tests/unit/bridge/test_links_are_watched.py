"""How links to other bridges fare: counted under stock names, kept until the focus ends them."""

import pytest
from tests.unit.bridge import given
from tests.unit.bridge.readings import Reading, SourceReading

from jitsiwire.colibri2 import ConferenceModify, Endpoint
from octobridge.core import debug
from octobridge.core.colibri import Colibri
from octobridge.core.effects import Effect, RemoveTransport
from octobridge.core.expiry import expire
from octobridge.core.policy import Policy
from octobridge.core.relay import Relay
from octobridge.core.reporting import Surroundings, stats
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

AROUND = Surroundings(stress=0.0, healthy=True, timestamp="", threads=1)


class Bridge:
    """A conference with one person here and two behind a relay."""

    def __init__(self) -> None:
        self.colibri = Colibri(given.registry(Policy(relay_id="here")))
        given.joined(self.colibri, "a")
        people = [given.relayed(n, given.audio(n, s)) for n, s in (("b", 11), ("c", 12))]
        request = ConferenceModify(given.MEETING, relays=(given.new_relay("there", *people),))
        given.reply_of(self.colibri.handle(request, 0.0))
        self.registry = self.colibri.registry
        self.traffic, self.relay_traffic = Traffic(), Traffic()
        self.reports = Reports(self.registry, self.traffic, self.relay_traffic)

    @property
    def relay(self) -> Relay:
        return self.registry.conferences[0].relays[0]

    def stats(self) -> dict[str, object]:
        told = stats(self.registry, self.traffic, self.relay_traffic, AROUND)
        return {name: getattr(told, name) for name in told.__dataclass_fields__}

    def secure(self, now: float = 0.0) -> None:
        self.reports.ice_connected(self.relay.transport, now)
        self.reports.dtls_connected(self.relay.transport, now)


def test_people_elsewhere_count_as_participants_and_not_as_local() -> None:
    told = Bridge().stats()
    assert told["endpoints"] == told["participants"] == told["largest_conference"] == 3
    assert (told["local_endpoints"], told["octo_endpoints"]) == (1, 2)
    assert (told["octo_conferences"], told["total_relays"], told["conferences"]) == (1, 1, 1)
    assert told["relay_id"] == "here"


def test_traffic_of_relays_is_their_own_and_in_bits() -> None:
    bridge = Bridge()
    relay = bridge.relay.transport
    for at, count in ((0.0, 0), (2.0, 100)):
        link = Reading(relay, count, 1000 * count, 2 * count, 2000 * count, count // 4, count // 5)
        bridge.reports.readings([Reading(2, count, 100 * count), link], [], at)
    told = bridge.stats()
    assert (told["total_packets_received"], told["total_packets_received_octo"]) == (100, 100)
    assert (told["total_bytes_received"], told["total_bytes_received_octo"]) == (10_000, 100_000)
    assert (told["total_packets_sent"], told["total_packets_sent_octo"]) == (0, 200)
    assert (told["octo_receive_bitrate"], told["octo_send_bitrate"]) == (400_000, 800_000)
    assert (told["octo_receive_packet_rate"], told["octo_send_packet_rate"]) == (50, 100)
    assert told["bit_rate_download"] == 40, "kilobits, of endpoints"
    assert bridge.relay.outgoing_loss == pytest.approx(0.1)
    assert bridge.relay.incoming_loss == pytest.approx(0.2)


def test_who_sends_over_a_relay_is_known_by_ssrc() -> None:
    bridge = Bridge()
    relay = bridge.relay.transport
    bridge.reports.readings(
        [Reading(relay)], [SourceReading(relay, 12), SourceReading(relay, 11, age_ms=9_000)], 1
    )
    sending = {p.id: p.sending_audio for p in bridge.relay.endpoints.values()}
    assert sending == {"b": False, "c": True}
    assert bridge.stats()["inactive_conferences"] == 0


def ended(bridge: Bridge, now: float) -> list[Effect]:
    """What comes of the focus' word that the link is over."""
    request = ConferenceModify(given.MEETING, relays=(given.Relay("there", expire=True),))
    return [*bridge.colibri.handle(request, now).effects]


def test_a_link_that_cannot_be_made_is_counted_and_stays_for_the_focus_to_end() -> None:
    bridge = Bridge()
    transport = bridge.relay.transport
    bridge.reports.ice_failed(transport)
    assert RemoveTransport(transport) not in expire(bridge.registry, 30.0)
    told = bridge.stats()
    assert (told["relays_ice_failed"], told["endpoints_ice_failed"]) == (1, 0)
    assert told["total_ice_failed"] == 1
    news = given.Relay("there", endpoints=(given.relayed("d", given.audio("d", 13)),))
    outcome = bridge.colibri.handle(ConferenceModify(given.MEETING, relays=(news,)), 31.0)
    assert given.reply_of(outcome).relays == (given.Relay("there"),), "an error here moves everyone"
    assert RemoveTransport(transport) in ended(bridge, 32.0)


def test_a_link_whose_handshake_fails_is_counted_when_it_goes() -> None:
    bridge = Bridge()
    bridge.reports.ice_connected(bridge.relay.transport, 1.0)
    bridge.reports.dtls_failed(bridge.relay.transport)
    assert bridge.relay.dtls_failed
    ended(bridge, 302.0)
    assert (bridge.stats()["dtls_failed_relays"], bridge.stats()["dtls_failed_endpoints"]) == (1, 0)


def test_a_silent_link_stays_for_as_long_as_somebody_is_here() -> None:
    bridge = Bridge()
    bridge.secure(10.0)
    for now in (100.0, 1_000.0, 10_000.0):
        bridge.registry.conferences[0].endpoints[0].heard(now)
        assert expire(bridge.registry, now) == []
    assert bridge.relay.id == "there"


def test_a_conference_that_nobody_is_connected_to_goes_though_its_links_live() -> None:
    """A focus that was restarted has forgotten it: its bridges would keep one another awake."""
    bridge = Bridge()
    bridge.secure()
    bridge.registry.conferences[0].endpoints[0].heard(40.0)
    expire(bridge.registry, 101.0)
    assert bridge.registry.occupancy().local_endpoints == 0, "silent for a minute"
    for now in (200.0, 400.0):
        bridge.relay.heard(now)
        expire(bridge.registry, now)
        assert len(bridge.registry.conferences) == 1, "the focus may yet place somebody here"
    bridge.relay.heard(402.0)
    expire(bridge.registry, 402.0)
    assert bridge.registry.occupancy().is_empty


def test_whoever_comes_in_time_keeps_the_conference() -> None:
    bridge = Bridge()
    bridge.colibri.handle(given.modify(Endpoint("a", expire=True)), 10.0)
    bridge.colibri.handle(given.modify(given.new_endpoint("late")), 300.0)
    bridge.registry.conferences[0].endpoints[0].heard(400.0)
    expire(bridge.registry, 401.0)
    assert len(bridge.registry.conferences) == 1


def test_a_link_without_messages_long_after_dtls_is_counted_once() -> None:
    bridge = Bridge()
    bridge.reports.readings([], [], 50.0)
    assert bridge.stats()["num_relays_no_msg_transport_after_delay"] == 0, "not secured yet"
    bridge.secure(60.0)
    for now in (89.0, 91.0, 120.0):
        bridge.reports.readings([], [], now)
    assert bridge.stats()["num_relays_no_msg_transport_after_delay"] == 1
    assert bridge.stats()["num_eps_no_msg_transport_after_delay"] == 0


def test_a_conference_of_people_elsewhere_stays_and_an_empty_one_goes() -> None:
    bridge = Bridge()
    bridge.secure()
    bridge.colibri.handle(given.modify(Endpoint("a", expire=True)), 1.0)
    expire(bridge.registry, 30.0)
    assert len(bridge.registry.conferences) == 1
    gone = tuple(Endpoint(n, expire=True) for n in ("b", "c"))
    relay = given.Relay("there", endpoints=gone)
    bridge.colibri.handle(ConferenceModify(given.MEETING, relays=(relay,)), 31.0)
    expire(bridge.registry, 45.0)
    assert len(bridge.registry.conferences) == 1
    expire(bridge.registry, 52.0)
    assert bridge.registry.conferences == ()
    assert list(bridge.registry.relays()) == []


def test_a_conference_that_links_meshes_stays_without_people() -> None:
    bridge = Bridge()
    other = given.new_relay("other", mesh="1")
    bridge.colibri.handle(ConferenceModify(given.MEETING, relays=(other,)), 0.0)
    for name in ("there", "other"):
        found = bridge.registry.conferences[0].find_relay(name)
        assert found is not None
        found.heard(40.0)
    gone = tuple(Endpoint(n, expire=True) for n in ("b", "c"))
    relay = given.Relay("there", endpoints=gone)
    bridge.colibri.handle(ConferenceModify(given.MEETING, relays=(relay,)), 1.0)
    bridge.colibri.handle(given.modify(Endpoint("a", expire=True)), 1.0)
    expire(bridge.registry, 60.0)
    assert len(bridge.registry.conferences) == 1


def test_debug_shows_how_each_link_fares() -> None:
    bridge = Bridge()
    conference = bridge.registry.conferences[0]
    before = debug.conference_view(conference, full=False)["relays"]["there"]
    assert (before["connected"], before["rtt_ms"], before["incoming_loss"]) == (False, None, None)
    assert before["endpoints"] == 2
    bridge.secure()
    bridge.reports.channel_opened(bridge.relay.transport)
    bridge.reports.readings([Reading(bridge.relay.transport, rtt_ms=12.5)], [], 1.0)
    after = debug.conference_view(conference, full=True)["relays"]["there"]
    assert (after["connected"], after["message_channel"], after["rtt_ms"]) == (True, True, 12.5)
    assert sorted(after["endpoints"]) == ["b", "c"]
    bridge.reports.consent_lost(bridge.relay.transport)
    assert not debug.conference_view(conference, full=False)["relays"]["there"]["connected"]
