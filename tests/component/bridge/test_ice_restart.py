"""A caller that moves to another address in the middle of a call, with a restart of ICE."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tests.integration.bridge.caller import TRANSPORT, Caller, eventually
from tests.unit.bridge import given

from jitsiwire.colibri2 import Candidate, Endpoint, IceTransport, Transport
from octobridge.core.candidates import local_candidates
from octobridge.core.endpoint import IceState
from octobridge.core.minting import Mint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import Timing
from octobridge.shell import ice_transport
from octobridge.shell.bridge import Bridge
from octobridge.shell.media import MediaEngine
from octoengine import Command
from octoengine.ice import Agent, Credentials, LocalCandidate, RemoteCandidate, Role


class Mover(Caller):
    """A caller that can answer a restart from a socket of its own."""

    def move(self, offered: IceTransport, address: str = "127.0.0.1") -> Endpoint:
        """Begin ICE anew from another socket; return what to tell the bridge."""
        assert offered.ufrag is not None
        assert offered.pwd is not None
        self._socket, self.port = self._engine.bind(address, 0)
        self._credentials = Credentials.generate()
        local = LocalCandidate(self._socket, address, self.port)
        self._agent = Agent(Role.CONTROLLED, self._credentials, (local,), self._loop.time())
        self._agent.set_remote_credentials(
            Credentials(offered.ufrag, offered.pwd), self._loop.time()
        )
        for c in offered.candidates:
            self._agent.add_remote_candidate(RemoteCandidate(c.ip, c.port, c.priority, c.type))
        ours = self._credentials
        self._engine.submit([Command.SetIce(TRANSPORT, ours.ufrag, ours.pwd)])
        self.selected.clear()
        return Endpoint(
            self.name,
            transport=Transport(ice=IceTransport(ours.ufrag, ours.pwd, offered.ice_generation)),
        )

    def go(self) -> None:
        """Send the first checks."""
        self._pump()


@pytest.fixture
async def bridge() -> AsyncGenerator[Bridge]:
    media = MediaEngine()
    media.open(("127.0.0.1",), 0)
    local = [s.address for s in media.sockets]
    made = Bridge(
        media,
        candidates=local_candidates(local, (), Mint(secrets.token_bytes)),
        policy=Policy(expire_interval=0.1),
        timing=Timing(),
    )
    made.start()
    yield made
    await made.close()


def transport_of(bridge: Bridge, request: Endpoint) -> IceTransport | None:
    """Send a request about one endpoint; return the transport it is answered with."""
    ask = given.modify if bridge.registry.conferences else given.create
    reply = given.reply_of_bridge(bridge.handle(ask(request)))
    transport = reply.endpoints[0].transport
    return transport and transport.ice


def restart(bridge: Bridge, name: str) -> IceTransport:
    offered = transport_of(bridge, Endpoint(name, transport=Transport(ice_restart=True)))
    assert offered is not None
    return offered


@pytest.fixture
async def call(bridge: Bridge) -> AsyncGenerator[tuple[Mover, Mover]]:
    """Two in a call, both sending."""
    callers = Mover("a", 1, 2), Mover("b", 3, 4)
    for caller in callers:
        offered = transport_of(bridge, given.new_endpoint(caller.name))
        bridge.handle(given.modify(caller.answer()))
        await caller.connect(Transport(ice=offered))
    callers[0].expect(callers[1])
    callers[1].expect(callers[0])
    for caller in callers:
        caller.send_media()
    await both_hear(callers)
    yield callers
    for caller in callers:
        await caller.hang_up()


async def both_hear(callers: tuple[Mover, Mover]) -> None:
    """Wait until each gets more of the other's voice."""
    a, b = callers
    before = a.packets(b.audio), b.packets(a.audio)
    await eventually(
        lambda: a.packets(b.audio) > before[0] + 20 and b.packets(a.audio) > before[1] + 20,
        "media both ways",
    )


