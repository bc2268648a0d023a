"""Two agents over a simulated network; the clock is moved by hand."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octoengine import ice, stun

Address = tuple[str, int]
Happened = list[tuple[float, ice.Event]]

BRIDGE: Address = ("192.0.2.10", 10000)
CLIENT: Address = ("192.0.2.77", 40000)
LIMITS = ice.IceLimits()
CLIENT_NAT = ("198.51.100.7", 61000)


@dataclass
class Network:
    """Carries what agents send; `route` rewrites (sender's address, datagram) or drops it."""

    agents: dict[Address, ice.Agent] = field(default_factory=dict[Address, ice.Agent])
    nat: dict[Address, Address] = field(default_factory=dict[Address, Address])
    """Inside address -> what the outside sees."""
    loss: float = 0.0
    delay: float = 0.02
    jitter: float = 0.0
    seed: int = 1
    now: float = 100.0
    blocked: Callable[[Address, Address], bool] = lambda _a, _b: False
    events: dict[Address, Happened] = field(default_factory=dict[Address, Happened])
    sent: int = 0
    answered: dict[Address, str] = field(default_factory=dict[Address, str])
    """Where an engine answers checks in place of the agent, with this password."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._queue: list[tuple[float, int, Address, Address, bytes]] = []

    def add(self, address: Address, agent: ice.Agent) -> ice.Agent:
        self.agents[address] = agent
        self.events[address] = []
        return agent

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        for _ in range(100_000):
            self._flush()
            times = [self._queue[0][0]] if self._queue else []
            times += [d for d in (a.deadline() for a in self.agents.values()) if d is not None]
            if min(times, default=end) >= end:
                self.now = end
                return
            self.now = max(self.now, min(times))
            self._step()
        raise AssertionError("the agents never rest")

    def _step(self) -> None:
        while self._queue and self._queue[0][0] <= self.now:
            _, _, source, target, data = heapq.heappop(self._queue)
            if target in self.answered and self._answer(source, target, data):
                continue
            if target in self.agents:
                self.agents[target].receive(data, 1, source, self.now)
        for agent in self.agents.values():
            deadline = agent.deadline()
            if deadline is not None and deadline <= self.now:
                agent.expire(self.now)

    def _answer(self, source: Address, target: Address, data: bytes) -> bool:
        message = stun.parse(data)
        if message is None or message.kind is not stun.Class.REQUEST:
            return False
        answer = stun.binding_response(message.transaction_id, source, self.answered[target])
        if not self.blocked(target, source):
            self.sent += 1
            at = self.now + self.delay
            heapq.heappush(self._queue, (at, self.sent, target, source, answer))
        return True

    def _flush(self) -> None:
        outside = {seen: inside for inside, seen in self.nat.items()}
        for address, agent in self.agents.items():
            self.events[address] += [(self.now, event) for event in agent.events()]
            for transmit in agent.transmits():
                self.sent += 1
                target = (transmit.address, transmit.port)
                seen = self.nat.get(address, address)
                if target in self.nat or self.blocked(address, target):
                    continue
                if self._random.random() >= self.loss:
                    at = self.now + self.delay + self._random.random() * self.jitter
                    inside = outside.get(target, target)
                    heapq.heappush(self._queue, (at, self.sent, seen, inside, transmit.data))

    def kinds(self, address: Address) -> list[type[ice.Event]]:
        return [type(event) for _, event in self.events[address]]

    def selected_at(self, address: Address) -> float:
        return next(at for at, event in self.events[address] if isinstance(event, ice.Selected))


def entropy(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def agents(
    network: Network,
    roles: tuple[ice.Role, ice.Role] = (ice.Role.CONTROLLING, ice.Role.CONTROLLED),
    *,
    client_address: Address = CLIENT,
    bridge_knows: bool = True,
    client_knows: bool = True,
    limits: ice.IceLimits = LIMITS,
) -> tuple[ice.Agent, ice.Agent]:
    """A bridge and a client; credentials known to both, candidates as told."""
    made: list[ice.Agent] = []
    for number, (role, address) in enumerate(zip(roles, (BRIDGE, client_address), strict=True)):
        source = entropy(network.seed * 10 + number)
        local = ice.LocalCandidate(1, *address)
        made.append(
            ice.Agent(
                role,
                ice.Credentials.generate(source),
                (local,),
                network.now,
                entropy=source,
                limits=limits,
            )
        )
    bridge, client = made
    bridge.set_remote_credentials(client.local, network.now)
    client.set_remote_credentials(bridge.local, network.now)
    if bridge_knows:
        bridge.add_remote_candidate(ice.RemoteCandidate(*client_address, priority=2**30))
    if client_knows:
        client.add_remote_candidate(ice.RemoteCandidate(*BRIDGE, priority=2**30))
    network.add(BRIDGE, bridge)
    network.add(client_address, client)
    return bridge, client


def selection(agent: ice.Agent) -> Address | None:
    return agent.selected and (agent.selected.key.address, agent.selected.key.port)


def test_they_select_each_other_in_a_few_round_trips() -> None:
    network = Network()
    bridge, client = agents(network)
    network.run(1)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE
    for address in (BRIDGE, CLIENT):
        assert network.kinds(address) == [ice.Validated, ice.Selected]
        assert network.selected_at(address) - 100 < 0.2
    assert network.sent < 16


def test_the_bridge_needs_no_candidates_of_the_client() -> None:
    network = Network()
    bridge, client = agents(network, bridge_knows=False)
    network.run(1)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE


def test_a_nat_in_between_gives_a_peer_reflexive_address() -> None:
    network = Network(nat={CLIENT: CLIENT_NAT})
    bridge, client = agents(network)
    network.run(3)
    assert selection(bridge) == CLIENT_NAT
    assert selection(client) == BRIDGE


def test_checks_before_the_answer_are_answered_and_remembered() -> None:
    network = Network()
    bridge, client = agents(network, bridge_knows=False)
    bridge._remote = None  # pyright: ignore[reportPrivateUsage]
    network.run(0.3)
    assert network.kinds(CLIENT) == [ice.Validated]
    assert network.kinds(BRIDGE) == [ice.Validated]
    assert bridge.selected is None
    bridge.set_remote_credentials(client.local, network.now)
    network.run(0.1)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), loss=st.floats(0, 0.25), jitter=st.floats(0, 0.3))
def test_loss_and_reordering_are_survived(seed: int, loss: float, jitter: float) -> None:
    network = Network(loss=loss, jitter=jitter, seed=seed)
    bridge, client = agents(network)
    network.run(28)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE
    assert network.sent < 150


@settings(max_examples=30, deadline=None)
@given(delay=st.floats(0.001, 0.9), seed=st.integers(0, 1000))
def test_a_long_round_trip_is_no_reason_to_start_over(delay: float, seed: int) -> None:
    network = Network(delay=delay, seed=seed)
    bridge, client = agents(network)
    network.run(10)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE
    assert network.sent < 70


@pytest.mark.parametrize("role", list(ice.Role))
@pytest.mark.parametrize("seed", range(6))
def test_two_agents_of_one_role_settle_it(role: ice.Role, seed: int) -> None:
    network = Network(seed=seed)
    bridge, client = agents(network, (role, role))
    network.run(5)
    assert {bridge.role, client.role} == set(ice.Role)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE


def test_consent_is_asked_every_five_seconds_and_kept() -> None:
    network = Network()
    bridge, _ = agents(network)
    network.run(1)
    before = network.sent
    network.run(120)
    # Each side asks about 24 times and is answered as often.
    assert 80 <= network.sent - before <= 125
    assert ice.ConsentLost not in network.kinds(BRIDGE)
    assert selection(bridge) == CLIENT


def test_thirty_silent_seconds_lose_consent_and_a_check_brings_it_back() -> None:
    network = Network()
    bridge, client = agents(network)
    network.run(1)
    network.blocked = lambda _a, _b: True
    network.run(29)
    assert ice.ConsentLost not in network.kinds(BRIDGE)
    network.run(8)
    assert network.kinds(BRIDGE)[-1] is ice.ConsentLost
    assert network.kinds(BRIDGE).count(ice.ConsentLost) == 1
    assert bridge.selected is None
    network.blocked = lambda _a, _b: False
    network.run(20)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE


def test_a_path_that_died_is_left_for_one_that_lives() -> None:
    network = Network()
    second = ("203.0.113.5", 40001)
    bridge, client = agents(network)
    network.run(1)
    network.blocked = lambda a, b: CLIENT in (a, b)
    # The client goes on from a new address, with the same credentials.
    network.add(second, client)
    del network.agents[CLIENT]
    client._checklist.recheck(None)  # pyright: ignore[reportPrivateUsage]
    network.run(5)
    assert selection(bridge) == second
    assert selection(client) == BRIDGE


def test_a_second_path_is_no_reason_to_leave_the_first_while_it_answers() -> None:
    network = Network()
    second = ("203.0.113.5", 40001)
    bridge, client = agents(network)
    network.run(5)
    check = stun.binding_request(
        bytes(12),
        f"{bridge.local.ufrag}:{client.local.ufrag}",
        bridge.local.pwd,
        {"PRIORITY": 2**31 - 1, "ICE-CONTROLLED": 1},
    )
    bridge.receive(check, 1, second, network.now)
    network.agents[second] = ice.Agent(
        ice.Role.CONTROLLED,
        client.local,
        (ice.LocalCandidate(1, *second),),
        network.now,
        remote=bridge.local,
    )
    network.events[second] = []
    network.run(20)
    assert ice.Validated(1, *second) in [event for _, event in network.events[BRIDGE]]
    assert selection(bridge) == CLIENT


def test_nothing_in_time_fails_once_and_a_way_that_opens_later_is_found() -> None:
    network = Network(blocked=lambda _a, _b: True)
    bridge, client = agents(network)
    network.run(300)
    assert network.kinds(BRIDGE) == [ice.Failed]
    assert network.kinds(CLIENT) == [ice.Failed]
    assert network.sent <= 2 * 300, "no more than a check a second from each"
    network.blocked = lambda _a, _b: False
    network.run(10)
    assert selection(bridge) == CLIENT
    assert selection(client) == BRIDGE


def test_unusable_candidates_are_ignored_and_counted() -> None:
    network = Network()
    bridge, _ = agents(network, bridge_knows=False)
    for candidate in (
        ice.RemoteCandidate("a1b2c3.local", 4000),
        ice.RemoteCandidate("192.0.2.1", 4000, generation=3),
        ice.RemoteCandidate("192.0.2.1", 4000, protocol="tcp"),
        ice.RemoteCandidate("192.0.2.1", 4000, component=2),
        ice.RemoteCandidate("127.0.0.1", 4000),
        ice.RemoteCandidate("224.0.0.1", 4000),
        ice.RemoteCandidate("0.0.0.0", 4000),
        ice.RemoteCandidate("255.255.255.255", 4000),
        ice.RemoteCandidate("2001:db8::1", 4000),
        ice.RemoteCandidate("192.0.2.1", 0),
        ice.RemoteCandidate("192.0.2.1", 70000),
        ice.RemoteCandidate("", 1),
        ice.RemoteCandidate("9" * 5000, 1),
    ):
        bridge.add_remote_candidate(candidate)
    bridge.expire(network.now + 1)
    assert bridge.transmits() == []
    assert sum(bridge.dropped.values()) == 13


def test_candidates_and_pairs_are_bounded() -> None:
    network = Network()
    bridge, client = agents(network, limits=ice.IceLimits(remote_candidates=5, pairs=8))
    for port in range(1000, 1100):
        bridge.add_remote_candidate(ice.RemoteCandidate("192.0.2.1", port))
    assert bridge.dropped["candidate_limit"] == 96
    for port in range(2000, 2100):
        check = stun.binding_request(
            port.to_bytes(12, "big"),
            f"{bridge.local.ufrag}:{client.local.ufrag}",
            bridge.local.pwd,
            {"PRIORITY": 1, "ICE-CONTROLLED": 1},
        )
        bridge.receive(check, 1, ("192.0.2.2", port), network.now)
    assert len(bridge._checklist.pairs) == 8  # pyright: ignore[reportPrivateUsage]
    assert bridge.dropped["pair_limit"] > 80
    assert len(bridge.transmits()) <= 108


@pytest.mark.parametrize("wrong", ["password", "ufrag", "none"])
def test_unsigned_or_foreign_requests_get_no_answer(wrong: str) -> None:
    network = Network()
    bridge, client = agents(network, bridge_knows=False)
    ufrag = "nobody" if wrong == "ufrag" else bridge.local.ufrag
    password = "x" * 22 if wrong == "password" else bridge.local.pwd
    data = stun.binding_request(bytes(12), f"{ufrag}:{client.local.ufrag}", password, {})
    if wrong == "none":
        raw = stun.stun.Message(
            stun.stun.Method.BINDING,
            stun.Class.REQUEST,
            bytes(12),
            {"USERNAME": f"{ufrag}:{client.local.ufrag}"},
        )
        data = bytes(raw)
    bridge.receive(data, 1, CLIENT, network.now)
    assert bridge.transmits() == []
    assert sum(bridge.dropped.values()) == 1


@pytest.mark.parametrize("wrong", ["password", "address", "socket", "transaction"])
def test_a_forged_response_validates_nothing(wrong: str) -> None:
    network = Network()
    bridge, client = agents(network)
    bridge.expire(network.now)
    request = stun.parse(bridge.transmits()[0].data)
    assert request is not None
    forged = stun.binding_response(
        bytes(12) if wrong == "transaction" else request.transaction_id,
        BRIDGE,
        "x" * 22 if wrong == "password" else client.local.pwd,
    )
    source = ("192.0.2.200", 9) if wrong == "address" else CLIENT
    bridge.receive(forged, 2 if wrong == "socket" else 1, source, network.now)
    assert bridge.events() == []
    assert sum(bridge.dropped.values()) == 1
