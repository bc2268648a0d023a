"""The doctor: one question at a time, a second one after silence, and judging by presence."""

from jitsiwire.bridge_view import BridgeConfig, BridgeView
from jitsiwire.stats import BridgeStats
from octoload.focus.doctor import Diagnosis, Doctor, HealthAnswer


def test_the_first_check_is_an_interval_away_and_then_one_an_interval() -> None:
    doctor = Doctor(interval=10)
    doctor.admit("b", 0)
    assert doctor.due(9.9) == ()
    assert doctor.due(10) == ("b",)
    assert doctor.due(25) == (), "not before it has answered"
    assert doctor.answered("b", HealthAnswer.WELL, 11) is Diagnosis.PASSED
    assert doctor.due(20.9) == ()
    assert doctor.due(21) == ("b",)


def test_only_the_second_silence_counts() -> None:
    doctor = Doctor(interval=10)
    doctor.admit("b", 0)
    doctor.due(10)
    assert doctor.answered("b", HealthAnswer.SILENCE, 25) is None
    assert doctor.due(29.9) == ()
    assert doctor.due(30) == ("b",)
    assert doctor.answered("b", HealthAnswer.SILENCE, 45) is Diagnosis.TIMED_OUT
    assert doctor.due(55) == ("b",)
    assert doctor.answered("b", HealthAnswer.SILENCE, 70) is None, "it starts anew"


def test_an_unusual_error_says_nothing_and_an_ill_one_all() -> None:
    doctor = Doctor(interval=10)
    doctor.admit("b", 0)
    doctor.due(10)
    assert doctor.answered("b", HealthAnswer.UNCLEAR, 11) is None
    doctor.due(21)
    assert doctor.answered("b", HealthAnswer.ILL, 22) is Diagnosis.FAILED


def test_a_bridge_that_left_is_not_asked_or_judged() -> None:
    doctor = Doctor(interval=10)
    doctor.admit("b", 0)
    doctor.due(10)
    doctor.discharge("b")
    assert doctor.answered("b", HealthAnswer.ILL, 11) is None
    assert doctor.due(100) == ()


def test_presence_is_judged_by_its_age_and_by_what_it_says() -> None:
    doctor = Doctor(interval=10)
    doctor.admit("b", 0)
    doctor.due(10)
    view = BridgeView.create("b", BridgeConfig())
    assert doctor.judge_presence(view, 10) is Diagnosis.TIMED_OUT
    well = view.seen(BridgeStats(healthy=True), 10)
    assert doctor.judge_presence(well, 55) is Diagnosis.PASSED
    assert doctor.judge_presence(well, 55.1) is Diagnosis.TIMED_OUT
    assert doctor.judge_presence(view.seen(BridgeStats(healthy=False), 50), 55) is Diagnosis.FAILED
    assert doctor.due(64.9) == ()
    assert doctor.due(65) == ("b",)
