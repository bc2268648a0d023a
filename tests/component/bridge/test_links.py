"""A real bridge object and real callers in one process: DTLS roles, failures, silence, goodbyes."""

import asyncio
import functools
import gc
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tests.integration.bridge.caller import Caller, eventually
from tests.unit.bridge import given

from jitsiwire.colibri2 import ConferenceModify, Endpoint, Sctp, Transport
from octobridge.core.candidates import local_candidates
from octobridge.core.endpoint import IceState
from octobridge.core.minting import Mint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import Timing
from octobridge.shell import link
from octobridge.shell.bridge import Bridge
from octobridge.shell.media import MediaEngine

ADDRESSES = ("127.0.0.1", "127.0.0.2", "::1")


@pytest.fixture
async def bridge() -> AsyncGenerator[Bridge]:
    media = MediaEngine()
    media.open(ADDRESSES, 0)
    made = Bridge(
        media,
        candidates=local_candidates(
            [s.address for s in media.sockets], (), Mint(secrets.token_bytes)
        ),
        policy=Policy(expire_interval=0.1),
        timing=Timing(),
    )
    made.start()
    yield made
    await made.close()


def join(bridge: Bridge, name: str, sctp: Sctp | None = None) -> Transport:
    """Let someone in; return what they are offered."""
    wanted = given.new_endpoint(name, sctp=sctp)
    request = given.modify(wanted) if bridge.registry.conferences else given.create(wanted)
    reply = bridge.handle(request)
    endpoints = getattr(reply, "endpoints", ())
    assert endpoints, reply
    offered = endpoints[0].transport
    assert offered is not None
    return offered


def state(bridge: Bridge, name: str) -> IceState | None:
    found = bridge.registry.conferences[0].find(name) if bridge.registry.conferences else None
    return found.ice if found else None


@pytest.mark.parametrize("setup", ["active", "passive", "actpass", None])
async def test_keys_agree_whoever_begins_the_handshake(bridge: Bridge, setup: str | None) -> None:
    callers = [Caller("a", 1, 2), Caller("b", 3, 4)]
    try:
        for caller in callers:
            offered = join(bridge, caller.name)
            bridge.handle(given.modify(caller.answer(setup=setup)))
            await caller.connect(offered)
        callers[0].expect(callers[1])
        callers[1].send_media()
        await eventually(lambda: callers[0].packets(3) > 10, "audio of the other")
        assert state(bridge, "a") is IceState.SECURED
    finally:
        for caller in callers:
            await caller.hang_up()


async def test_certificate_that_was_not_signalled_gets_no_media(bridge: Bridge) -> None:
    caller = Caller("a", 1, 2)
    try:
        offered = join(bridge, "a")
        bridge.handle(given.modify(caller.answer(digest=":".join(["AB"] * 32))))
        await caller.connect(offered)
        found = bridge.registry.conferences[0].find("a")
        assert found is not None
        await eventually(lambda: found.dtls_failed, "the refusal")
        assert found.ice is IceState.CONNECTED
        caller.send_media()
        await asyncio.sleep(0.3)
        assert bridge.media.source_stats()[0].packets == 0
        bridge.handle(ConferenceModify(given.MEETING, expire=True))
        assert bridge.stats().dtls_failed_endpoints == 1
    finally:
        await caller.hang_up()


def without_fingerprint(answer: Endpoint) -> Endpoint:
    """The same answer before the focus knows the client's certificate."""
    assert answer.transport is not None
    assert answer.transport.ice is not None
    ice = replace(answer.transport.ice, fingerprints=())
    return replace(answer, transport=replace(answer.transport, ice=ice))


async def test_fingerprint_that_comes_late_starts_the_handshake(bridge: Bridge) -> None:
    caller = Caller("a", 1, 2)
    try:
        offered = join(bridge, "a")
        bridge.handle(given.modify(without_fingerprint(caller.answer())))
        connecting = asyncio.create_task(caller.connect(offered))
        await asyncio.wait_for(caller.selected.wait(), 30)
        bridge.handle(given.modify(caller.answer()))
        await connecting
        await eventually(lambda: state(bridge, "a") is IceState.SECURED, "keys")
    finally:
        await caller.hang_up()


