"""Two bridges whose line was dead for long: nobody begins anew for them, so they find back."""

import pytest
from tests.unit.transport.test_ice_agents_connect import (
    BRIDGE,
    CLIENT,
    Address,
    Network,
    agents,
    selection,
)

from octoengine import ice


@pytest.mark.parametrize("minutes", [1, 3])
@pytest.mark.parametrize("unseen", [(), (CLIENT,), (BRIDGE,), (BRIDGE, CLIENT)])
def test_two_bridges_find_one_another_again_however_long_the_path_was_dead(
    minutes: int, unseen: tuple[Address, ...]
) -> None:
    network = Network()
    one, other = agents(network)
    network.run(2)
    # From then on the engines answer checks from addresses they know, and the agents see none.
    passwords = {BRIDGE: one.local.pwd, CLIENT: other.local.pwd}
    network.answered = {address: passwords[address] for address in unseen}
    network.blocked = lambda _a, _b: True
    network.run(60 * minutes)
    for address in (BRIDGE, CLIENT):
        assert network.kinds(address)[-1] is ice.ConsentLost
    sent = network.sent
    network.run(60)
    assert network.sent - sent < 200, "asked now and then, not all the time"
    network.blocked = lambda _a, _b: False
    network.run(15)
    assert selection(one) == CLIENT
    assert selection(other) == BRIDGE
    for address in (BRIDGE, CLIENT):
        assert network.kinds(address)[-1] is ice.Selected
