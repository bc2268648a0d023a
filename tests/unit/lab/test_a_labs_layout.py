"""Names and addresses of a lab follow from a few choices, and never collide."""

from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octolab import layout
from octolab.errors import UnmetError


def planned(nodes: int = 3, regions: tuple[str, ...] = ("eu",)) -> layout.Layout:
    return layout.plan("octo", "10.77.0.0/16", nodes, regions)


def test_a_default_lab_is_where_the_docs_say() -> None:
    lab = planned()
    assert [str(node.address) for node in lab.nodes] == ["10.77.0.11", "10.77.0.12", "10.77.0.13"]
    assert [node.name for node in lab.nodes] == ["octo-node1", "octo-node2", "octo-node3"]
    assert lab.bridge == "octo0"
    assert lab.server == "https://10.77.0.1:6443"
    assert lab.kubeconfig == Path("/var/lib/octofleet-lab/octo/kubeconfig")
    assert str(lab.dns_address) == "10.77.240.10"


def test_regions_take_turns_and_zones_change_with_each_round() -> None:
    lab = planned(nodes=5, regions=("eu", "us"))
    assert [(node.region, node.zone) for node in lab.nodes] == [
        ("eu", "eu-a"),
        ("us", "us-a"),
        ("eu", "eu-b"),
        ("us", "us-b"),
        ("eu", "eu-c"),
    ]


@given(st.integers(1, layout.MAX_NODES), st.integers(0, 255))
def test_no_two_things_share_an_address_or_a_name(nodes: int, second: int) -> None:
    lab = layout.plan("lab9chars", f"10.{second}.0.0/16", nodes, ("eu", "us", "asia"))
    networks = [lab.machine_network, *(node.pod_network for node in lab.nodes), lab.service_network]
    assert not any(
        first.overlaps(other) for i, first in enumerate(networks) for other in networks[i + 1 :]
    )
    assert all(network.subnet_of(lab.network) for network in networks)
    assert all(node.pod_network.subnet_of(lab.pod_network) for node in lab.nodes)
    assert not lab.pod_network.overlaps(lab.service_network)
    addresses = [lab.control_address, *(node.address for node in lab.nodes)]
    assert all(address in lab.machine_network for address in addresses)
    assert all(first < later for first, later in pairwise(addresses))
    names = [name for node in lab.nodes for name in (node.name, node.link)]
    assert len(set(names)) == len(names)
    assert all(len(node.link) <= 15 for node in lab.nodes)


def test_a_growing_lab_leaves_the_nodes_it_has_alone() -> None:
    assert planned(nodes=7).nodes[:3] == planned(nodes=3).nodes


@pytest.mark.parametrize("name", ["", "Octo", "9lab", "octo-lab", "tenletters", "a/b", "octo\n"])
def test_a_name_that_could_not_be_found_again_is_refused(name: str) -> None:
    with pytest.raises(UnmetError, match="lower-case letters"):
        layout.plan(name, "10.77.0.0/16", 3, ("eu",))


@pytest.mark.parametrize(
    "network", ["10.77.0.0/24", "8.8.0.0/16", "10.77.0.1/16", "x", "fd00::/16"]
)
def test_a_network_that_is_not_a_private_16_is_refused(network: str) -> None:
    with pytest.raises(UnmetError, match="network"):
        layout.plan("octo", network, 3, ("eu",))


@pytest.mark.parametrize("nodes", [0, -1, layout.MAX_NODES + 1])
def test_a_count_of_nodes_out_of_range_is_refused(nodes: int) -> None:
    with pytest.raises(UnmetError, match="nodes"):
        planned(nodes)


@pytest.mark.parametrize("regions", [(), ("",), ("EU",), ("eu", "-us"), ("eu_west",)])
def test_a_region_that_could_not_be_a_label_is_refused(regions: tuple[str, ...]) -> None:
    with pytest.raises(UnmetError, match="regions"):
        planned(regions=regions)


def test_every_address_is_of_version_four() -> None:
    lab = planned()
    assert isinstance(lab.control_address, IPv4Address)
    assert isinstance(lab.pod_network, IPv4Network)
