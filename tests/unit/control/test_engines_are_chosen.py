"""Which videobridge a region runs, and the images and sizes that follow from it."""

from typing import Any

import pytest

from octofleet.api.bridges import Engine
from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import BridgeTemplate, effective_region
from octofleet.api.quantities import quantity
from octofleet.api.regions import OctoRegion

OURS = "registry.example.org/octofleet/bridge:7"


def template(above: dict[str, Any], own: dict[str, Any]) -> BridgeTemplate:
    cluster = JitsiCluster.model_validate(
        {
            "metadata": {"name": "meet"},
            "spec": {"domain": "meet.example", "version": "stable-9", "bridge": above},
        }
    )
    region = OctoRegion.model_validate(
        {
            "metadata": {"name": "eu"},
            "spec": {"clusterRef": {"name": "meet"}, "region": "eu", "bridge": own},
        }
    )
    return effective_region(cluster, region, OURS).bridge


@pytest.mark.parametrize(("above", "own"), [({"engine": "jvb"}, {}), ({}, {"engine": "jvb"})])
def test_the_stock_bridge_comes_from_the_clusters_version_with_our_sidecar(
    above: dict[str, Any], own: dict[str, Any]
) -> None:
    found = template(above, own)
    assert found.engine is Engine.JVB
    assert found.image == "ghcr.io/jitsi/jvb:stable-9"
    assert found.sidecar_image == OURS


def test_octobridge_needs_no_sidecar() -> None:
    found = template({}, {})
    assert (found.engine, found.image, found.sidecar_image) == (Engine.OCTOBRIDGE, OURS, None)


def test_an_image_goes_with_the_engine_it_was_named_for() -> None:
    mirrored = {"engine": "jvb", "image": "mirror.example.org/jvb:9"}
    assert template(mirrored, {}).image == "mirror.example.org/jvb:9"
    assert template(mirrored, {"engine": "octobridge"}).image == OURS
    assert template({"image": "mine"}, {"engine": "jvb"}).image == "ghcr.io/jitsi/jvb:stable-9"
    assert template({"image": "mine"}, {"engine": "octobridge"}).image == "mine"
    assert template(mirrored, {"engine": "jvb"}).image == "mirror.example.org/jvb:9"


def test_the_stock_bridge_gets_more_memory_unless_somebody_says_how_much() -> None:
    def limit(own: dict[str, Any]) -> float:
        limits = template({}, own).resources.limits
        assert limits is not None
        assert limits.memory is not None
        return quantity(limits.memory)

    assert limit({"engine": "jvb"}) > limit({})
    said = {"resources": {"limits": {"memory": "700Mi"}}}
    assert limit({"engine": "jvb", **said}) == quantity("700Mi")
