"""The planner's starting points, and that its yaml is what the API takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octofleet.api.clusters import JitsiCluster
from octofleet.api.regions import OctoRegion
from octofleet.cli.planning import documents
from octofleet.simulate import sizing_guide
from octofleet.simulate.sizing_guide import Demand


@pytest.mark.parametrize(
    ("users", "regions", "bridges", "size"),
    [
        (60, ("eu",), 2, "small"),
        (250, ("eu",), 5, "medium"),
        (1000, ("eu", "us", "ap"), 18, "medium"),
        (5000, ("eu", "us", "ap"), 78, "large"),
    ],
)
def test_the_known_starting_points_fall_out(
    users: int, regions: tuple[str, ...], bridges: int, size: str
) -> None:
    chosen = sizing_guide.recommended(Demand(users, 8, "meeting", regions))
    assert chosen.machine.cores == 4
    assert chosen.bridges == bridges
    assert sizing_guide.size_of(chosen.bridges, len(regions)) == size


def test_one_big_machine_costs_more_and_takes_more_away_than_several_medium_ones() -> None:
    found = {each.machine.cores: each for each in sizing_guide.options(Demand(600, 10))}
    assert found[32].price > found[4].price
    assert found[32].lost_at_once > 2 * found[4].lost_at_once


@given(st.integers(1, 100_000), st.integers(2, 500), st.integers(1, 5))
def test_a_failure_at_the_peak_overloads_nobody(users: int, size: int, regions: int) -> None:
    names = tuple(f"r{n}" for n in range(regions))
    for option in sizing_guide.options(Demand(users, size, "meeting", names)):
        assert sum(each.users for each in option.regions) == users
        for region in option.regions:
            assert region.bridges >= 2
            left = region.bridges - 1
            assert region.users * option.stress_each / left <= 0.8


@given(st.integers(1, 5000), st.integers(1, 4))
def test_the_yaml_is_accepted(users: int, regions: int) -> None:
    demand = Demand(users, 8, "meeting", tuple(f"r{n}" for n in range(regions)))
    cluster, *rest = documents(sizing_guide.recommended(demand), "meet.example")
    JitsiCluster.model_validate(cluster)
    assert [OctoRegion.model_validate(each).spec.region for each in rest] == list(demand.regions)