async def test_media_goes_on_while_a_caller_moves(
    bridge: Bridge, call: tuple[Mover, Mover], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice_transport, "REPLACED_SECONDS", 0.3)
    a, b = call
    before, keys = a.port, a.keys
    offered = restart(bridge, "a")
    assert offered.ice_generation == 1
    assert bridge.held["agents"] == 3
    answer = a.move(offered)
    await both_hear(call)
    bridge.handle(given.modify(answer))
    a.go()
    await asyncio.wait_for(a.selected.wait(), 30)
    assert a.port != before
    await both_hear(call)
    known = bridge.registry.conferences[0].find("a")
    assert known is not None
    assert (known.ice, known.generation, known.restart) == (IceState.SECURED, 1, None)
    for receiver, sender in ((a, b), (b, a)):
        stats = receiver.received(sender.audio)
        assert stats is not None
        assert (stats.lost, stats.duplicates) == (0, 0)
    assert a.keys is keys
    await eventually(lambda: bridge.held["agents"] == 2, "the old agent gone")
    await both_hear(call)


async def test_a_caller_can_move_again_and_again(bridge: Bridge, call: tuple[Mover, Mover]) -> None:
    a, _ = call
    for generation in (1, 2, 3):
        offered = restart(bridge, "a")
        assert offered.ice_generation == generation
        bridge.handle(given.modify(a.move(offered)))
        a.go()
        await asyncio.wait_for(a.selected.wait(), 30)
        await both_hear(call)
    # At most one that was replaced is kept.
    assert bridge.held["agents"] <= 3


async def test_a_restart_nobody_follows_changes_nothing(
    bridge: Bridge, call: tuple[Mover, Mover], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice_transport, "RESTART_SECONDS", 0.3)
    restart(bridge, "a")
    await eventually(lambda: bridge.held["agents"] == 2, "the end of the restart")
    assert bridge.registry.counters.ice_restarts_failed == 1
    await both_hear(call)
    monkeypatch.setattr(ice_transport, "RESTART_SECONDS", 20.0)
    a, _ = call
    offered = restart(bridge, "a")
    assert offered.ice_generation == 2
    bridge.handle(given.modify(a.move(offered)))
    a.go()
    await both_hear(call)


async def test_a_restart_asked_for_twice_is_followed_by_its_last_answer(
    bridge: Bridge, call: tuple[Mover, Mover]
) -> None:
    a, _ = call
    restart(bridge, "a")
    offered = restart(bridge, "a")
    assert bridge.held["agents"] == 3
    bridge.handle(given.modify(a.move(offered)))
    a.go()
    await asyncio.wait_for(a.selected.wait(), 30)
    await both_hear(call)


async def test_leaving_in_the_middle_of_a_restart_leaves_nothing(
    bridge: Bridge, call: tuple[Mover, Mover]
) -> None:
    restart(bridge, "a")
    bridge.handle(given.modify(Endpoint("a", expire=True)))
    bridge.handle(given.modify(Endpoint("b", expire=True)))
    await eventually(lambda: set(bridge.held.values()) == {0}, "nothing kept")


async def test_candidates_of_another_generation_are_left_out(
    bridge: Bridge, call: tuple[Mover, Mover]
) -> None:
    a, _ = call
    offered = restart(bridge, "a")
    answer = a.move(offered)
    assert answer.transport is not None
    assert answer.transport.ice is not None
    mine = Candidate(1, "1", 0, "c", 0, "127.0.0.1", a.port, 1, "udp", "host")
    told = tuple(
        replace(mine, generation=generation, port=a.port + number)
        for number, generation in enumerate((1, 0, 2, 3))
    )
    ice = replace(answer.transport.ice, candidates=told)
    bridge.handle(given.modify(replace(answer, transport=Transport(ice=ice))))
    bridge.handle(given.modify(Endpoint("a", expire=True)))
    # A client that counts from 0 again is believed; older and newer ones aren't.
    assert bridge.dropped["ice_candidate_generation"] == 2
