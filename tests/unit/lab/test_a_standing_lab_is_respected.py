"""What becomes of a choice when a lab stands already."""

import datetime

import pytest

from octolab import cluster, health
from octolab.cluster import Choice
from octolab.errors import UnmetError

RECORD = {"network": "10.77.0.0/16", "nodes": 3, "regions": ["eu", "us"], "boot": "x"}


def test_without_a_lab_the_defaults_hold() -> None:
    lab = cluster.settle(Choice(), None)
    assert len(lab.nodes) == 3
    assert lab.regions == ("eu",)
    assert str(lab.network) == "10.77.0.0/16"


def test_no_choice_means_the_lab_as_it_stands() -> None:
    lab = cluster.settle(Choice(), RECORD)
    assert [node.region for node in lab.nodes] == ["eu", "us", "eu"]


def test_a_lab_may_grow() -> None:
    assert len(cluster.settle(Choice(nodes=5), RECORD).nodes) == 5


@pytest.mark.parametrize(
    "choice",
    [Choice(nodes=2), Choice(regions=("eu",)), Choice(network="10.78.0.0/16")],
    ids=["fewer nodes", "other regions", "other network"],
)
def test_a_lab_is_never_reshaped_under_its_pods(choice: Choice) -> None:
    with pytest.raises(UnmetError, match="octolab down"):
        cluster.settle(choice, RECORD)


def test_a_node_counts_only_while_its_kubelet_renews() -> None:
    now = datetime.datetime(2026, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)
    assert health.is_fresh({"spec": {"renewTime": "2026-01-01T11:59:50.000000Z"}}, now)
    assert not health.is_fresh({"spec": {"renewTime": "2026-01-01T11:59:10.000000Z"}}, now)
    assert not health.is_fresh({"spec": {}}, now)
    assert not health.is_fresh({}, now)
