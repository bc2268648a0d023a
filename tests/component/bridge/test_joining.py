"""Many people joining at once, who nominates, and what is kept of those who haven't proved
themselves yet: a real bridge object, cheap real participants."""

import asyncio
import secrets
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tests.bench.soak_visitor import Visitor
from tests.integration.bridge.caller import Caller, eventually
from tests.unit.bridge import given

from jitsiwire.colibri2 import Endpoint, IceTransport
from octobridge.core.candidates import local_candidates
from octobridge.core.endpoint import IceState
from octobridge.core.minting import Mint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import Timing
from octobridge.shell import transports
from octobridge.shell.bridge import Bridge
from octobridge.shell.media import MediaEngine
from octoengine import stun
from octoload.media import MediaEngine as Participants

CROWD = 100


@pytest.fixture
async def bridge() -> AsyncGenerator[Bridge]:
    media = MediaEngine()
    media.open(("127.0.0.1",), 0)
    local = [s.address for s in media.sockets]
    made = Bridge(
        media,
        candidates=local_candidates(local, (), Mint(secrets.token_bytes)),
        policy=Policy(),
        timing=Timing(),
    )
    made.start()
    yield made
    await made.close()


@pytest.fixture
async def people() -> AsyncGenerator[Participants]:
    made = Participants("127.0.0.1")
    yield made
    made.close()


def offer(bridge: Bridge, wanted: Endpoint, meeting: str = given.MEETING) -> IceTransport:
    """Create an endpoint; return what it is offered."""
    known = bridge.registry.find(meeting)
    ask = given.create if known is None else given.modify
    reply = given.reply_of_bridge(bridge.handle(ask(wanted, meeting=meeting)))
    transport = reply.endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    return transport.ice


async def enter(bridge: Bridge, visitor: Visitor, meeting: str = given.MEETING) -> None:
    offered = offer(bridge, given.new_endpoint(visitor.name), meeting)
    bridge.handle(given.modify(visitor.answer(), meeting=meeting))
    await visitor.connect(offered)


async def test_a_hundred_who_join_at_once_cost_a_running_call_no_packet(
    bridge: Bridge, people: Participants
) -> None:
    speaker, listener = Caller("speaker", 1, 2), Caller("listener", 3, 4)
    crowd = [Visitor(people, f"e{number}", 100 + number) for number in range(CROWD)]
    try:
        for caller in (speaker, listener):
            offered = offer(bridge, given.new_endpoint(caller.name))
            bridge.handle(given.modify(caller.answer()))
            await caller.connect(given.offered(offered))
        listener.expect(speaker)
        speaker.send_media()
        await eventually(lambda: listener.packets(1) > 20, "a running call")
        before = listener.packets(1)
        await asyncio.gather(*(enter(bridge, visitor, "another") for visitor in crowd))
        await eventually(lambda: listener.packets(1) > before + 20, "the call going on")
        for ssrc in (speaker.audio, speaker.video):
            stats = listener.received(ssrc)
            assert stats is not None
            assert (stats.lost, stats.duplicates, stats.reordered) == (0, 0, 0)
        states = [e.ice for e in bridge.registry.conferences[1].endpoints]
        assert states.count(IceState.SECURED) == CROWD
        assert bridge.held["handshakes"] == 0
    finally:
        for caller in (speaker, listener):
            await caller.hang_up()
        await asyncio.gather(*(visitor.leave() for visitor in crowd))


async def test_handshakes_beyond_the_limit_wait_for_a_place(
    bridge: Bridge, people: Participants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "MAX_HANDSHAKES", 2)
    crowd = [Visitor(people, f"e{number}", 100 + number) for number in range(12)]
    await asyncio.gather(*(enter(bridge, visitor) for visitor in crowd))
    assert bridge.dropped["handshake_limit"] > 0
    await asyncio.gather(*(visitor.leave() for visitor in crowd))


