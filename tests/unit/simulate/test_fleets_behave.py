"""What a simulated fleet must obey, whatever decides about it."""

from pathlib import Path

import pytest

from octofleet.cli import simulating
from octofleet.simulate import compare, report, running, suite, traces
from octofleet.simulate.description import DescriptionError, Workload, parse
from octofleet.simulate.running import Figures, Load

BASE: dict[str, object] = {
    "name": "day",
    "days": 0.5,
    "warmupDays": 0,
    "start": "2026-03-24T06:00:00+00:00",
    "decisionSeconds": 60,
    "calls": [{"kind": "meetings", "perDay": 60, "size": 5, "largest": 30}],
}


def workload(**fields: object) -> Workload:
    return parse({**BASE, **fields})


@pytest.fixture(scope="module")
def load() -> Load:
    return running.load_of(workload())


@pytest.mark.parametrize("policy", ["octofleet", "oracle", *running.PEERS])
def test_everybody_is_placed_and_a_seed_repeats_itself(load: Load, policy: str) -> None:
    first, again = running.run(load, policy).figures, running.run(load, policy).figures
    assert first == again
    assert 50 < first.joins <= load.trace.joins
    assert first.refused == 0
    assert first.dropped == 0
    assert first.bridge_hours >= 2 * 0.45 * 24 / 2


def test_a_bridge_that_dies_kills_nobody_for_good_and_is_replaced() -> None:
    faults = [{"kind": "bridge", "day": 0, "hour": 4.2}]
    hit = running.run(running.load_of(workload(faults=faults)), "octofleet")
    spared = running.run(running.load_of(workload()), "octofleet")
    assert hit.figures.killed > 0
    assert spared.figures.killed == hit.figures.dropped == 0
    assert hit.samples[-1].bridges >= 2
    # Who was on it is placed anew and stays as long as before.
    assert hit.samples[-1].people == spared.samples[-1].people


def test_without_readings_nothing_shrinks_and_nothing_explodes() -> None:
    faults = [{"kind": "metrics", "day": 0, "hour": 4, "minutes": 60}]
    found = running.run(running.load_of(workload(faults=faults)), "octofleet")
    calm = running.run(running.load_of(workload()), "octofleet")
    assert found.figures.most_bridges <= calm.figures.most_bridges + 2
    assert found.figures.dropped == found.figures.refused == 0


def test_a_flash_crowd_finds_room_where_headroom_is_set_for_it() -> None:
    flash = next(each for each in suite.standard() if each.name == "flash-crowd")
    short = flash.model_copy(update={"warmup_days": 0.0, "days": 0.6, "decision_seconds": 60.0})
    found = running.run(running.load_of(short), "octofleet").figures
    assert found.peak_stress <= 0.8
    assert found.overloaded_minutes == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_trace_survives_a_file(load: Load, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"load.{suffix}"
    traces.write(load.trace, path)
    back = traces.read(path)
    assert back.joins == load.trace.joins
    assert back.joined == pytest.approx(load.trace.joined, abs=0.001)
    assert back.left == pytest.approx(load.trace.left, abs=0.001)
    assert [back.regions[n] for n in back.region] == ["eu"] * back.joins


def test_a_history_with_dates_and_without_media_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "joined_at,left_at,conference,region\n"
        "2026-03-24T09:00:00Z,2026-03-24T10:00:00Z,standup,eu\n"
        "2026-03-24T09:00:30Z,2026-03-24T10:00:00Z,standup,eu\n"
    )
    assert simulating.replay(path, as_json=True) == 0
    assert traces.read(path).joins == 2


@pytest.mark.parametrize(
    "text",
    [
        "joined_at,left_at,conference\n1,2,a\n",
        "joined_at,left_at,conference,region\n5,2,a,eu\n",
        "joined_at,left_at,conference,region\nsoon,2,a,eu\n",
        "joined_at,left_at,conference,region,media\n1,2,a,eu,carrier-pigeon\n",
    ],
)
def test_a_trace_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(traces.TraceError, match=r"bad\.csv"):
        traces.read(path)


def test_a_workload_that_is_misspelt_is_refused_by_name() -> None:
    with pytest.raises(DescriptionError, match=r"calls.0.*perDya"):
        parse({"name": "x", "calls": [{"kind": "meetings", "perDay": 5, "perDya": 5}]})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"regions": [{"name": "eu", "timeZone": "Europe/Atlantis"}]}, r"regions.0.timeZone.*Atla"),
        ({"calls": [{"kind": "meetings", "perDay": 5, "media": "film"}]}, r"media.*film.*meeting"),
        ({"calls": [{"kind": "meetings", "perDay": 5, "hours": [0] * 24}]}, r"hours.*at least one"),
        ({"faults": [{"kind": "zone", "day": 0, "hour": 1, "region": "us"}]}, r"region 'us'.*eu"),
        ({"placement": {"regionGroups": [["eu", "us"]]}}, r"region 'us' is none of eu"),
        ({"regions": [{"name": "eu"}, {"name": "eu"}]}, r"same name"),
        ({"start": "next Monday"}, r"start"),
        ({"minBridges": 5, "maxBridges": 2}, r"minBridges"),
    ],
)
def test_what_a_workload_names_must_exist(fields: dict[str, object], named: str) -> None:
    with pytest.raises(DescriptionError, match=named):
        workload(**fields)


def test_days_follow_the_regions_clock_and_its_daylight_saving() -> None:
    spring = workload(
        start="2026-03-28T00:00:00+00:00",
        days=3,
        regions=[{"name": "eu", "timeZone": "Europe/Berlin"}],
        calls=[{"kind": "classes", "rooms": 1, "starts": [8], "earlySeconds": 0}],
    )
    found = running.load_of(spring.model_copy(update={"start": "2026-03-27T00:00:00+00:00"}))
    starts = sorted({round(float(each) / 3600) % 24 for each in found.trace.joined})
    assert starts == [7]
    monday = running.load_of(spring)
    assert {round(float(each) / 3600) % 24 for each in monday.trace.joined} == {6}


def figures(policy: str, hours: float, minutes: float) -> Figures:
    return Figures("w", policy, 1, minutes, 0, 0, 0, 0, hours, hours, 0.0, 0.5, 2)


@pytest.mark.parametrize(
    ("hours", "minutes", "beaten"),
    [(70, 100, True), (71, 100, False), (70, 101, False), (100, 40, True), (101, 0, False)],
)
def test_a_peer_is_beaten_by_hours_or_by_overload(
    hours: float, minutes: float, beaten: bool
) -> None:
    verdict = compare.verdict(figures("octofleet", hours, minutes), figures("hpa-75", 100, 100))
    assert verdict.beaten is beaten
    static = compare.verdict(figures("octofleet", 70, 500), figures("static-peak", 100, 0))
    assert static.beaten


def test_the_report_holds_every_policy_and_nothing_from_outside(load: Load) -> None:
    page = report.page([running.run(load, "octofleet"), running.run(load, "hpa-chart")])
    assert "octofleet" in page
    assert "hpa-chart" in page
    assert page.count("<svg") == 5
    assert "http" not in page
    assert "<script" not in page