async def test_hello_that_comes_before_its_fingerprint_is_answered(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller("a", 1, 2)
    hellos: list[bytes] = []
    send = vars(Caller)["_send_dtls"]

    def say_hello_once(data: bytes) -> None:
        is_hello = data[0] == 22 and data[13] == 1
        if is_hello:
            hellos.append(data)
        if not is_hello or len(hellos) == 1:
            send(caller, data)

    monkeypatch.setattr(caller, "_send_dtls", say_hello_once)
    try:
        offered = join(bridge, "a")
        bridge.handle(given.modify(without_fingerprint(caller.answer())))
        connecting = asyncio.create_task(caller.connect(offered))
        await eventually(lambda: len(hellos) > 1, "a second hello, which is lost")
        bridge.handle(given.modify(caller.answer()))
        await connecting
        await eventually(lambda: state(bridge, "a") is IceState.SECURED, "keys")
        assert "dtls_early" not in bridge.dropped
    finally:
        await caller.hang_up()


async def test_client_may_be_slow_to_say_hello(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = functools.partial(link.Dtls, handshake_seconds=1.0)
    monkeypatch.setattr(link, "Dtls", impatient)
    caller = Caller("a", 1, 2)
    send, silent_until = vars(Caller)["_send_dtls"], asyncio.get_running_loop().time() + 2.5

    def be_slow(data: bytes) -> None:
        if asyncio.get_running_loop().time() >= silent_until:
            send(caller, data)

    monkeypatch.setattr(caller, "_send_dtls", be_slow)
    try:
        offered = join(bridge, "a")
        bridge.handle(given.modify(caller.answer()))
        await caller.connect(offered)
        await eventually(lambda: state(bridge, "a") is IceState.SECURED, "keys")
    finally:
        await caller.hang_up()


async def test_few_early_datagrams_are_kept_and_rubbish_among_them_harms_nobody(
    bridge: Bridge,
) -> None:
    caller = Caller("a", 1, 2)
    try:
        offered = join(bridge, "a")
        bridge.handle(given.modify(without_fingerprint(caller.answer())))
        connecting = asyncio.create_task(caller.connect(offered))
        await asyncio.wait_for(caller.selected.wait(), 30)
        for number in range(20):
            caller.misbehave(bytes([22, 254, 253, number]) * 20)
        await eventually(lambda: bridge.dropped.get("dtls_early", 0) >= 16, "the bound")
        bridge.handle(given.modify(caller.answer()))
        await connecting
        await eventually(lambda: state(bridge, "a") is IceState.SECURED, "keys")
    finally:
        await caller.hang_up()


async def test_channel_ends_with_its_dtls(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiortc.rtcsctptransport.SCTP_RTO_INITIAL", 0.3)
    faults: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context))
    before = len(asyncio.all_tasks())
    caller = Caller("a", 1, 2)
    offered = join(bridge, "a", Sctp())
    bridge.handle(given.modify(caller.answer()))
    await caller.connect(offered)
    await eventually(lambda: state(bridge, "a") is IceState.SECURED, "keys")
    await caller.hang_up()
    await asyncio.sleep(1.0)
    gc.collect()
    assert faults == []
    bridge.handle(given.modify(Endpoint("a", expire=True)))
    await eventually(lambda: bridge.held["closing"] == 0, "the end")
    await eventually(lambda: len(asyncio.all_tasks()) <= before, "no task left")


async def test_client_that_vanishes_is_given_up(bridge: Bridge) -> None:
    bridge.registry.policy = replace(bridge.registry.policy, inactivity_timeout=3.0)
    caller = Caller("a", 1, 2)
    offered = join(bridge, "a")
    bridge.handle(given.modify(caller.answer()))
    await caller.connect(offered)
    caller.send_media()
    await asyncio.sleep(4.0)
    assert state(bridge, "a") is IceState.SECURED
    await caller.hang_up()
    await eventually(lambda: bridge.registry.occupancy().local_endpoints == 0, "expiry", 60)


async def test_hundred_people_come_and_go_and_nothing_is_left(bridge: Bridge) -> None:
    for number in range(100):
        join(bridge, f"e{number}")
    assert len(bridge.media.transport_stats()) in (0, 100)
    await eventually(lambda: len(bridge.media.transport_stats()) == 100, "transports")
    bridge.handle(ConferenceModify(given.MEETING, expire=True))
    await eventually(lambda: bridge.media.transport_stats() == [], "nothing left")


async def test_fault_of_ours_is_one_failed_request(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("octobridge.core.colibri.Colibri.handle", broken)
        reply = bridge.handle(given.create())
        assert str(getattr(reply, "condition", "")) == "internal-server-error"
    join(bridge, "a")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_answers_leave_from_the_address_that_was_reached(
    bridge: Bridge, address: str
) -> None:
    near, far = Caller("near", 1, 2, address), Caller("far", 3, 4, ADDRESSES[0])
    try:
        for caller in (near, far):
            offered = join(bridge, caller.name)
            assert offered.ice is not None
            candidates = tuple(c for c in offered.ice.candidates if c.ip == caller.address)
            only = replace(offered, ice=replace(offered.ice, candidates=candidates))
            bridge.handle(given.modify(caller.answer(candidate=False)))
            await caller.connect(only)
            assert caller.path is not None
            assert caller.path.address == caller.address
        near.expect(far)
        far.expect(near)
        near.send_media()
        far.send_media()
        await eventually(lambda: near.packets(3) > 10 and far.packets(1) > 10, "media both ways")
    finally:
        await near.hang_up()
        await far.hang_up()


async def test_comers_and_goers_leave_nothing_behind(bridge: Bridge) -> None:
    await asyncio.sleep(0.1)
    before = len(asyncio.all_tasks())
    for number in range(8):
        caller = Caller(f"e{number}", 10 * number + 1, 10 * number + 2)
        offered = join(bridge, caller.name)
        bridge.handle(given.modify(caller.answer()))
        await caller.connect(offered)
        caller.send_media()
        if number % 2:
            bridge.handle(given.modify(Endpoint(caller.name, expire=True)))
            await caller.hang_up()
        else:
            await caller.hang_up()
            bridge.handle(given.modify(Endpoint(caller.name, expire=True)))
    await eventually(lambda: bridge.media.transport_stats() == [], "no transport left")
    await eventually(lambda: len(asyncio.all_tasks()) <= before, "no task left")
    assert bridge.registry.occupancy().is_empty
    assert set(bridge.held.values()) == {0}


async def test_bridge_that_was_frozen_gives_nobody_up_when_it_wakes(bridge: Bridge) -> None:
    join(bridge, "a")
    found = bridge.registry.conferences[0].find("a")
    assert found is not None
    clock = asyncio.get_running_loop().time
    found.heard(clock())
    bridge.poll()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bridge, "_now", lambda: clock() + 500)
        bridge.poll()
        assert bridge.registry.occupancy().local_endpoints == 1
        patched.setattr(bridge, "_now", lambda: clock() + 501)
        bridge.poll()
        assert bridge.registry.occupancy().local_endpoints == 0
