"""Totals outlive transports, rates forget, and loss stays a fraction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.bridge.readings import Reading, SourceReading

from octobridge.core.traffic import Traffic


def test_totals_outlive_the_transport_that_made_them() -> None:
    traffic = Traffic()
    traffic.observe([Reading(1, packets_received=10, bytes_sent=500)], {}, 0.0)
    traffic.observe([Reading(2, packets_received=3)], {}, 1.0)
    traffic.observe([Reading(2, packets_received=4)], {}, 2.0)
    assert traffic.totals.packets_received == 14
    assert traffic.totals.bytes_sent == 500


def test_rates_are_of_the_last_seconds() -> None:
    traffic = Traffic()
    for second in range(20):
        sent = min(second, 10) * 100
        reading = Reading(1, packets_sent=sent, bytes_sent=sent * 1000)
        traffic.observe([reading], {}, float(second))
        if second == 10:
            assert traffic.rates().packets_sent == pytest.approx(100)
            assert traffic.rates().bits_sent == pytest.approx(800_000)
    assert traffic.rates().packets_sent == 0


def test_nothing_observed_is_zero() -> None:
    traffic = Traffic()
    assert traffic.rates().packets_received == 0
    traffic.observe([Reading(1, packets_received=5)], {}, 3.0)
    assert traffic.rates().packets_received == 0


def test_loss_is_counted_both_ways() -> None:
    traffic = Traffic()
    traffic.observe([Reading(1)], {}, 0.0)
    traffic.observe(
        [
            Reading(
                1,
                packets_received=90,
                packets_lost=10,
                packets_sent=100,
                remote_packets_lost=25,
            )
        ],
        {},
        1.0,
    )
    rates = traffic.rates()
    assert (rates.incoming_loss, rates.outgoing_loss) == (0.1, 0.25)
    assert rates.overall_loss == pytest.approx(35 / 200)
    assert traffic.outgoing_loss_of(1) == 0.25
    assert traffic.outgoing_loss_of(2) == 0


def test_keyframes_and_video_time_add_up() -> None:
    traffic = Traffic()
    for second, keyframes in enumerate((1, 1, 3)):
        sources = [SourceReading(1, 7, "video", keyframes=keyframes), SourceReading(1, 8)]
        traffic.observe([Reading(1)], {1: sources}, float(second))
    assert traffic.keyframes_received == 3
    assert traffic.video_milliseconds == 2000
    stale = SourceReading(1, 7, "video", age_ms=1_500, keyframes=3)
    traffic.observe([Reading(1)], {1: [stale]}, 3.0)
    assert traffic.video_milliseconds == 2000


counts = st.integers(0, 10**12)
readings = st.builds(Reading, st.integers(1, 3), *[counts] * 6)


@given(st.lists(st.lists(readings, max_size=3, unique_by=lambda r: r.transport), max_size=8))
def test_whatever_counters_do_totals_grow_and_fractions_stay_fractions(
    rounds: list[list[Reading]],
) -> None:
    traffic = Traffic()
    last = 0
    for second, current in enumerate(rounds):
        traffic.observe(current, {}, float(second))
        assert traffic.totals.packets_received >= last
        last = traffic.totals.packets_received
        rates = traffic.rates()
        for fraction in (rates.incoming_loss, rates.outgoing_loss, rates.overall_loss):
            assert 0 <= fraction <= 1
        assert rates.bits_received >= 0
