"""A bridge that hears of a client's relay first still takes the direct way, if there is one."""

import pytest
from tests.unit.transport.test_ice_agents_connect import (
    BRIDGE,
    CLIENT,
    Network,
    agents,
    entropy,
    selection,
)

from octoengine import ice

RELAY = ("198.51.100.200", 50000)


def with_relay(network: Network, *, is_told: bool = True) -> ice.Agent:
    """A bridge, a client that is slow, and its relay that isn't; return the bridge."""
    bridge, client = agents(network)
    relay = ice.Agent(
        ice.Role.CONTROLLED,
        client.local,
        (ice.LocalCandidate(1, *RELAY),),
        network.now,
        remote=bridge.local,
        entropy=entropy(99),
    )
    relay.add_remote_candidate(ice.RemoteCandidate(*BRIDGE, priority=2**30))
    network.add(RELAY, relay)
    if is_told:
        bridge.add_remote_candidate(ice.RemoteCandidate(*RELAY, priority=1, type="relay"))
    return bridge


def slow_until(network: Network, at: float) -> None:
    """Let no datagram of the client's own address through before that time."""
    network.blocked = lambda a, b: CLIENT in (a, b) and network.now < at


def test_a_direct_way_that_opens_in_time_is_taken() -> None:
    network = Network()
    bridge = with_relay(network)
    slow_until(network, network.now + 0.4)
    network.run(0.4)
    assert bridge.selected is None
    assert ice.Validated(1, *RELAY) in [event for _, event in network.events[BRIDGE]]
    network.run(2)
    assert selection(bridge) == CLIENT


def test_without_one_the_relay_is_taken_after_a_second() -> None:
    network = Network()
    bridge = with_relay(network)
    slow_until(network, float("inf"))
    network.run(3)
    assert selection(bridge) == RELAY
    assert 1.0 <= network.selected_at(BRIDGE) - 100 < 1.5


def test_an_address_nobody_called_a_relay_is_taken_at_once() -> None:
    network = Network()
    bridge = with_relay(network, is_told=False)
    slow_until(network, float("inf"))
    network.run(0.5)
    assert selection(bridge) == RELAY


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_loss_delays_it_and_no_more(loss: float) -> None:
    for seed in range(10):
        network = Network(loss=loss, seed=seed)
        bridge = with_relay(network)
        slow_until(network, float("inf"))
        network.run(20)
        assert selection(bridge) == RELAY


def test_a_relay_that_dies_after_it_was_taken_is_left() -> None:
    network = Network()
    bridge = with_relay(network)
    slow_until(network, network.now + 3)
    network.run(4)
    assert selection(bridge) == RELAY
    network.blocked = lambda a, b: RELAY in (a, b)
    network.run(40)
    assert selection(bridge) == CLIENT
