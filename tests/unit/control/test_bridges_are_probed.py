"""Which bridge is probed when, what came of it, and what is said about it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.worlds import NOW, decision, ready_bridge, region, snapshot

from jitsiwire.colibri2 import (
    Candidate,
    ConferenceModified,
    Endpoint,
    IceTransport,
    Transport,
)
from octofleet.core import diagnosis, lifecycle, planning, probing
from octofleet.core.conditions import ConditionType, Verdict
from octofleet.core.findings import Findings
from octofleet.core.limits import limits_of
from octofleet.core.observation import Bridge, Node, Probe, Snapshot, Timestamp

REGION = region()
LIMITS = limits_of(REGION.autoscaling)
HOST, PUBLIC = "10.0.0.4#10000", "8.8.8.8#10000"


def _due(seen: Snapshot) -> str | None:
    found = probing.due(lifecycle.judged(seen, NOW, LIMITS), seen, NOW)
    return found.name if found else None


def _probed(age: float, answered: tuple[str, ...] = (HOST,), **fields: Any) -> Probe:
    return Probe(Timestamp(NOW - age), answered, **fields)


@pytest.mark.parametrize(
    ("bridge", "due"),
    [
        (ready_bridge("eu-0"), True),
        (ready_bridge("eu-0", ready_since=Timestamp(NOW - 5)), False),
        (ready_bridge("eu-0", draining=True), False),
        (ready_bridge("eu-0", registered=False), False),
        (ready_bridge("eu-0", probe=_probed(599)), False),
        (ready_bridge("eu-0", probe=_probed(600)), True),
        (ready_bridge("eu-0", probe=_probed(59, ())), False),
        (ready_bridge("eu-0", probe=_probed(61, ())), True),
        (ready_bridge("eu-0", probe=_probed(61, failure="no pod")), True),
    ],
)
def test_a_bridge_is_probed_soon_after_it_serves_and_seldom_again(
    bridge: Bridge, due: bool
) -> None:
    assert _due(snapshot(bridge)) == ("eu-0" if due else None)


def test_the_one_that_waits_longest_is_first() -> None:
    first, second = (
        ready_bridge("eu-0", probe=_probed(700)),
        ready_bridge("eu-1", probe=_probed(800)),
    )
    assert _due(snapshot(first, second)) == "eu-1"
    assert _due(snapshot(first, replace(second, probe=None))) == "eu-1"


def test_nobody_is_probed_from_its_own_node() -> None:
    alone = replace(snapshot(ready_bridge("eu-0")), nodes=(Node("node-eu-0", True, True, True),))
    assert _due(alone) is None
    assert _due(replace(alone, nodes=(*alone.nodes, Node("gone", False, True, True)))) is None
    assert _due(replace(alone, nodes=(*alone.nodes, Node("other", True, False, False)))) == "eu-0"


def _candidate(ip: str, port: int = 10000, protocol: str = "udp") -> Candidate:
    return Candidate(1, "1", 0, "c", 0, ip, port, 1, protocol, "host")


def test_every_udp_address_that_a_client_is_offered_is_asked() -> None:
    (endpoint,) = probing.allocation("m").endpoints
    candidates = (
        _candidate("10.0.0.4"),
        _candidate("2001:db8::4", 4000),
        _candidate("10.0.0.4"),
        _candidate("10.0.0.4", 443, "ssltcp"),
        _candidate("bridge.local"),
    )
    ice = IceTransport("ufrag", "pwd", candidates=candidates)
    reply = ConferenceModified((Endpoint(endpoint.id, transport=Transport(ice=ice)),))
    assert probing.offered(reply) == ice
    assert json.loads(probing.question(ice)) == {
        "ufrag": "ufrag",
        "pwd": "pwd",
        "targets": ["10.0.0.4#10000", "2001:db8::4#4000"],
    }
    assert probing.offered(ConferenceModified()) is None


@given(st.text(max_size=200) | st.from_type(object).map(repr))
def test_whatever_the_pod_says_becomes_a_result(text: str) -> None:
    found = probing.result(text, NOW)
    assert found.at == NOW


@given(st.text(max_size=200))
def test_whatever_is_noted_is_read_or_not(text: str) -> None:
    found = probing.read(text)
    assert found is None or probing.read(probing.written(found)) == found


@pytest.mark.parametrize(
    "probe",
    [
        Probe(NOW, (HOST,), (PUBLIC,)),
        Probe(NOW, ("2001:db8::1#4",)),
        Probe(NOW, failure="it didn't end in time"),
    ],
)
def test_what_is_noted_is_read_again(probe: Probe) -> None:
    assert probing.read(probing.written(probe)) == probe


def _verdict(*bridges: Bridge, nodes: int = 3, **bridge: Any) -> Verdict:
    found = region({"bridge": bridge})
    seen = snapshot(*bridges, free_nodes=nodes)
    decided = decision(len(bridges))
    planned = planning.plan(found, seen, decided, NOW)
    judged = lifecycle.judged(seen, NOW, LIMITS)
    findings = Findings(found, seen, judged, decided, planned, LIMITS, NOW)
    verdicts = {each.type: each for each in diagnosis.diagnose(findings)}
    return verdicts[ConditionType.REACHABLE]


@pytest.mark.parametrize(
    ("probe", "status", "reason"),
    [
        (None, "Unknown", "NotProbed"),
        (Probe(NOW, (HOST,)), "True", "UdpAnswers"),
        (Probe(NOW, (), (HOST,)), "False", "UdpBlocked"),
        (Probe(NOW, (HOST,), (PUBLIC,)), "False", "PublicAddressSilent"),
        (Probe(NOW, (HOST, PUBLIC), ("9.9.9.9#1",)), "True", "UdpAnswers"),
        (Probe(NOW, failure="no pod"), "Unknown", "ProbeFailed"),
    ],
)
def test_what_a_probe_found_is_a_condition(probe: Probe | None, status: str, reason: str) -> None:
    verdict = _verdict(ready_bridge("eu-0", probe=probe))
    assert (verdict.status.value, verdict.reason.value) == (status, reason)


def test_the_condition_says_what_to_open_and_where() -> None:
    deaf = ready_bridge("eu-0", node="n7", probe=Probe(NOW, (), (HOST,)))
    assert "open UDP 10000 to node n7" in _verdict(deaf).message


def test_a_public_address_matters_only_to_the_internet() -> None:
    bridge = ready_bridge("eu-0", probe=Probe(NOW, (HOST,), (PUBLIC,)))
    verdict = _verdict(bridge, addresses={"audience": "PrivateNetwork"})
    assert verdict.status.value == "True"


def test_whoever_wants_no_probe_gets_none() -> None:
    verdict = _verdict(ready_bridge("eu-0"), probe="Off")
    assert (verdict.status.value, verdict.reason.value) == ("Unknown", "ProbeOff")


def test_one_node_alone_cannot_be_probed() -> None:
    verdict = _verdict(ready_bridge("eu-0"), nodes=0)
    assert (verdict.status.value, verdict.reason.value) == ("Unknown", "ProbeFailed")
