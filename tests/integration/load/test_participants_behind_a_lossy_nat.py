"""A NAT between participants and bridge: rewrites ports, loses datagrams, forgets its bindings."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import pytest

from octoload.crowd import CallRequest, Crowd

if TYPE_CHECKING:
    from tests.integration.load.conftest import Focus

LOCAL = "127.0.0.1"
Address = tuple[str, int]


class Outside(asyncio.DatagramProtocol):
    """The outer port of one inner address."""

    def __init__(self, nat: "Nat", inner: Address) -> None:
        self.nat = nat
        self.inner = inner
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # In 3.11 the loop's own class doesn't derive from the one it implements.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr[1] == self.nat.bridge_port and self.nat.passes() and self.nat.inside:
            self.nat.inside.sendto(data, self.inner)


class Nat(asyncio.DatagramProtocol):
    """Takes what comes to its port to the bridge, from one port for each sender."""

    def __init__(self, bridge_port: int, loss: float) -> None:
        self.bridge_port = bridge_port
        self.loss = loss
        self.inside: asyncio.DatagramTransport | None = None
        self.ports: dict[Address, Outside] = {}
        self._opening: set[Address] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(3)

    def passes(self) -> bool:
        return self._random.random() >= self.loss

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.inside = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        outside = self.ports.get(addr)
        if outside is not None and outside.transport is not None:
            if self.passes():
                outside.transport.sendto(data, (LOCAL, self.bridge_port))
        elif addr not in self._opening and self.inside and not self.inside.is_closing():
            self._opening.add(addr)
            task = asyncio.create_task(self._open(addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, inner: Address) -> None:
        loop = asyncio.get_running_loop()
        _, outside = await loop.create_datagram_endpoint(
            lambda: Outside(self, inner), local_addr=(LOCAL, 0)
        )
        self.ports[inner] = outside
        self._opening.discard(inner)

    async def close(self) -> None:
        assert self.inside is not None
        self.inside.abort()
        await asyncio.gather(*self._tasks)
        self.forget()
        await asyncio.sleep(0.05)

    def forget(self) -> None:
        """Drop all bindings: who sends next gets another outer port."""
        for outside in self.ports.values():
            if outside.transport is not None:
                outside.transport.abort()
        self.ports.clear()


@pytest.fixture
async def nat(focus: "Focus") -> AsyncIterator[Nat]:
    assert focus.bridge is not None
    loop = asyncio.get_running_loop()
    port = focus.bridge.port
    transport, made = await loop.create_datagram_endpoint(
        lambda: Nat(port, loss=0.05), local_addr=(LOCAL, 0)
    )
    focus.bridge.advertised_port = transport.get_extra_info("sockname")[1]
    yield made
    await made.close()


async def wait_for_packets(crowd: Crowd, number: int) -> None:
    deadline = time.monotonic() + 60
    while crowd.report().total.packets_received < number:
        assert time.monotonic() < deadline, crowd.statuses()
        await asyncio.sleep(0.1)


async def test_loss_is_survived_and_counted(focus: "Focus", crowd: Crowd, nat: Nat) -> None:
    crowd.apply(CallRequest(name="call", participants=3, video=False))
    await wait_for_packets(crowd, 1000)
    total = crowd.report().total
    assert (total.admitted, total.dropped) == (3, 0)
    # Each packet passes the lossy way twice.
    assert 0.06 < total.loss_fraction < 0.14
    assert total.max_gap_ms < 5_000
    assert len(nat.ports) == 3


async def test_lost_video_packets_are_sent_again(focus: "Focus", crowd: Crowd, nat: Nat) -> None:
    crowd.apply(CallRequest(name="call", participants=2))
    deadline = time.monotonic() + 60
    bridge = focus.bridge
    assert bridge is not None

    def repaired() -> bool:
        # As repairs of their own, on the SSRCs offered for them, both ways.
        theirs = bridge.engine.stats().counters["packets_recovered"]
        return theirs > 0 and crowd.engines[0].engine_counters()["sink_repaired"] > 0

    while not repaired():
        assert time.monotonic() < deadline, crowd.engines[0].engine_counters()
        await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_new_outer_ports_drop_nobody(focus: "Focus", crowd: Crowd, nat: Nat) -> None:
    nat.loss = 0.0
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await wait_for_packets(crowd, 100)
    nat.forget()
    before = crowd.report().total.packets_received
    await wait_for_packets(crowd, before + 500)
    total = crowd.report().total
    assert (total.dropped, total.restarted, total.moved) == (0, 0, 0)
    assert total.max_gap_ms > 500
