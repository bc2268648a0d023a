"""Transports with a UDP port of their own: offered, used, closed again."""

import secrets
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tests.integration.bridge.caller import Caller, eventually
from tests.unit.bridge import given

from jitsiwire.colibri2 import Candidate, ConferenceModify, Endpoint, IceTransport, Transport
from octobridge.core.candidates import Mapping, PortRange, local_candidates
from octobridge.core.minting import Mint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import Timing
from octobridge.shell.bridge import Bridge
from octobridge.shell.media import MediaEngine
from octobridge.shell.unique_ports import UniquePorts

ADDRESSES = ("127.0.0.1", "127.0.0.2")
MINT = Mint(secrets.token_bytes)


def free_range(size: int) -> PortRange:
    """Ports nobody has now, with luck; below those the system hands out."""
    first = 20_000 + secrets.randbelow(9_000)
    return PortRange(first, first + size - 1)


@pytest.fixture
def ports() -> PortRange:
    return PortRange()


@pytest.fixture
async def bridge(ports: PortRange) -> AsyncGenerator[Bridge]:
    media = MediaEngine()
    media.open(ADDRESSES, 0)
    local = [s.address for s in media.sockets]
    mappings = (Mapping("203.0.113.9"), Mapping("203.0.113.9", 7))
    made = Bridge(
        media,
        candidates=local_candidates(local, mappings, MINT),
        policy=Policy(),
        timing=Timing(),
        ports=UniquePorts(media, mappings, ports, MINT),
    )
    made.start()
    yield made
    await made.close()


def join(bridge: Bridge, name: str) -> IceTransport:
    """Let someone in who wants a port of its own."""
    wanted = given.new_endpoint(name)
    assert wanted.transport is not None
    wanted = replace(wanted, transport=replace(wanted.transport, use_unique_port=True))
    ask = given.modify if bridge.registry.conferences else given.create
    reply = given.reply_of_bridge(bridge.handle(ask(wanted)))
    transport = reply.endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    return transport.ice


def hosts(candidates: tuple[Candidate, ...]) -> list[tuple[str, int]]:
    return [(c.ip, c.port) for c in candidates if c.type == "host"]


def is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


async def test_media_flows_over_ports_of_their_own_until_they_are_closed(bridge: Bridge) -> None:
    shared = {s.address.port for s in bridge.media.sockets}
    callers = [Caller("a", 1, 2), Caller("b", 3, 4)]
    offers = [join(bridge, caller.name) for caller in callers]
    used = [place for offer in offers for place in hosts(offer.candidates)]
    try:
        assert len(set(used)) == 4
        assert not shared & {port for _, port in used}
        mapped = [c for c in offers[0].candidates if c.type == "srflx"]
        assert [(c.ip, c.port) for c in mapped] == [("203.0.113.9", used[0][1])]
        for caller, offer in zip(callers, offers, strict=True):
            bridge.handle(given.modify(caller.answer(candidate=False)))
            await caller.connect(Transport(ice=offer))
            assert caller.path is not None
            assert (caller.path.address, caller.path.port) in hosts(offer.candidates)
        callers[0].expect(callers[1])
        callers[1].send_media()
        await eventually(lambda: callers[0].packets(3) > 10, "audio of the other")
        assert bridge.held["unique_ports"] == 2
        bridge.handle(given.modify(Endpoint("a", expire=True)))
        bridge.handle(ConferenceModify(given.MEETING, expire=True))
        await eventually(lambda: bridge.held["unique_ports"] == 0, "the end")
        await eventually(lambda: all(is_free(*place) for place in used), "closed ports")
    finally:
        for caller in callers:
            await caller.hang_up()


@pytest.mark.parametrize("ports", [free_range(3)])
async def test_a_range_is_kept_to_and_reused(bridge: Bridge, ports: PortRange) -> None:
    wanted = range(ports.first, ports.last + 1)
    for number in range(7):
        offer = join(bridge, f"e{number}")
        assert {port for _, port in hosts(offer.candidates)} <= set(wanted)
        bridge.handle(given.modify(Endpoint(f"e{number}", expire=True)))
    assert bridge.held["unique_ports"] == 0


@pytest.mark.parametrize("ports", [free_range(2)])
async def test_who_finds_no_port_free_shares_the_bridges(bridge: Bridge, ports: PortRange) -> None:
    shared = hosts(bridge.registry.candidates)
    offers = [join(bridge, f"e{number}") for number in range(len(ports) + 1)]
    assert hosts(offers[-1].candidates) == shared
    assert all(hosts(offer.candidates) != shared for offer in offers[:-1])
    assert bridge.held["unique_ports"] == len(ports)


async def test_endpoint_refused_after_its_port_was_opened_gives_it_back(bridge: Bridge) -> None:
    join(bridge, "a")
    bridge.handle(ConferenceModify(given.MEETING, expire=True))
    await eventually(lambda: bridge.held["unique_ports"] == 0, "the end")
    await bridge.close()
    assert bridge.held["unique_ports"] == 0
