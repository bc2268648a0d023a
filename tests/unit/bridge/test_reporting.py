"""Statistics: the whole list is there and says what is."""

from dataclasses import fields

from tests.unit.bridge import given
from tests.unit.bridge.readings import Reading, SourceReading

from jitsiwire import stats as wire
from jitsiwire.colibri2 import Endpoint
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.reporting import Surroundings, stats
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

AROUND = Surroundings(
    stress=0.25,
    healthy=True,
    timestamp="2026-01-02 03:04:05.678",
    threads=4,
    muc_clients_configured=2,
    muc_clients_connected=1,
    mucs_joined=1,
)
OPTIONAL = {"release", "region", "relay_id"}
UNKNOWN = {
    "tcc_unmatched_feedback",
    "endpoints_with_spurious_remb",
    "total_ice_succeeded_relayed",
}
"""What nobody counts here."""


def test_idle_bridge_publishes_the_whole_list() -> None:
    published = stats(given.registry(), Traffic(), Traffic(), AROUND)
    missing = {f.name for f in fields(published) if getattr(published, f.name) is None}
    assert missing == OPTIONAL | UNKNOWN
    assert wire.parse_presence(wire.build_presence(published)) == published
    assert wire.from_json(wire.to_json(published)) == published
    assert published.drain is False
    assert published.stress_level == 0.25


def test_conference_is_counted_from_every_side() -> None:
    handler = given.colibri(Policy(region="eu", version="v", release="r"))
    given.joined(handler, "a", "b")
    given.reply_of(handler.handle(given.create(given.new_endpoint("c"), meeting="two"), 0))
    visitor = given.new_endpoint("v", muc_role="visitor")
    given.reply_of(handler.handle(given.modify(visitor), 0))
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    traffic = Traffic()
    reports = Reports(handler.registry, traffic)
    for now in (0.0, 1.0):
        received = int(now * 50)
        readings = [
            Reading(2, packets_received=received, bytes_received=received * 100, rtt_ms=10.0),
            Reading(3, packets_sent=received, remote_packets_lost=received // 2, rtt_ms=30.0),
        ]
        reports.readings(readings, [SourceReading(2, 1)], now)
    told = stats(handler.registry, traffic, Traffic(), AROUND)
    assert (told.conferences, told.largest_conference, told.inactive_conferences) == (2, 3, 1)
    assert (told.participants, told.local_endpoints, told.endpoints) == (4, 4, 4)
    assert (told.local_active_endpoints, told.inactive_endpoints) == (3, 1)
    assert (told.endpoints_sending_audio, told.endpoints_sending_video) == (1, 0)
    assert (told.receive_only_endpoints, told.visitors) == (2, 1)
    assert (told.packet_rate_download, told.bit_rate_download) == (50, 40)
    assert (told.packet_rate_upload, told.endpoints_with_high_outgoing_loss) == (50, 1)
    assert told.rtt_aggregate == 20.0
    assert told.outgoing_loss == 0.5
    assert (told.total_conferences_created, told.total_participants, told.total_visitors) == (
        2,
        4,
        1,
    )
    assert (told.region, told.version, told.release, told.relay_id) == ("eu", "v", "r", None)


def test_silent_conference_is_inactive_and_nothing_else() -> None:
    """As recorded: three who send nothing are inactive, and none of them is receive-only."""
    handler = given.colibri()
    given.joined(handler, "a", "b")
    reports = Reports(handler.registry, traffic := Traffic())
    for now in (0.0, 1.0):
        sent = int(now * 50)
        reports.readings([Reading(2, packets_sent=sent, remote_packets_lost=sent)], [], now)
    told = stats(handler.registry, traffic, Traffic(), AROUND)
    assert (told.inactive_endpoints, told.local_active_endpoints) == (2, 0)
    assert (told.inactive_conferences, told.p2p_conferences) == (1, 1)
    assert (told.receive_only_endpoints, told.endpoints_with_high_outgoing_loss) == (0, 0)


def test_shutdown_and_drain_are_published() -> None:
    registry: Registry = given.registry()
    registry.drain = True
    registry.shutdown.ask_graceful(0.0)
    told = stats(registry, Traffic(), Traffic(), AROUND)
    assert (told.drain, told.graceful_shutdown, told.shutting_down) == (True, True, False)
    registry.shutdown.ask_immediate(0.0)
    told = stats(registry, Traffic(), Traffic(), AROUND)
    assert (told.graceful_shutdown, told.shutting_down) == (True, True)
