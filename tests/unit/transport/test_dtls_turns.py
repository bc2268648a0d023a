"""Handshakes take turns: a crowd of them leaves the event loop to others in between."""

import asyncio
import time
from typing import Any

from octoengine import dtls
from octoengine.dtls_turns import BUDGET_SECONDS, turns


async def rounds_meanwhile(work: asyncio.Future[Any]) -> int:
    """Count the rounds of the event loop until some work is done."""
    rounds = 0
    while not work.done():
        await asyncio.sleep(0)
        rounds += 1
    return rounds


async def test_each_round_of_the_loop_runs_no_more_than_its_budget() -> None:
    done = asyncio.get_running_loop().create_future()
    ran = 0

    def step() -> bool:
        nonlocal ran
        end = time.perf_counter() + BUDGET_SECONDS
        while time.perf_counter() < end:
            pass
        ran += 1
        if ran == 30:
            done.set_result(None)
        return False

    for _ in range(30):
        turns().ask(step)
    # Every step uses up a round's budget.
    assert await rounds_meanwhile(done) >= 29
    assert ran == 30


async def test_a_step_that_wants_another_turn_waits_for_the_others() -> None:
    order: list[str] = []
    done = asyncio.get_running_loop().create_future()

    def long() -> bool:
        order.append("long")
        if order.count("long") == 3:
            done.set_result(None)
        return order.count("long") < 3

    def short() -> bool:
        order.append("short")
        return False

    turns().ask(long)
    turns().ask(short)
    await done
    assert order == ["long", "short", "long", "long"]


async def test_a_hundred_handshakes_at_once_leave_rounds_to_others() -> None:
    own = dtls.fingerprint(dtls.process_certificate())
    loop = asyncio.get_running_loop()
    ends: list[dtls.Dtls] = []

    def to(number: int) -> dtls.Dtls:
        def send(data: bytes) -> None:
            loop.call_soon(ends[number ^ 1].receive, data)

        role: dtls.Role = "server" if number % 2 else "client"
        return dtls.Dtls(role, [own], send, lambda _: None)

    ends += [to(number) for number in range(200)]
    work = asyncio.gather(*(end.handshake() for end in ends))
    rounds = await rounds_meanwhile(work)
    assert len({keys.send for keys in await work}) == 200
    # Some 100 ms of OpenSSL: without turns it is done in a handful of rounds.
    assert rounds >= 15
    for end in ends:
        await end.close()


async def test_handshakes_end_while_other_work_fills_the_loop() -> None:
    """Repetitions must not pile up faster than a busy process can take them."""
    own = dtls.fingerprint(dtls.process_certificate())
    loop = asyncio.get_running_loop()
    ends: list[dtls.Dtls] = []
    datagrams = 0

    def to(number: int) -> dtls.Dtls:
        def send(data: bytes) -> None:
            nonlocal datagrams
            datagrams += 1
            loop.call_soon(ends[number ^ 1].receive, data)

        role: dtls.Role = "server" if number % 2 else "client"
        return dtls.Dtls(role, [own], send, lambda _: None)

    def be_busy() -> None:
        time.sleep(0.1)
        if not work.done():
            loop.call_soon(be_busy)

    ends += [to(number) for number in range(120)]
    work = asyncio.gather(*(end.handshake() for end in ends))
    be_busy()
    await work
    # Three datagrams an end, and few repetitions.
    assert datagrams < 120 * 6
    for end in ends:
        await end.close()
