"""Regions of a cluster: what Jicofo is told of them, and where their bridges may run."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octofleet.api.clusters import JitsiCluster, SelectionStrategy
from octofleet.api.effective import EffectiveCluster, effective_cluster, effective_region
from octofleet.api.regions import OctoRegion
from octofleet.core.limits import limits_of
from octofleet.core.manifests import bridge, inputs, jicofo, mapping, naming
from octofleet.core.meshing import Mesh, Place, mesh_of
from octofleet.shell import pods

OWNER = naming.Owner("JitsiCluster", "meet", "uid")
EUROPE = [Place("eu-west", "europe"), Place("eu-central", "europe")]


def cluster(octo: Any = None, remote: Any = None, **jicofo_spec: Any) -> EffectiveCluster:
    controller = {"jicofo": jicofo_spec, "remoteRegions": remote or {}}
    spec = {"domain": "meet.example", "controller": controller, "octo": octo or {}}
    return effective_cluster(
        JitsiCluster.model_validate({"metadata": {"name": "meet"}, "spec": spec})
    )


def variables(mesh: Mesh) -> dict[str, Any]:
    domains, workload = inputs.Domains("meet.example"), inputs.Workload("image")
    settings = mapping.jicofo_settings(mesh)
    body: Any = jicofo.build_jicofo("meet", "meet", OWNER, domains, settings, workload)
    env = body["spec"]["template"]["spec"]["containers"][0]["env"]
    return {each["name"]: each.get("value") for each in env}


def bridge_pod(**placement: Any) -> Any:
    spec = {"clusterRef": {"name": "meet"}, "region": "eu-west", "placement": placement}
    region = effective_region(
        None, OctoRegion.model_validate({"metadata": {"name": "eu"}, "spec": spec})
    )
    settings = mapping.bridge_settings(region, "meet.example")
    return bridge.build_bridge("eu-0", "meet", OWNER, settings, "x"), region


def test_groups_are_told_as_the_stock_variable_wants_them() -> None:
    told = variables(mesh_of(cluster(), [*EUROPE, Place("us-east", "america")]))
    assert told["JICOFO_BRIDGE_REGION_GROUPS"] == '["eu-central","eu-west"]'


def test_without_groups_the_variable_is_left_out() -> None:
    told = variables(mesh_of(cluster(), [Place("eu-west"), Place("us-east")]))
    assert "JICOFO_BRIDGE_REGION_GROUPS" not in told
    assert "JICOFO_OCTO_REGION" not in told


@pytest.mark.parametrize(
    ("octo", "places", "relays"),
    [
        ({}, EUROPE[:1], False),
        ({}, EUROPE, True),
        ({"relays": "Disabled"}, EUROPE, False),
        ({"relays": "Enabled"}, EUROPE[:1], True),
        ({"largestMeeting": 80}, EUROPE[:1], False),
        ({"largestMeeting": 81}, EUROPE[:1], True),
        ({"largestMeeting": 30, "participantsPerBridge": 20}, EUROPE[:1], True),
        ({"largestMeeting": 81, "relays": "Disabled"}, EUROPE[:1], False),
    ],
)
def test_relays_are_for_clusters_that_need_them(
    octo: Any, places: list[Place], relays: bool
) -> None:
    mesh = mesh_of(cluster(octo), places)
    assert mesh.relays is relays
    assert ("ENABLE_OCTO" in variables(mesh)) is relays
    assert ("MAX_BRIDGE_PARTICIPANTS" in variables(mesh)) is relays


@pytest.mark.parametrize(
    ("octo", "regions", "relays"),
    [
        ({}, [], True),
        ({}, [{"region": "us-east"}], True),
        ({"relays": "Disabled"}, [{"region": "us-east"}], False),
    ],
)
def test_a_region_elsewhere_counts_before_it_has_come(
    octo: Any, regions: Any, relays: bool
) -> None:
    # Bridges that start without a relay id can't be linked with those that come later.
    remote = {"serviceType": "NodePort", "regions": regions}
    mesh = mesh_of(cluster(octo, remote), EUROPE[:1])
    assert mesh.relays is relays
    assert mesh.elsewhere
    assert mesh.strategy is SelectionStrategy.REGION_BASED
    assert mesh.regions == ("eu-west", *(each["region"] for each in regions))
    assert not mesh_of(cluster(octo), EUROPE[:1]).relays


def test_a_region_elsewhere_may_be_of_a_group_at_home() -> None:
    regions = [{"region": "uk", "regionGroup": "europe"}, {"region": "us-east"}]
    remote = {"serviceType": "NodePort", "regions": regions}
    told = variables(mesh_of(cluster(remote=remote), EUROPE))
    assert told["JICOFO_BRIDGE_REGION_GROUPS"] == '["eu-central","eu-west","uk"]'


def test_overload_begins_where_it_is_said_for_jicofo_and_for_the_operator() -> None:
    octo = {"stressThreshold": "1500m"}
    assert variables(mesh_of(cluster(octo), EUROPE))["BRIDGE_STRESS_THRESHOLD"] == "1.5"
    spec = {"clusterRef": {"name": "meet"}, "region": "eu-west"}
    above = {"metadata": {"name": "meet"}, "spec": {"domain": "meet.example", "octo": octo}}
    region = effective_region(
        JitsiCluster.model_validate(above),
        OctoRegion.model_validate({"metadata": {"name": "eu"}, "spec": spec}),
    )
    assert limits_of(region.autoscaling).stress_threshold == 1.5


def test_people_of_no_region_count_as_of_the_only_one_so_that_bridges_fill_up() -> None:
    mesh = mesh_of(cluster({"relays": "Enabled"}), EUROPE[:1])
    assert mesh.local_region == "eu-west"
    assert mesh.strategy is SelectionStrategy.REGION_BASED


def test_relay_ids_are_of_an_incarnation_and_pods_still_the_same() -> None:
    _, region = bridge_pod()
    with_relays = replace(region, bridge=replace(region.bridge, relays=True))
    settings = mapping.bridge_settings(with_relays, "meet.example")
    pods = [bridge.build_bridge("eu-0", "meet", OWNER, settings, word) for word in ("x", "y")]
    ids = [told(pod)["JVB_OCTO_RELAY_ID"] for pod in pods]
    assert ids == [told(pod)["JVB_MUC_NICKNAME"] for pod in pods] == ["eu-0-x", "eu-0-y"]
    plain = bridge.config_hash(mapping.bridge_settings(region, "meet.example"))
    assert bridge.config_hash(settings) != plain


def told(pod: Any) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize(
    ("places", "strategy"),
    [
        ([], SelectionStrategy.SINGLE),
        ([Place("eu-west")], SelectionStrategy.SINGLE),
        ([Place("eu-west"), Place("eu-west")], SelectionStrategy.SINGLE),
        (EUROPE, SelectionStrategy.REGION_BASED),
    ],
)
def test_strategy_fits_the_number_of_regions(
    places: list[Place], strategy: SelectionStrategy
) -> None:
    assert mesh_of(cluster(), places).strategy is strategy


def test_a_strategy_and_a_region_of_ones_own_that_are_said_hold() -> None:
    said = cluster(strategy="IntraRegionBridgeSelectionStrategy", region="eu-west")
    told = variables(mesh_of(said, EUROPE))
    assert told["OCTO_BRIDGE_SELECTION_STRATEGY"] == "IntraRegionBridgeSelectionStrategy"
    assert told["JICOFO_OCTO_REGION"] == "eu-west"


REGIONS = st.sampled_from(["a", "b", "c", "d"])
PLACES = st.lists(st.builds(Place, REGIONS, st.none() | st.sampled_from(["x", "y"])), max_size=8)


@given(PLACES, st.randoms())
def test_what_jicofo_is_told_doesnt_depend_on_the_order_of_regions(
    places: list[Place], random: Any
) -> None:
    # Else it would be restarted, which ends conferences, whenever a list comes back differently.
    shuffled = list(places)
    random.shuffle(shuffled)
    assert mesh_of(cluster(), shuffled) == mesh_of(cluster(), places)


@given(PLACES)
def test_no_region_is_in_two_groups(places: list[Place]) -> None:
    named = [region for group in mesh_of(cluster(), places).groups for region in group]
    assert len(named) == len(set(named))


def test_placement_keeps_bridges_to_nodes_of_a_region_and_zones() -> None:
    pod, _ = bridge_pod(region="eu-west-1", zones=["eu-west-1a", "eu-west-1b"])
    assert pod["spec"]["nodeSelector"] == {"topology.kubernetes.io/region": "eu-west-1"}
    wanted = pod["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert wanted == [
        {
            "matchExpressions": [
                {
                    "key": "topology.kubernetes.io/zone",
                    "operator": "In",
                    "values": ["eu-west-1a", "eu-west-1b"],
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("region", "zone", "matches"),
    [
        ("eu-west-1", "eu-west-1a", True),
        ("eu-west-1", "eu-west-1c", False),
        ("us-east-1", "eu-west-1a", False),
        (None, "eu-west-1a", False),
    ],
)
def test_nodes_elsewhere_dont_count_as_places_for_bridges(
    region: str | None, zone: str, matches: bool
) -> None:
    _, effective = bridge_pod(region="eu-west-1", zones=["eu-west-1a"])
    labels = {"topology.kubernetes.io/zone": zone}
    if region is not None:
        labels["topology.kubernetes.io/region"] = region
    node = pods.node_of(
        {"metadata": {"name": "n", "labels": labels}},
        effective.bridge.node_selector,
        effective.bridge.tolerations,
        effective.bridge.zones,
    )
    assert node.matches is matches
