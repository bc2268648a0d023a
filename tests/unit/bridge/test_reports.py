"""What the network reports becomes counters, connectivity and held-back media."""

from collections.abc import Callable

from tests.unit.bridge import given
from tests.unit.bridge.readings import Reading, SourceReading

from jitsiwire.colibri2 import Endpoint, Sctp
from octobridge.core import effects as fx
from octobridge.core.endpoint import IceState
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic


def with_two() -> Reports:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    return Reports(handler.registry, Traffic())


def endpoint(reports: Reports, transport: int):
    found = reports.registry.by_transport(transport)
    assert found is not None
    return found[1]


def test_life_of_a_transport_is_counted_once() -> None:
    reports = with_two()
    reports.ice_connected(2, 0.0)
    reports.ice_connected(2, 1.0)
    assert endpoint(reports, 2).ice is IceState.CONNECTED
    reports.dtls_connected(2, 3.0)
    reports.ice_connected(2, 2.0)
    assert endpoint(reports, 2).ice is IceState.SECURED
    assert reports.registry.counters.ice_succeeded == 1


def test_reports_about_the_departed_are_ignored() -> None:
    reports = with_two()
    calls: list[Callable[[], object]] = [
        lambda: reports.ice_connected(99, 0.0),
        lambda: reports.ice_failed(99),
        lambda: reports.consent_lost(99),
        lambda: reports.dtls_connected(99, 3.0),
        lambda: reports.dtls_failed(99),
        lambda: reports.channel_opened(99),
        lambda: reports.readings([Reading(99, packets_received=5)], [], 1.0),
    ]
    for call in calls:
        call()
    assert reports.registry.counters.ice_succeeded == 0


def test_lost_consent_stops_what_is_sent_until_it_is_back() -> None:
    reports = with_two()
    assert reports.consent_lost(3) == [fx.Unsubscribe(3, 2, 1)]
    assert reports.consent_lost(3) == []
    assert reports.ice_connected(3, 40.0) == [fx.Subscribe(3, 2, 1)]


def test_failed_handshake_counts_when_the_endpoint_leaves() -> None:
    reports = with_two()
    reports.ice_connected(2, 0.0)
    reports.dtls_failed(2)
    registry = reports.registry
    assert registry.counters.endpoints_dtls_failed == 0
    registry.remove_conference(registry.conferences[0], 1.0)
    assert registry.counters.endpoints_dtls_failed == 1


def test_consent_counts_as_activity() -> None:
    reports = with_two()
    reports.readings([Reading(2, received_age_ms=-1, consent_age_ms=500)], [], 100.0)
    assert endpoint(reports, 2).last_activity == 99.5


def test_senders_are_known_by_kind_and_only_while_they_send() -> None:
    reports = with_two()
    sources = [SourceReading(2, 1), SourceReading(2, 10, "video"), SourceReading(3, 20, "rtx")]
    reports.readings([Reading(2), Reading(3)], sources, 1.0)
    a, b = endpoint(reports, 2), endpoint(reports, 3)
    assert (a.sending_audio, a.sending_video) == (True, True)
    assert (b.sending_audio, b.sending_video) == (False, False)
    reports.readings([Reading(2)], [SourceReading(2, 1, age_ms=2_500)], 3.0)
    assert (a.sending_audio, a.sending_video) == (False, False)


def test_late_message_channel_is_counted_once_per_endpoint() -> None:
    handler = given.colibri()
    handler.handle(given.create(given.new_endpoint("a", sctp=Sctp())), 0)
    for name in ("b", "c"):
        handler.handle(given.modify(given.new_endpoint(name, sctp=Sctp())), 0)
    reports = Reports(handler.registry, Traffic())
    reports.readings([], [], 50.0)
    assert handler.registry.counters.endpoints_without_channel == 0, "there is no DTLS yet"
    for transport in (2, 3):
        reports.dtls_connected(transport, 60.0)
    reports.channel_opened(3)
    for now in (89.0, 91.0, 92.0):
        reports.readings([], [], now)
        assert handler.registry.counters.endpoints_without_channel == (now > 90.0)


def test_channel_that_was_closed_is_no_late_one() -> None:
    handler = given.colibri()
    handler.handle(given.create(given.new_endpoint("a", sctp=Sctp())), 0)
    reports = Reports(handler.registry, Traffic())
    reports.dtls_connected(2, 0.0)
    reports.channel_opened(2)
    reports.channel_closed(2)
    reports.readings([], [], 40.0)
    assert handler.registry.counters.endpoints_without_channel == 0
    assert endpoint(reports, 2).message_channel is False
