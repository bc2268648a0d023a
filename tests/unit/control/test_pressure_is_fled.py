"""Nodes short of memory are left before their kubelet evicts bridges; priority keeps the others."""

from typing import Any

import pytest
from tests.unit.control.worlds import region

from octofleet.core.manifests import bridge, mapping
from octofleet.core.vacating import CORDONED, PRESSED, TERMINATING, departure
from octofleet.shell import pods

PRESSURE = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
SPOT = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
DISK = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("taints", "cordoned", "why"),
    [
        ([PRESSURE], False, PRESSED),
        ([PRESSURE, SPOT], False, TERMINATING),
        ([PRESSURE], True, PRESSED),
        ([DISK], False, None),
        ([DISK], True, CORDONED),
        ([], False, None),
    ],
)
def test_a_node_short_of_memory_is_about_to_lose_its_bridge(
    taints: list[dict[str, object]], cordoned: bool, why: str | None
) -> None:
    assert departure(unschedulable=cordoned, taints=taints) == why


def test_such_a_node_gets_no_new_bridge_either() -> None:
    node = {"metadata": {"name": "n"}, "spec": {"taints": [PRESSURE]}}
    found = pods.node_of(node, {}, ())
    assert found.leaving == PRESSED
    assert not found.schedulable


def pod(settings: dict[str, object]) -> dict[str, Any]:
    told = mapping.bridge_settings(region({"bridge": settings}), "meet.example")
    owner = mapping.region_owner(region())
    made: dict[str, Any] = bridge.build_bridge("eu-0", "meet", owner, told, "x")
    return made["spec"]


def test_bridges_get_the_priority_class_that_is_named_and_none_otherwise() -> None:
    assert pod({"priorityClassName": "media"})["priorityClassName"] == "media"
    assert "priorityClassName" not in pod({})
