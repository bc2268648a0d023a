"""What the components are told: command lines, configuration files, manifests."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from octolab import addons, api, configs, flags, layout

LAB = layout.plan("octo", "10.77.0.0/16", 2, ("eu", "us"))
NODE = LAB.nodes[1]
PROGRAMS = Path("/programs")


def test_the_api_server_asks_for_certificates_and_rights() -> None:
    command = flags.api_server(LAB, PROGRAMS)
    assert "--authorization-mode=Node,RBAC" in command
    assert "--enable-admission-plugins=NodeRestriction" in command
    assert "--anonymous-auth=false" in command
    assert "--kubelet-preferred-address-types=InternalIP" in command
    assert "--service-cluster-ip-range=10.77.240.0/20" in command


def test_nothing_of_the_control_plane_listens_beyond_the_labs_own_network() -> None:
    lines = [
        *flags.etcd(LAB, PROGRAMS),
        *flags.api_server(LAB, PROGRAMS),
        *flags.controller_manager(LAB, PROGRAMS),
        *flags.scheduler(LAB, PROGRAMS),
    ]
    told = [line for line in lines if line.startswith(("--bind-address", "--listen-"))]
    assert len(told) == 5
    assert all("10.77.0.1" in line for line in told)


def test_the_store_lets_in_only_clients_with_a_certificate() -> None:
    command = flags.etcd(LAB, PROGRAMS)
    assert "--client-cert-auth" in command
    assert "--peer-client-cert-auth" in command


def test_a_kubelet_knows_its_own_address_and_cgroup() -> None:
    config = yaml.safe_load(configs.kubelet(LAB, NODE))
    assert config["address"] == "10.77.0.12"
    assert config["cgroupRoot"] == "/octo-node2"
    assert config["clusterDNS"] == ["10.77.240.10"]
    assert config["authentication"]["anonymous"]["enabled"] is False
    assert config["authorization"]["mode"] == "Webhook"
    assert config["failCgroupV1"] is False


def test_two_nodes_share_no_folder() -> None:
    configured = [yaml.safe_load(configs.kubelet(LAB, node)) for node in LAB.nodes]
    for key in ("podLogsDir", "volumePluginDir", "containerRuntimeEndpoint", "cgroupRoot"):
        assert configured[0][key] != configured[1][key]
    first, second = (configs.containerd(node, "overlayfs") for node in LAB.nodes)
    assert "octo-node2" not in first
    assert "octo-node1" not in second


def test_pods_of_a_node_get_addresses_of_its_network() -> None:
    config = json.loads(configs.cni(NODE))
    ranges = config["plugins"][0]["ipam"]["ranges"]
    assert ranges == [[{"subnet": str(NODE.pod_network)}]]


def test_a_node_object_agrees_with_its_kubelets_network() -> None:
    manifest = addons.node(NODE)
    assert manifest["spec"]["podCIDR"] == str(NODE.pod_network) == "10.77.2.0/24"
    assert manifest["metadata"]["labels"] == {
        "topology.kubernetes.io/region": "us",
        "topology.kubernetes.io/zone": "us-a",
    }


def test_a_kubeconfig_names_files_and_holds_no_key() -> None:
    text = configs.kubeconfig(LAB, "admin")
    config = yaml.safe_load(text)
    assert config["clusters"][0]["cluster"]["server"] == "https://10.77.0.1:6443"
    assert config["users"][0]["user"]["client-key"] == str(LAB.pki / "admin.key")
    assert "PRIVATE KEY" not in text
    assert "-data" not in text


def every_addon() -> list[addons.Manifest]:
    secrets = {"ca.crt": b"authority", "tls.crt": b"certificate", "tls.key": b"key"}
    return [*addons.coredns(LAB), *addons.metrics_server(secrets)]


@pytest.mark.parametrize("manifest", every_addon(), ids=api.path_of)
def test_every_addon_has_a_place_on_the_api_server(manifest: addons.Manifest) -> None:
    path = api.path_of(manifest)
    assert path.endswith(f"/{manifest['metadata']['name']}")
    assert ("/namespaces/kube-system/" in path) == ("namespace" in manifest["metadata"])


def test_dns_is_served_where_kubelets_say_it_is() -> None:
    services = [each for each in every_addon() if each["kind"] == "Service"]
    dns = next(each for each in services if each["metadata"]["name"] == "kube-dns")
    assert dns["spec"]["clusterIP"] == str(LAB.dns_address)


def test_every_service_selects_the_pods_of_a_deployment() -> None:
    manifests = every_addon()
    pods = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in manifests
        if each["kind"] == "Deployment"
    ]
    selectors = [each["spec"]["selector"] for each in manifests if each["kind"] == "Service"]
    assert selectors
    assert all(selector in pods for selector in selectors)


def test_what_the_cluster_runs_is_restricted_and_never_pulled() -> None:
    for each in every_addon():
        if each["kind"] != "Deployment":
            continue
        (container,) = each["spec"]["template"]["spec"]["containers"]
        security: dict[str, Any] = container["securityContext"]
        assert container["imagePullPolicy"] == "Never"
        assert security["runAsNonRoot"]
        assert security["readOnlyRootFilesystem"]
        assert security["capabilities"] == {"drop": ["ALL"]}
