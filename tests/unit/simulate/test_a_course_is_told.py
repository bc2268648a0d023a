"""The course of a workload: what `make prove-labmatch` lays beside real bridges."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from octofleet.cli import simulating
from octofleet.simulate import running
from octofleet.simulate.course import Course, course_of
from octofleet.simulate.description import Workload, load

LAB = Path(__file__).parents[3] / "examples" / "workloads" / "lab.yaml"


@pytest.fixture(scope="module")
def workload() -> Workload:
    return load(LAB)


def course(workload: Workload, **bridge: float) -> Course:
    found = running.load_of(workload)
    changed = workload.model_copy(update={"bridge": workload.bridge.model_copy(update=bridge)})
    return course_of(replace(found, workload=changed))


def test_the_labs_workload_grows_and_shrinks_step_by_step(workload: Workload) -> None:
    found = course(workload)
    assert [size for _, size in found.sizes] == [2, 3, 4, 3, 2]
    times = [at for at, _ in found.sizes]
    assert times == sorted(times)
    # Every decision has a minute for itself: order is no chance.
    assert min(b - a for a, b in pairwise(times)) > 60
    assert [at for at, _ in found.stress][:3] == [0.0, 5.0, 10.0]
    assert max(level for _, levels in found.stress for level in levels) < 0.8


@pytest.mark.parametrize("cost", [0.85, 1.15])
@pytest.mark.parametrize("start", [5.0, 20.0])
def test_its_decisions_hold_on_machines_that_are_measured_a_little_wrong(
    workload: Workload, cost: float, start: float
) -> None:
    kind = workload.bridge
    off = course(
        workload,
        packet_rate=kind.packet_rate / cost,
        person_stress=kind.person_stress * cost,
        idle_stress=kind.idle_stress * cost,
        start_seconds=start,
    )
    assert [size for _, size in off.sizes] == [2, 3, 4, 3, 2]


def test_a_person_costs_more_than_packets_where_that_is_said(workload: Workload) -> None:
    light, heavy = course(workload, person_stress=0.0), course(workload, person_stress=0.02)
    most = [max(each.stress[n][1][0] for n in range(len(each.stress))) for each in (light, heavy)]
    assert most[1] > most[0] + 0.1


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], workload: Workload) -> None:
    assert simulating.course(workload=LAB) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["autoscaling"]["maxBridges"] == workload.max_bridges
    assert len(told["joins"]) == 43
