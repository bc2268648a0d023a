"""A ledger fed with what a sink would have counted of a made-up stream."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octoload.accounting import FOLDED, MAX_CONFERENCES, Expected, Ledger
from octoload.gaps import Reading, brings_more
from octoload.report import Summary

SSRC = 7
POLL = 0.2


def reading(arrivals: Sequence[float], now: float, ssrc: int = SSRC) -> Reading:
    """What an engine's sink says at `now` of packets that came at these times."""
    came = [at for at in arrivals if at <= now]
    gaps = [b - a for a, b in itertools.pairwise(came)]
    return Reading(
        ssrc,
        packets=len(came),
        lost=0,
        age_ms=(now - came[-1]) * 1000 if came else -1,
        gap_ms=max(gaps, default=0.0) * 1000,
    )


class Scene:
    """Alice listens to Bob; both are connected at 0."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ledger = Ledger(0.0)
        for name, ssrc in (("alice", 3), ("bob", SSRC)):
            self.ledger.join(name, "call", [ssrc], 0.0)
            self.ledger.offer(name, f"{name}-1", "bridge-a")
            self.ledger.connected(name, f"{name}-1", 0.0)
        self.ledger.expect("alice", [Expected(SSRC)], 0.0)

    def play(self, arrivals: Sequence[float], seconds: float, session: str = "alice-1") -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.now + POLL)
            read = reading(arrivals, self.now)
            self.ledger.observe("alice", session, [read], self.now)
            self.ledger.check(self.now)

    @property
    def total(self) -> Summary:
        return self.ledger.report(self.now).total


def steady(start: float, end: float, every: float = 0.02) -> list[float]:
    return [start + n * every for n in range(int((end - start) / every))]


def test_steady_media_has_no_gap_to_speak_of() -> None:
    scene = Scene()
    scene.play(steady(0.1, 21), 20)
    assert scene.total.max_gap_ms <= 21
    assert scene.total.dropped == 0
    assert 994 <= scene.total.packets_received <= 996
    assert scene.total.join_ms_p50 is not None
    assert 80 <= scene.total.join_ms_p50 <= 320


@settings(max_examples=60, deadline=None)
@given(st.floats(0.25, 9.5))
def test_a_gap_is_measured_to_the_millisecond_on_one_transport(length: float) -> None:
    scene = Scene()
    scene.play(steady(0.1, 5) + steady(5 + length, 20), 20)
    true_gap = 5 + length - steady(0.1, 5)[-1]
    assert true_gap * 1000 - 1 <= scene.total.max_gap_ms <= true_gap * 1000 + 2
    assert scene.total.dropped == 0


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 30))
def test_dropped_means_more_than_ten_seconds_without_media(length: float) -> None:
    scene = Scene()
    scene.play(steady(0.1, 5) + steady(5 + length, 45), 40)
    true_gap = 5 + length - steady(0.1, 5)[-1]
    if abs(true_gap - 10) > 0.01:
        assert scene.total.dropped == (1 if true_gap > 10 else 0)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0.0, 12.0), min_size=1, max_size=40))
def test_the_longest_gap_is_never_understated(pauses: list[float]) -> None:
    arrivals = [0.5]
    for pause in pauses:
        arrivals.append(arrivals[-1] + pause)
    scene = Scene()
    scene.play(arrivals, arrivals[-1] + 0.3)
    longest = max(b - a for a, b in itertools.pairwise(arrivals))
    assert scene.total.max_gap_ms >= longest * 1000 - 1
    assert scene.total.max_gap_ms <= max(longest, scene.now - arrivals[-1]) * 1000 + 1
    assert scene.total.packets_received == len(arrivals)


def test_media_that_never_comes_is_missed_after_the_grace() -> None:
    scene = Scene()
    scene.play([], 12.9)
    assert scene.total.dropped == 0
    scene.play([], 0.4)
    assert scene.total.dropped == 1
    assert scene.ledger.report(scene.now).drops[0].participant == "alice"
    assert scene.ledger.report(scene.now).drops[0].ssrc == SSRC


def test_one_who_was_never_admitted_is_not_dropped() -> None:
    ledger = Ledger(0.0)
    ledger.join("alice", "call", [], 0.0)
    ledger.wait("alice")
    ledger.expect("alice", [Expected(SSRC)], 0.0)
    ledger.check(100.0)
    total = ledger.report(100.0).total
    assert (total.dropped, total.admitted, total.waiting) == (0, 0, 1)


def test_a_sender_that_is_not_connected_yet_is_not_missed() -> None:
    ledger = Ledger(0.0)
    for name, ssrc in (("alice", 3), ("bob", SSRC)):
        ledger.join(name, "call", [ssrc], 0.0)
        ledger.offer(name, name, "bridge-a")
    ledger.connected("alice", "alice", 0.0)
    ledger.expect("alice", [Expected(SSRC)], 0.0)
    ledger.check(60.0)
    assert ledger.report(60.0).total.dropped == 0
    ledger.connected("bob", "bob", 60.0)
    ledger.check(74.0)
    assert ledger.report(74.0).total.dropped == 1


@pytest.mark.parametrize("how", ["left", "muted", "removed"])
def test_a_sender_that_went_is_not_missed(how: str) -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    if how == "left":
        scene.ledger.leave("bob")
    elif how == "muted":
        scene.ledger.expect("alice", [Expected(SSRC, muted=True)], scene.now)
    else:
        scene.ledger.forget("alice", [SSRC])
    scene.play(steady(0.1, 5), 30)
    assert scene.total.dropped == 0
    assert scene.total.max_gap_ms < 100


@pytest.mark.parametrize("is_there", [True, False])
def test_a_focus_that_forgot_a_sender_makes_nobody_deaf(is_there: bool) -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    if not is_there:
        scene.ledger.leave("bob")
    scene.ledger.replace("alice", [], scene.now)
    scene.play(steady(0.1, 5), 30)
    assert scene.total.dropped == is_there


def test_the_silence_of_a_mute_is_no_gap_after_unmuting() -> None:
    scene = Scene()
    arrivals = steady(0.1, 5) + steady(30, 40)
    scene.play(arrivals, 5)
    scene.ledger.expect("alice", [Expected(SSRC, muted=True)], scene.now)
    scene.play(arrivals, 24.9)
    scene.ledger.expect("alice", [Expected(SSRC)], scene.now)
    scene.play(arrivals, 9)
    assert scene.total.dropped == 0
    assert scene.total.max_gap_ms < 150


def test_a_move_in_time_counts_as_moved_and_its_gap_is_seen() -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    scene.ledger.offer("alice", "alice-2", "bridge-b")
    scene.play(steady(0.1, 5), 2)
    scene.ledger.connected("alice", "alice-2", scene.now)
    scene.play(steady(8, 20), 5, "alice-2")
    assert (scene.total.moved, scene.total.restarted, scene.total.dropped) == (1, 0, 0)
    assert 3000 <= scene.total.max_gap_ms <= 3250


def test_a_new_place_on_the_same_bridge_is_a_restart() -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    scene.ledger.offer("alice", "alice-2", "bridge-a")
    scene.ledger.connected("alice", "alice-2", scene.now)
    scene.play(steady(5, 20), 5, "alice-2")
    assert (scene.total.moved, scene.total.restarted) == (0, 1)


def test_a_move_that_takes_too_long_is_a_drop() -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    scene.ledger.offer("alice", "alice-2", "bridge-b")
    scene.play(steady(0.1, 5), 11)
    scene.ledger.connected("alice", "alice-2", scene.now)
    scene.play(steady(16, 30), 5, "alice-2")
    assert (scene.total.moved, scene.total.dropped) == (0, 1)


def test_a_move_is_not_counted_before_it_is_connected() -> None:
    ledger = Ledger(0.0)
    ledger.join("alice", "call", [], 0.0)
    ledger.offer("alice", "1", "bridge-a")
    ledger.connected("alice", "1", 0.0)
    ledger.offer("alice", "2", "bridge-b")
    ledger.check(1.0)
    assert ledger.report(1.0).total.moved == 0
    ledger.connected("alice", "2", 2.0)
    ledger.check(2.0)
    assert ledger.report(2.0).total.moved == 1


@pytest.mark.parametrize(("back_after", "dropped"), [(14.0, 0), (16.0, 1)])
def test_the_people_of_a_killed_bridge_have_fifteen_seconds(
    back_after: float, dropped: int
) -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    assert scene.ledger.killed("bridge-a", scene.now) == 2
    for name in ("alice", "bob"):
        scene.ledger.offer(name, f"{name}-2", "bridge-b")
        scene.ledger.connected(name, f"{name}-2", scene.now)
    scene.play([], back_after, "alice-2")
    scene.play(steady(5 + back_after, 60), 5, "alice-2")
    total = scene.total
    assert (total.killed, total.dropped, total.moved) == (2, dropped, 0)
    assert total.max_gap_ms < 300
    assert total.killed_max_gap_ms >= back_after * 1000 - 50


def test_people_of_a_bridge_are_killed_once_with_it() -> None:
    scene = Scene()
    assert scene.ledger.killed("bridge-a", 1.0) == scene.ledger.killed("bridge-a", 2.0) == 2
    assert scene.total.killed == 2


def test_being_put_out_is_being_dropped() -> None:
    scene = Scene()
    scene.ledger.ended("alice", "kicked")
    assert scene.total.dropped == 1
    assert scene.total.present == 1


def test_a_reset_begins_a_window_without_the_past() -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 20)
    assert scene.total.dropped == 1
    arrivals = steady(0.1, 5) + steady(20, 40)
    scene.play(arrivals, 1)
    scene.ledger.reset(scene.now)
    scene.play(arrivals, 5)
    total = scene.total
    assert (total.dropped, total.admitted, total.participants) == (0, 2, 2)
    assert total.max_gap_ms <= 21
    assert 249 <= total.packets_received <= 251


def test_loss_and_delay_are_summed_over_transports() -> None:
    scene = Scene()
    for session, packets, lost, mean, peak in (
        ("alice-1", 100, 3, 10.0, 50.0),
        ("alice-1", 200, 5, 20.0, 50.0),
        ("alice-2", 100, 2, 40.0, 90.0),
    ):
        scene.now += POLL
        read = Reading(SSRC, packets, lost, 0.0, 20.0, mean, peak)
        scene.ledger.observe("alice", session, [read], scene.now)
    total = scene.total
    assert (total.packets_received, total.packets_lost) == (300, 7)
    assert total.loss_fraction == pytest.approx(7 / 307)
    assert total.delay_ms_mean == pytest.approx((200 * 20 + 100 * 40) / 300)
    assert total.delay_ms_max == 90.0


def test_the_books_stay_bounded() -> None:
    ledger = Ledger(0.0)
    for number in range(MAX_CONFERENCES + 50):
        ledger.join("x", f"call-{number}", [], 0.0)
        ledger.leave("x")
    report = ledger.report(1.0)
    assert len(report.conferences) <= MAX_CONFERENCES
    assert report.total.participants == MAX_CONFERENCES + 50
    assert report.conferences[FOLDED].participants > 0


def test_the_report_names_every_figure_of_its_line() -> None:
    scene = Scene()
    scene.play(steady(0.1, 5), 5)
    report = scene.ledger.report(scene.now)
    assert report.line().startswith("load: participants=2 admitted=2 dropped=0 moved=0 killed=0")
    data = report.to_json()
    assert data["total"]["packets_received"] == report.total.packets_received
    assert set(data["conferences"]) == {"call"}


def test_an_old_transport_is_of_use_while_anything_comes_by_it_alone() -> None:
    now, before = 100.0, steady(0, 90)
    flowing = reading(steady(0, 100), now)
    stopped, never = reading(before, now), reading([], now)
    other = reading(steady(0, 100), now, ssrc=8)
    assert brings_more([flowing], [])
    assert brings_more([flowing], [stopped])
    assert brings_more([flowing, other], [flowing])
    assert not brings_more([flowing], [flowing, other])
    assert not brings_more([stopped, never], [])


def test_a_stream_that_comes_now_is_told_from_one_that_stopped() -> None:
    scene = Scene()
    assert scene.ledger.arriving("call", scene.now) == 0
    scene.play(steady(0, 5), 5)
    assert scene.ledger.arriving("call", scene.now) == 1
    assert scene.ledger.arriving("another", scene.now) == 0
    assert scene.ledger.arriving("call", scene.now + 3) == 0
