"""What holds for a region: sizes, the cluster's defaults, the region's overrides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from octofleet.api.addresses import AddressSource
from octofleet.api.autoscaling import AtDeadline, MetricType, Mode
from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import (
    DEFAULT_BRIDGE_IMAGE,
    EffectiveRegion,
    effective_cluster,
    effective_region,
)
from octofleet.api.regions import OctoRegion

Spec = dict[str, Any]


def cluster(**spec: Any) -> JitsiCluster:
    return JitsiCluster.model_validate(
        {"metadata": {"name": "meet"}, "spec": {"domain": "meet.example", **spec}}
    )


def own(**spec: Any) -> OctoRegion:
    return OctoRegion.model_validate(
        {
            "metadata": {"name": "eu"},
            "spec": {"clusterRef": {"name": "meet"}, "region": "eu-west", **spec},
        }
    )


def effective(above: Spec | None = None, below: Spec | None = None) -> EffectiveRegion:
    return effective_region(cluster(**(above or {})), own(**(below or {})))


def bounds(above: Spec | None = None, below: Spec | None = None, **rest: Any) -> tuple[int, int]:
    found = effective(
        {**rest, "autoscaling": above or {}}, {"autoscaling": below or {}}
    ).autoscaling
    return found.min_bridges, found.max_bridges


@pytest.mark.parametrize(
    ("size", "least", "most"), [("small", 2, 5), ("medium", 5, 20), ("large", 10, 100)]
)
def test_size_gives_the_bounds_and_resources(size: str, least: int, most: int) -> None:
    assert bounds(size=size) == (least, most)
    assert effective({"size": size}).bridge.resources.limits is not None


def test_small_region_has_every_default() -> None:
    found = effective()
    assert found.bridge.image == DEFAULT_BRIDGE_IMAGE
    assert (found.bridge.port, found.bridge.addresses.source) == (10000, AddressSource.AUTO)
    scaling = found.autoscaling
    assert scaling.mode is Mode.AUTO
    assert [(each.type, each.value) for each in scaling.metrics] == [
        (MetricType.CPU, 70),
        (MetricType.PARTICIPANTS, 50),
    ]
    assert (scaling.scale_up.window, scaling.scale_down.window) == (0, 300)
    assert (scaling.drain.patience, scaling.drain.deadline) == (3600, 14400)
    assert found.replicas == 2


def test_nearest_word_wins_field_by_field() -> None:
    found = effective(
        {
            "bridge": {"port": 10001, "nodeSelector": {"a": "1", "b": "2"}},
            "autoscaling": {
                "maxBridges": 9,
                "behavior": {"scaleDown": {"stabilizationWindow": "60s", "tolerance": "0.2"}},
                "drain": {"atDeadline": "Wait"},
            },
        },
        {
            "bridge": {"nodeSelector": {"b": "3"}, "image": "registry.example/b:1"},
            "autoscaling": {
                "behavior": {"scaleDown": {"tolerance": 0}},
                "metrics": [{"type": "Stress", "target": {"averageValue": "600m"}}],
            },
        },
    )
    assert (found.bridge.port, found.bridge.image) == (10001, "registry.example/b:1")
    assert found.bridge.node_selector == {"a": "1", "b": "3"}
    scaling = found.autoscaling
    assert (scaling.min_bridges, scaling.max_bridges) == (2, 9)
    assert (scaling.scale_down.window, scaling.scale_down.tolerance) == (60, 0)
    assert [(each.type, each.value) for each in scaling.metrics] == [(MetricType.STRESS, 0.6)]
    assert scaling.drain.at_deadline is AtDeadline.WAIT


@pytest.mark.parametrize(
    ("above", "below", "wanted"),
    [
        ({}, {"minBridges": 7}, (7, 7)),
        ({}, {"maxBridges": 1}, (1, 1)),
        ({"minBridges": 7}, {}, (7, 7)),
        ({"maxBridges": 30}, {"minBridges": 7}, (7, 30)),
        ({"minBridges": 7}, {"maxBridges": 4}, (4, 4)),
        ({"minBridges": 7}, {"minBridges": 1, "maxBridges": 3}, (1, 3)),
    ],
)
def test_bound_that_is_said_nearer_moves_an_inherited_one(
    above: Spec, below: Spec, wanted: tuple[int, int]
) -> None:
    assert bounds(above, below) == wanted


bound = st.one_of(st.none(), st.integers(1, 200))


@given(bound, bound, bound, bound)
def test_bounds_are_never_crossed(
    a: int | None, b: int | None, c: int | None, d: int | None
) -> None:
    def layer(least: int | None, most: int | None) -> Spec:
        if least is not None and most is not None and least > most:
            least, most = most, least
        return {
            key: value
            for key, value in (("minBridges", least), ("maxBridges", most))
            if value is not None
        }

    below = layer(c, d)
    least, most = bounds(layer(a, b), below)
    assert 1 <= least <= most
    assert least == below.get("minBridges", least)
    assert most == below.get("maxBridges", most)


def test_patience_said_alone_may_outlast_an_inherited_deadline() -> None:
    drain = effective({}, {"autoscaling": {"drain": {"patience": "6h"}}}).autoscaling.drain
    assert (drain.patience, drain.deadline) == (6 * 3600, 6 * 3600)


def test_limit_said_alone_lowers_a_default_request_and_a_request_raises_a_default_limit() -> None:
    low = effective({}, {"bridge": {"resources": {"limits": {"cpu": "250m"}}}}).bridge.resources
    assert low.requests is not None
    assert low.requests.cpu == "250m"
    high = effective({"bridge": {"resources": {"requests": {"cpu": 3}}}}).bridge.resources
    assert high.limits is not None
    assert high.limits.cpu == 3
    assert high.limits.memory == "1Gi"


def test_another_source_of_addresses_voids_an_inherited_list() -> None:
    nat = {"bridge": {"addresses": {"source": "Static", "static": ["203.0.113.7#10001"]}}}
    assert effective(nat).bridge.addresses.static == ("203.0.113.7#10001",)
    plain = effective(nat, {"bridge": {"addresses": {"source": "NodeInternalIP"}}}).bridge
    assert (plain.addresses.source, plain.addresses.static) == (AddressSource.NODE_INTERNAL_IP, ())


def test_region_without_its_cluster_is_as_if_in_a_small_one() -> None:
    assert effective_region(None, own()) == effective()


def test_cluster_uses_the_stock_images_of_its_version_unless_told() -> None:
    found = effective_cluster(cluster(version="stable-1"))
    assert found.prosody_image == "ghcr.io/jitsi/prosody:stable-1"
    assert found.jicofo_image == "ghcr.io/jitsi/jicofo:stable-1"
    told = cluster(
        controller={
            "prosody": {"image": "p:1"},
            "jicofo": {"resources": {"requests": {"cpu": "2"}}},
        }
    )
    found = effective_cluster(told)
    assert found.prosody_image == "p:1"
    assert found.jicofo_resources.limits is not None
    assert found.jicofo_resources.limits.cpu == "2"


def test_models_refuse_unknown_fields_and_changes() -> None:
    with pytest.raises(ValidationError, match="colour"):
        own(bridge={"colour": "red"})
    with pytest.raises(ValidationError, match="frozen"):
        own().spec.replicas = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_metadata_may_hold_whatever_the_api_server_adds() -> None:
    region = OctoRegion.model_validate(
        {
            "metadata": {"name": "eu", "managedFields": [{"manager": "kubectl"}], "selfLink": "x"},
            "spec": {"clusterRef": {"name": "meet"}, "region": "eu"},
        }
    )
    assert region.metadata.name == "eu"
