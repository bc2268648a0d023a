"""An invalid resource is refused by `kubectl apply`, and the message names the field."""

from typing import Any

import pytest

from octodemo.kube import Cluster, CommandError
from octodemo.objects import jitsi_cluster, octo_region, quick

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("min above max", {"autoscaling": {**quick(), "minBridges": 9}}, "minBridges"),
    ("unknown field", {"regoin": "eu"}, "regoin"),
    ("bad quantity", {"bridge": {"resources": {"requests": {"cpu": "lots"}}}}, "cpu"),
    ("unknown engine", {"bridge": {"engine": "asterisk"}}, "engine"),
    ("bad duration", {"autoscaling": {"drain": {"patience": "soon"}}}, "patience"),
    ("no region", {"region": ""}, "region"),
]


@pytest.mark.parametrize(("spec", "field"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
async def test_a_wrong_region_is_refused_by_name_of_field(
    cluster: Cluster, spec: dict[str, Any], field: str
) -> None:
    region = octo_region("default", "wrong", quick())
    region["spec"] |= spec
    with pytest.raises(CommandError) as refused:
        await cluster.apply(region)
    assert field in refused.value.stderr


async def test_a_wrong_cluster_is_refused_by_name_of_field(cluster: Cluster) -> None:
    wrong = jitsi_cluster("default", "wrong")
    wrong["spec"]["size"] = "enormous"
    with pytest.raises(CommandError) as refused:
        await cluster.apply(wrong)
    assert "size" in refused.value.stderr
