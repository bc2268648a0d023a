"""The stock videobridge's pod: how it differs from octobridge's, and that nothing gets lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octofleet.core.manifests import bridge, inputs, jvb, naming

OWNER = naming.Owner("OctoRegion", "eu-west", "66666666-7777-8888-9999-000000000000")
OWN = inputs.BridgeSettings(
    cluster="meet",
    cluster_namespace="meet",
    region="eu-west",
    domains=inputs.Domains("meet.example.org"),
    workload=inputs.Workload(
        "ghcr.io/jitsi/jvb:stable-1", resources={"limits": {"cpu": "2", "memory": "2Gi"}}
    ),
    region_code="eu-west",
    drain_deadline_seconds=3600,
)
STOCK = replace(OWN, sidecar_image="octofleet/bridge:1")


def built(settings: inputs.BridgeSettings) -> dict[str, Any]:
    return bridge.build_bridge("eu-west-0", "meet", OWNER, settings, "7f3a1")


def container(pod: dict[str, Any], name: str) -> dict[str, Any]:
    every = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    return next(each for each in every if each["name"] == name)


def variables(one: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in one["env"]}


def test_its_rest_is_on_loopback_and_the_nodes_port_is_the_sidecars() -> None:
    pod = built(STOCK)
    told = pod["metadata"]["annotations"][naming.ANNOTATION_JVB_CONFIG]
    assert 'videobridge.http-servers.private.host = "127.0.0.1"' in told
    stock, sidecar = container(pod, "bridge"), container(pod, "rest")
    assert [each["name"] for each in stock["ports"]] == ["media"]
    assert [each["hostPort"] for each in sidecar["ports"]] == [naming.BRIDGE_REST_PORT]
    said = variables(sidecar)
    assert said["OCTOBRIDGE_REST_ADDRESS"]["fieldRef"]["fieldPath"] == "status.hostIP"
    assert said["OCTOBRIDGE_REST_TOKEN"]["secretKeyRef"]["key"] == naming.KEY_REST_TOKEN
    assert said["OCTOBRIDGE_SIDECAR_UPSTREAM"] == f"127.0.0.1:{naming.BRIDGE_REST_PORT}"
    assert naming.KEY_JVB_PASSWORD not in said


def test_it_gets_the_stock_variables_and_neither_the_token_nor_octobridges_own() -> None:
    own = variables(container(built(OWN), "bridge"))
    stock = variables(container(built(STOCK), "bridge"))
    assert not [name for name in stock if name.startswith("OCTOBRIDGE_")]
    kept = {name: value for name, value in own.items() if not name.startswith("OCTOBRIDGE_")}
    assert kept.items() <= stock.items()
    assert stock["VIDEOBRIDGE_MAX_MEMORY"] == "1536m"


def test_its_file_is_mounted_where_the_image_includes_it() -> None:
    pod = built(STOCK)
    mounts = {each["mountPath"]: each for each in container(pod, "bridge")["volumeMounts"]}
    mount = mounts["/config/custom-jvb.conf"]
    volume = next(each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])
    (item,) = volume["downwardAPI"]["items"]
    assert item["path"] == mount["subPath"]
    key = item["fieldRef"]["fieldPath"].split("'")[1]
    assert key in pod["metadata"]["annotations"]
    assert {"/run", "/tmp"} <= mounts.keys()


def test_the_sidecar_outlives_the_bridge_and_keeps_no_pod_from_ending() -> None:
    pod = built(STOCK)
    (sidecar,) = pod["spec"]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert [each["name"] for each in pod["spec"]["containers"]] == ["bridge"]


def test_it_waits_for_its_address_like_any_bridge_and_before_the_sidecar() -> None:
    spec = built(replace(STOCK, address_source=None))["spec"]
    assert [each["name"] for each in spec["initContainers"]] == [naming.ADDRESS_CONTAINER, "rest"]
    names = [each["name"] for each in spec["volumes"]]
    assert len(names) == len(set(names)) == 4


def test_only_a_process_that_answers_nothing_is_restarted() -> None:
    probe = container(built(STOCK), "bridge")["livenessProbe"]
    assert probe["httpGet"]["path"] == "/about/version"
    assert probe["httpGet"]["host"] == "127.0.0.1"
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


def test_the_region_is_told_without_relays_too() -> None:
    assert 'videobridge.relay.region = "eu-west"' in jvb.configuration(STOCK)
    assert "region" not in jvb.configuration(replace(STOCK, region_code=None))


def test_the_nodes_address_alone_is_a_matter_of_configuration() -> None:
    alone = replace(STOCK, bind_node_address=True)
    assert "allowed-addresses = [ ${OCTOFLEET_NODE_ADDRESS} ]" in jvb.configuration(alone)
    said = variables(container(built(alone), "bridge"))
    assert said["OCTOFLEET_NODE_ADDRESS"]["fieldRef"]["fieldPath"] == "status.hostIP"


def test_a_learned_stress_is_told_and_makes_no_pod_outdated() -> None:
    learned = replace(STOCK, participant_stress=0.0125)
    assert "average-participant-stress = 0.0125" in jvb.configuration(learned)
    assert bridge.config_hash(learned) == bridge.config_hash(STOCK)


@pytest.mark.parametrize(
    "changed",
    [
        replace(STOCK, sidecar_image=None),
        replace(STOCK, sidecar_image="octofleet/bridge:2"),
        replace(STOCK, drain_deadline_seconds=7200),
        replace(STOCK, shutdown_delay_seconds=6),
        replace(STOCK, bind_node_address=True),
    ],
)
def test_another_engine_sidecar_or_configuration_is_another_pod(
    changed: inputs.BridgeSettings,
) -> None:
    assert bridge.config_hash(changed) != bridge.config_hash(STOCK)


@given(st.integers(1, 64), st.sampled_from(["Gi", "G"]))
def test_the_heap_leaves_room_within_the_limit(size: int, unit: str) -> None:
    workload = inputs.Workload("jvb", resources={"limits": {"memory": f"{size}{unit}"}})
    heap = variables(container(built(replace(STOCK, workload=workload)), "bridge"))
    least = size * (1000**3 if unit == "G" else 1024**3)
    assert 0.7 * least < int(heap["VIDEOBRIDGE_MAX_MEMORY"][:-1]) * 2**20 <= 0.75 * least


def test_a_heap_that_somebody_names_stays() -> None:
    workload = replace(STOCK.workload, variables={"VIDEOBRIDGE_MAX_MEMORY": "3072m"})
    env = container(built(replace(STOCK, workload=workload)), "bridge")["env"]
    named = [each["value"] for each in env if each["name"] == "VIDEOBRIDGE_MAX_MEMORY"]
    assert named == ["3072m"]
