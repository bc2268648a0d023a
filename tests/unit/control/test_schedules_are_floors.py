"""Schedules: by the clock of their zone, ahead of time, and without a cliff."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from tests.unit.control import worlds

from octofleet.api.effective import Window
from octofleet.core import schedule, sizing
from octofleet.core.observation import History, Timestamp

MORNING = Window("0 9 * * 1-5", "Europe/Berlin", 2 * 3600.0, 8)
AHEAD = 240.0


def at(text: str) -> Timestamp:
    return Timestamp(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def floor(when: str, window: Window = MORNING, region: str = "eu") -> int | None:
    found = schedule.floor_at((window,), region, AHEAD, 2, at(when))
    return None if found is None else found.bridges


def test_a_window_opens_by_its_own_clock_on_both_sides_of_daylight_saving() -> None:
    # 9:00 in Berlin is 8:00 UTC in winter and 7:00 in summer.
    assert floor("2026-03-27T08:01:00") == 8
    assert floor("2026-03-27T07:30:00") is None
    assert floor("2026-03-30T07:01:00") == 8
    assert floor("2026-03-30T06:30:00") is None


def test_bridges_are_asked_for_ahead_and_regions_not_all_at_once() -> None:
    assert floor("2026-03-27T07:56:30") == 8
    begins = {
        next(
            second
            for second in range(0, 500, 5)
            if schedule.floor_at((MORNING,), f"r{n}", AHEAD, 2, Timestamp(start + second))
        )
        for n in range(20)
        for start in [at("2026-03-27T07:52:00")]
    }
    assert len(begins) > 5


def test_the_end_is_no_cliff() -> None:
    course = [floor(f"2026-03-27T10:{minute:02}:00") for minute in range(60)]
    assert course[0] == 8
    steps = [a - b for a, b in pairwise(course) if a and b]
    assert max(steps) == 1
    assert min(steps) >= 0
    assert course[-1] is None


def test_the_highest_of_several_windows_holds() -> None:
    peak = Window("30 9 * * 1-5", "Europe/Berlin", 1800.0, 12)
    found = schedule.floor_at((MORNING, peak), "eu", AHEAD, 2, at("2026-03-27T08:35:00"))
    assert found is not None
    assert found.bridges == 12


@pytest.mark.parametrize("window", [("61 9 * * *", "UTC"), ("0 9 * * *", "Mars/Olympus")])
def test_a_window_that_is_not_understood_never_shrinks_anything(window: tuple[str, str]) -> None:
    region = worlds.people_only(
        schedule=[{"cron": window[0], "timeZone": window[1], "duration": "1h", "minBridges": 5}]
    )
    bridges = [worlds.ready_bridge(f"eu-{n}", 1) for n in range(6)]
    seen = worlds.snapshot(*bridges, history=History(desired=6))
    decided = sizing.decide(region, seen, worlds.NOW)
    assert decided.wanted == 6
    assert window[0] in decided.message or window[1] in decided.message


def test_a_schedule_is_a_floor_and_a_metric_may_want_more() -> None:
    now = datetime.fromtimestamp(worlds.NOW, UTC)
    window = {
        "cron": f"{now.minute} {now.hour} * * *",
        "duration": "1h",
        "minBridges": 5,
    }
    region = worlds.people_only(target=10, schedule=[window])
    few = [worlds.ready_bridge("eu-0", 5), worlds.ready_bridge("eu-1", 0)]
    many = [worlds.ready_bridge("eu-0", 60), worlds.ready_bridge("eu-1", 0)]
    kept = History(desired=2)
    assert sizing.decide(region, worlds.snapshot(*few, history=kept), worlds.NOW).wanted == 5
    assert sizing.decide(region, worlds.snapshot(*many, history=kept), worlds.NOW).wanted == 6
