"""After a rollback the operator goes on with resources that a newer one's CRDs filled in."""

from typing import Any

import pytest
from pydantic import ValidationError

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import effective_region
from octofleet.api.regions import OctoRegion

CLUSTER: dict[str, Any] = {
    "metadata": {"name": "meet", "namespace": "ns"},
    "spec": {
        "domain": "meet.example.org",
        "controller": {"jicofo": {"fromTomorrow": True}, "fromTomorrow": {"some": []}},
        "fromTomorrow": 1,
    },
}
REGION: dict[str, Any] = {
    "metadata": {"name": "eu", "namespace": "ns"},
    "spec": {
        "cluster": "meet",
        "region": "eu",
        "bridge": {"engine": "octobridge", "fromTomorrow": 1},
        "autoscaling": {"minBridges": 3, "maxBridges": 4, "drain": {"fromTomorrow": "1h"}},
    },
}


def test_what_it_knows_holds_whatever_stands_besides() -> None:
    region = effective_region(JitsiCluster.understood(CLUSTER), OctoRegion.understood(REGION))
    assert (region.autoscaling.min_bridges, region.autoscaling.max_bridges) == (3, 4)


def test_what_it_knows_and_cannot_be_is_still_refused() -> None:
    wrong = {**REGION["spec"], "autoscaling": {"minBridges": "three"}}
    with pytest.raises(ValidationError, match="minBridges"):
        OctoRegion.understood({**REGION, "spec": wrong})
