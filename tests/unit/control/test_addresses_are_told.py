"""A bridge is told the addresses of the node it landed on, and what is odd about them is said."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import (
    NOW,
    decision,
    pending_bridge,
    ready_bridge,
    region,
    snapshot,
)

from octofleet.api.effective import EffectiveRegion
from octofleet.core import addresses, diagnosis, lifecycle, planning, reporting
from octofleet.core.actions import TellAddress
from octofleet.core.addresses import Origin, Told, Untold
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.findings import Findings
from octofleet.core.limits import limits_of
from octofleet.core.observation import Bridge, Node

STUN = ["stun.example.org:3478"]


def _node(name: str = "node-0", **fields: Any) -> Node:
    return Node(name, True, True, True, **fields)


def _region(**said: Any) -> EffectiveRegion:
    return region({"bridge": {"addresses": said}})


@pytest.mark.parametrize(
    ("said", "node", "told"),
    [
        (
            {},
            _node(external_addresses=("198.51.100.7",)),
            (Origin.NODE_EXTERNAL_IP, "198.51.100.7"),
        ),
        ({}, _node(announced="192.0.2.9#4000"), (Origin.ANNOTATION, "192.0.2.9#4000")),
        (
            {},
            _node(external_addresses=("198.51.100.7", "2001:db8::7"), announced="192.0.2.9"),
            (Origin.NODE_EXTERNAL_IP, "198.51.100.7,2001:db8::7"),
        ),
        ({"stunServers": STUN}, _node(), (Origin.STUN, "")),
        ({"stunServers": STUN}, _node(announced="192.0.2.9"), (Origin.ANNOTATION, "192.0.2.9")),
        ({}, _node(), (Origin.NODE_INTERNAL_IP, "")),
        (
            {"source": "Annotation"},
            _node(external_addresses=("198.51.100.7",), announced="2001:DB8::9#4000, 192.0.2.1"),
            (Origin.ANNOTATION, "2001:db8::9#4000,192.0.2.1"),
        ),
        ({"source": "Stun", "stunServers": STUN}, _node(announced="1.1.1.1"), (Origin.STUN, "")),
        ({"source": "Static", "static": ["192.0.2.1#5"]}, _node(), (Origin.STATIC, "192.0.2.1#5")),
    ],
)
def test_the_address_comes_from_the_first_place_that_has_one(
    said: dict[str, Any], node: Node, told: tuple[Origin, str]
) -> None:
    found = addresses.resolve(_region(**said).bridge.addresses, node)
    assert isinstance(found, Told)
    assert (found.origin, ",".join(found.advertise)) == told


@pytest.mark.parametrize(
    ("said", "node", "fix"),
    [
        ({"source": "NodeExternalIP"}, _node(announced="192.0.2.9"), "node-0 has no ExternalIP"),
        ({"source": "Annotation"}, _node(), "kubectl annotate node node-0"),
        ({}, _node(announced="bridge.example.org"), "must be a comma list of IP or IP#port"),
        ({}, _node(announced="192.0.2.9#70000"), "octofleet.io/public-address"),
        ({}, _node(announced=""), "must be a comma list"),
    ],
)
def test_a_node_without_the_wanted_address_tells_none(
    said: dict[str, Any], node: Node, fix: str
) -> None:
    found = addresses.resolve(_region(**said).bridge.addresses, node)
    assert isinstance(found, Untold)
    assert fix in found.message


@given(st.text(max_size=80))
def test_any_annotation_is_read_or_refused(text: str) -> None:
    found = addresses.parse(text)
    assert found is None or addresses.parse(",".join(found)) == found


@given(
    st.lists(
        st.tuples(st.ip_addresses(), st.none() | st.integers(1, 65535)), min_size=1, max_size=8
    )
)
def test_every_address_is_read(
    said: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int | None]],
) -> None:
    texts = [str(ip) if port is None else f"{ip}#{port}" for ip, port in said]
    assert addresses.parse(" , ".join(texts)) == tuple(texts)


def _plan(found: EffectiveRegion, bridge: Bridge, node: Node) -> planning.Plan:
    seen = replace(snapshot(bridge), nodes=(node,))
    return planning.plan(found, seen, decision(1), NOW)


WAITING = pending_bridge("eu-0", node="node-0", awaits_address=True)


@pytest.mark.parametrize("mode", ["Auto", "External", "Paused"])
def test_a_pod_that_waits_is_told_in_every_mode(mode: str) -> None:
    node = _node(external_addresses=("198.51.100.7",))
    planned = _plan(region(None, mode=mode), WAITING, node)
    assert TellAddress("eu-0", "NodeExternalIP", "198.51.100.7", stun=False) in planned.actions


def test_only_a_pod_that_waits_on_a_known_node_is_told() -> None:
    for bridge, node in (
        (replace(WAITING, awaits_address=False), _node()),
        (replace(WAITING, node=None), _node()),
        (replace(WAITING, deleting_since=NOW), _node()),
        (WAITING, _node("another")),
        (WAITING, _node(announced="nonsense")),
    ):
        planned = _plan(_region(), bridge, node)
        assert not [each for each in planned.actions if isinstance(each, TellAddress)]


def _verdict(found: EffectiveRegion, bridge: Bridge, node: Node) -> Verdict:
    seen = replace(snapshot(bridge), nodes=(node,))
    decided = decision(1)
    limits = limits_of(found.autoscaling)
    judged = lifecycle.judged(seen, NOW, limits)
    findings = Findings(
        found, seen, judged, decided, planning.plan(found, seen, decided, NOW), limits, NOW
    )
    verdicts = {each.type: each for each in diagnosis.diagnose(findings)}
    return verdicts[ConditionType.ADVERTISED]


def _told(origin: str, *advertised: str, **fields: Any) -> Bridge:
    told: dict[str, Any] = {"node": "node-0", "address_origin": origin, "advertised": advertised}
    return ready_bridge("eu-0", **{**told, **fields})


@pytest.mark.parametrize(
    ("said", "bridge", "node", "status", "reason"),
    [
        ({}, WAITING, _node(announced="x"), "False", "NoAddress"),
        (
            {},
            _told("NodeExternalIP", "8.8.8.8"),
            _node(external_addresses=("8.8.8.8",)),
            "True",
            "AddressesFit",
        ),
        ({}, _told("NodeInternalIP", node_address="10.0.0.4"), _node(), "False", "PrivateAddress"),
        (
            {"audience": "PrivateNetwork"},
            _told("NodeInternalIP", node_address="10.0.0.4"),
            _node(),
            "True",
            "AddressesFit",
        ),
        ({}, _told("NodeInternalIP", node_address="9.9.9.9"), _node(), "True", "AddressesFit"),
        (
            {"source": "Static", "static": ["127.0.0.1"]},
            _told("Static", "127.0.0.1"),
            _node(),
            "False",
            "WrongAddress",
        ),
        (
            {"source": "Static", "static": ["fd00::1#5", "2606:4700::1"]},
            _told("Static", "fd00::1#5", "2606:4700::1"),
            _node(),
            "True",
            "AddressesFit",
        ),
        (
            {},
            _told("NodeExternalIP", "8.8.8.8"),
            _node(external_addresses=("8.8.4.4",)),
            "False",
            "AddressChanged",
        ),
        (
            # Somebody did what PrivateAddress asks for: what is left is another bridge.
            {},
            _told("NodeInternalIP", node_address="10.0.0.4"),
            _node(external_addresses=("8.8.8.8",)),
            "False",
            "AddressChanged",
        ),
        ({"stunServers": STUN}, _told("Stun"), _node(), "Unknown", "AddressUnknown"),
    ],
)
def test_what_is_odd_about_an_address_is_said(
    said: dict[str, Any], bridge: Bridge, node: Node, status: str, reason: str
) -> None:
    verdict = _verdict(_region(**said), bridge, node)
    assert (verdict.status.value, verdict.reason.value) == (status, reason)


def test_the_status_of_a_bridge_shows_its_address_and_where_it_came_from() -> None:
    found = region()
    seen = replace(
        snapshot(_told("NodeExternalIP", "8.8.8.8", "2606:4700::1")),
        nodes=(_node(external_addresses=("8.8.8.8", "2606:4700::1")),),
    )
    decided = decision(1)
    planned = planning.plan(found, seen, decided, NOW)
    status = reporting.region_status(found, seen, decided, planned, None, "", NOW)
    (bridge,) = status.bridges
    assert (bridge.address, bridge.address_source) == ("8.8.8.8, 2606:4700::1", "NodeExternalIP")
