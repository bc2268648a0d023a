"""Whether a region would outlive one of its zones is told."""

from dataclasses import replace

import pytest
from tests.unit.control.worlds import NOW, decision, people_only, ready_bridge, snapshot

from octofleet.core import diagnosis, lifecycle, planning
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.findings import Findings
from octofleet.core.limits import limits_of
from octofleet.core.observation import Node

REGION = people_only()


def _verdict(zones: list[str | None], elsewhere: str | None = None) -> Verdict:
    bridges = tuple(ready_bridge(f"eu-{n}") for n in range(len(zones)))
    nodes = [Node(f"node-eu-{n}", True, True, True, zone=zone) for n, zone in enumerate(zones)]
    if elsewhere:
        nodes.append(Node("free", True, True, True, zone=elsewhere))
    seen = replace(snapshot(*bridges), nodes=tuple(nodes))
    decided = decision(len(zones))
    planned = planning.plan(REGION, seen, decided, NOW)
    limits = limits_of(REGION.autoscaling)
    judged = lifecycle.judged(seen, NOW, limits)
    found = Findings(REGION, seen, judged, decided, planned, limits, NOW)
    return next(each for each in diagnosis.diagnose(found) if each.type is ConditionType.SPREAD)


@pytest.mark.parametrize(
    ("zones", "status", "reason"),
    [
        (["a"], "Unknown", "TooFewToSpread"),
        ([None, None], "Unknown", "ZonesUnknown"),
        (["a", "a"], "False", "OneZone"),
        (["a", "b"], "True", "SeveralZones"),
        (["a", None], "False", "OneZone"),
    ],
)
def test_the_condition_says_how_bridges_are_spread(
    zones: list[str | None], status: str, reason: str
) -> None:
    verdict = _verdict(zones)
    assert (verdict.status.value, verdict.reason.value) == (status, reason)


def test_the_fix_depends_on_whether_there_is_another_zone() -> None:
    assert "add some" in _verdict(["a", "a"]).message
    assert "nodes in b match" in _verdict(["a", "a"], elsewhere="b").message
