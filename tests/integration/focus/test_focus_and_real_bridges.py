"""The focus with our own bridges and participants with real media, all over loopback."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.integration.bridge.running import RunningBridge, environment, spawn
from tests.integration.focus.conftest import Lab, settings, until
from tests.integration.prosody import Prosody, free_port

from octoload.crowd import CallRequest, Crowd
from octoload.focus.app import running
from octoload.focus.focus import Focus

pytestmark = pytest.mark.slow


@pytest.fixture
async def crowd(lab: Lab) -> AsyncGenerator[Crowd]:
    url = f"ws://127.0.0.1:{lab.focus.signal_port}/signal"
    async with Crowd(url, "127.0.0.1") as made:
        yield made


@asynccontextmanager
async def two_bridges(
    prosody: Prosody, focus: Callable[[], Focus]
) -> AsyncGenerator[tuple[RunningBridge, RunningBridge]]:
    async with AsyncExitStack() as stack:
        made: list[RunningBridge] = []
        for name in ("a", "b"):
            bridge = await spawn(environment(prosody, name))
            stack.push_async_callback(end, bridge)
            made.append(bridge)
        await until(lambda: len(focus().bridges) == 2, 60)
        yield made[0], made[1]


@pytest.fixture
async def bridges(lab: Lab) -> AsyncGenerator[tuple[RunningBridge, RunningBridge]]:
    async with two_bridges(lab.prosody, lambda: lab.focus.shell.focus) as made:
        yield made


async def end(bridge: RunningBridge) -> None:
    if bridge.process.returncode is None:
        bridge.process.kill()
    await bridge.process.wait()
    if bridge.reader is not None:
        await bridge.reader


def where(focus: Focus) -> set[str | None]:
    """The bridges that people are on."""
    return {
        one.bridge and one.bridge.partition("/")[2]
        for conference in focus.conferences.values()
        for one in conference.participants.values()
    }


def people(focus: Focus) -> set[str]:
    """The endpoint ids of everyone."""
    return {one for conference in focus.conferences.values() for one in conference.participants}


async def a_call(focus: Focus, crowd: Crowd) -> str:
    """Have a call of three with media; return its bridge's name."""
    crowd.apply(CallRequest(name="call", participants=3))
    await until(lambda: crowd.status("call").connected == 3, 60)
    await until(lambda: crowd.report().total.packets_received > 500, 60)
    (bridge,) = where(focus)
    assert bridge is not None
    return bridge


async def test_a_drained_bridge_is_emptied_by_a_move_and_nobody_is_dropped(
    lab: Lab, bridges: tuple[RunningBridge, RunningBridge], crowd: Crowd
) -> None:
    first = await a_call(lab.focus.shell.focus, crowd)
    old, new = bridges if first == "a" else (bridges[1], bridges[0])
    assert await old.post("/colibri/drain/enable") == 200
    view = f"{lab.focus.shell.focus.settings.room}/{old.nickname}"
    await until(lambda: lab.focus.shell.focus.bridges[view].drain)
    status, said = await lab.get(f"/move-endpoints/move-fraction?bridge={first}&fraction=1")
    assert (status, said) == (200, {"movedEndpoints": 3, "conferences": 1})
    await until(
        lambda: (
            where(lab.focus.shell.focus) == {new.nickname} and crowd.status("call").connected == 3
        ),
        60,
    )
    await holds(old, 0)
    await holds(new, 3)
    await until(lambda: crowd.report().total.moved == 3)
    assert crowd.report().total.dropped == 0


async def holds(bridge: RunningBridge, people: int) -> None:
    """Wait until a bridge says that so many are on it."""
    async with asyncio.timeout(60):
        while (await bridge.stats())["local_endpoints"] != people:  # noqa: ASYNC110 - by HTTP
            await asyncio.sleep(0.2)


async def test_everyone_of_a_call_hears_everyones_messages(
    lab: Lab, bridges: tuple[RunningBridge, RunningBridge], crowd: Crowd
) -> None:
    await a_call(lab.focus.shell.focus, crowd)
    await heard_by_all(crowd, "call", 3)
    assert len(bridges) == 2


async def heard_by_all(crowd: Crowd, call: str, people: int) -> None:
    """Have everyone write to all; each message comes once to each of the others."""
    await until(lambda: len(crowd.reachable(call)) == people, 30)
    found = crowd.post.round(crowd.write(call))
    assert found is not None
    await until(lambda: found.received == people * (people - 1), 30)
    assert (found.expected, found.repeated) == (people * (people - 1), 0)


async def test_people_of_a_killed_bridge_are_back_within_seconds(
    lab: Lab, bridges: tuple[RunningBridge, RunningBridge], crowd: Crowd
) -> None:
    first = await a_call(lab.focus.shell.focus, crowd)
    victim, other = bridges if first == "a" else (bridges[1], bridges[0])
    victim.signal(signal.SIGKILL)
    await until(
        lambda: (
            where(lab.focus.shell.focus) == {other.nickname} and crowd.status("call").connected == 3
        ),
        30,
    )
    assert lab.focus.shell.focus.counters.lost_bridges == 1


async def test_nobody_is_dropped_while_prosody_is_away(
    lab: Lab, bridges: tuple[RunningBridge, RunningBridge], crowd: Crowd
) -> None:
    await a_call(lab.focus.shell.focus, crowd)
    await asyncio.to_thread(lab.prosody.stop, signal.SIGKILL)
    await until(lambda: not lab.focus.shell.focus.bridges, 30)
    await asyncio.sleep(2)
    before = crowd.report().total.packets_received
    # Media goes on by itself.
    await until(lambda: crowd.report().total.packets_received > before)
    await asyncio.to_thread(lab.prosody.start)
    await until(
        lambda: len(where(lab.focus.shell.focus)) == 1 and None not in where(lab.focus.shell.focus),
        60,
    )
    await until(lambda: crowd.status("call").connected == 3, 30)
    await asyncio.sleep(3)
    assert crowd.report().total.dropped == 0
    assert len(bridges) == 2


async def test_a_restarted_focus_takes_its_calls_up_again(prosody: Prosody) -> None:
    port = free_port()
    configured = settings(prosody, OCTOFOCUS_SIGNAL_PORT=str(port))
    async with AsyncExitStack() as stack:
        async with running(configured) as first:
            old = first.shell.focus
            await stack.enter_async_context(two_bridges(prosody, lambda: old))
            crowd = await stack.enter_async_context(
                Crowd(f"ws://127.0.0.1:{port}/signal", "127.0.0.1")
            )
            await a_call(old, crowd)
            ids = people(old)
        async with running(configured) as second:
            new = second.shell.focus
            await until(lambda: people(new) == ids, 30)
            await until(lambda: len(where(new)) == 1 and None not in where(new), 30)
            await until(lambda: crowd.status("call").connected == 3, 30)
            # Everybody came: what they had before is given up.
            await until(lambda: len(crowd.engines[0]) == 3, 30)
            assert people(new) == ids
            assert crowd.report().total.dropped == 0