async def test_someone_who_says_hello_and_vanishes_holds_no_place(
    bridge: Bridge, people: Participants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "MAX_HANDSHAKES", 1)
    vanishing, other = Visitor(people, "a", 1), Visitor(people, "b", 2)

    def be_deaf(_: bytes) -> None:
        pass

    monkeypatch.setattr(vanishing, "dtls_received", be_deaf)
    offered = offer(bridge, given.new_endpoint("a"))
    bridge.handle(given.modify(vanishing.answer()))
    connecting = asyncio.create_task(vanishing.connect(offered))
    await eventually(lambda: bridge.held["handshakes"] == 1, "a handshake")
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    await vanishing.vanish()
    bridge.handle(given.modify(Endpoint("a", expire=True)))
    await enter(bridge, other)
    await other.leave()


async def test_a_storm_of_someones_checks_is_cut_and_the_call_goes_on(bridge: Bridge) -> None:
    speaker, listener = Caller("speaker", 1, 2), Caller("listener", 3, 4)
    offers: list[IceTransport] = []
    try:
        for caller in (speaker, listener):
            offers.append(offer(bridge, given.new_endpoint(caller.name)))
            bridge.handle(given.modify(caller.answer()))
            await caller.connect(given.offered(offers[-1]))
        listener.expect(speaker)
        speaker.send_media()
        ours = offers[0]
        place = (ours.candidates[0].ip, ours.candidates[0].port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            for number in range(900):
                check = stun.binding_request(
                    number.to_bytes(12, "big"),
                    f"{ours.ufrag}:anyone",
                    ours.pwd or "",
                    {"PRIORITY": 1, "ICE-CONTROLLED": 1},
                )
                elsewhere.sendto(check, place)
        await eventually(lambda: bridge.dropped.get("ice_rate", 0) > 100, "the bound")
        before = listener.packets(1)
        await eventually(lambda: listener.packets(1) > before + 20, "the call going on")
    finally:
        for caller in (speaker, listener):
            await caller.hang_up()


async def test_nobody_takes_anothers_address_by_a_forged_check(bridge: Bridge) -> None:
    victim, listener = Caller("victim", 1, 2), Caller("listener", 3, 4)
    try:
        for caller in (victim, listener):
            offered = offer(bridge, given.new_endpoint(caller.name))
            bridge.handle(given.modify(caller.answer()))
            await caller.connect(given.offered(offered))
        listener.expect(victim)
        victim.send_media()
        evil = offer(bridge, given.new_endpoint("evil"))
        for number in range(5):
            # As it would look: its own password, the victim's address.
            victim.misbehave(
                stun.binding_request(
                    number.to_bytes(12, "big"),
                    f"{evil.ufrag}:evil",
                    evil.pwd or "",
                    {"PRIORITY": 2**31 - 1, "ICE-CONTROLLED": 1, "USE-CANDIDATE": None},
                )
            )
        await eventually(lambda: bridge.dropped.get("address_of_another", 0) > 0, "the refusal")
        before = listener.packets(1)
        await eventually(lambda: listener.packets(1) > before + 20, "the call going on")
    finally:
        for caller in (victim, listener):
            await caller.hang_up()


@pytest.mark.parametrize("controlling", [True, False])
async def test_the_peer_nominates_where_the_bridge_is_not_to(
    bridge: Bridge, people: Participants, controlling: bool
) -> None:
    # The visitor is controlled: the second time both are, and settle it.
    visitor = Visitor(people, "a", 1)
    wanted = given.new_endpoint("a")
    assert wanted.transport is not None
    wanted = replace(wanted, transport=replace(wanted.transport, ice_controlling=controlling))
    offered = offer(bridge, wanted)
    bridge.handle(given.modify(visitor.answer()))
    await visitor.connect(offered)
    known = bridge.registry.conferences[0].find("a")
    assert known is not None
    await eventually(lambda: known.ice is IceState.SECURED, "keys")
    assert known.ice_controlling is controlling
    await visitor.leave()
