"""The Lease on a real API server: one holder, no overlap, no long wait after a clean end."""

import asyncio
from typing import Any

import pytest

from octofleet.shell import documents, kube
from octofleet.shell import lease as leases
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.lease import DURATION_SECONDS, Lease


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def lease(api: KubernetesCluster, name: str, identity: str, clock: Clock) -> Lease:
    return Lease(api, "default", name, identity, clock)


async def holder(api: KubernetesCluster, name: str) -> Any:
    found = await api.get(kube.LEASES, name, "default")
    return documents.text(found, "spec", "holderIdentity")


async def tries(candidate: Lease) -> bool:
    return await candidate._try()  # pyright: ignore[reportPrivateUsage] - one step of acquire


async def test_second_operator_waits_while_the_first_renews(api: KubernetesCluster) -> None:
    clock = Clock()
    first, second = (lease(api, "one", who, clock) for who in ("a", "b"))
    await first.acquire()
    for _ in range(10):
        clock.now += DURATION_SECONDS / 3
        assert await tries(first)
        assert not await tries(second)
    assert await holder(api, "one") == "a"


async def test_lease_that_is_no_longer_renewed_is_taken_over_after_its_duration(
    api: KubernetesCluster,
) -> None:
    clock = Clock()
    first, second = (lease(api, "two", who, clock) for who in ("a", "b"))
    await first.acquire()
    assert not await tries(second)
    clock.now += DURATION_SECONDS - 1
    assert not await tries(second)
    clock.now += 2
    assert await tries(second)
    assert await holder(api, "two") == "b"
    assert not await tries(first)


async def test_holder_gives_up_before_another_may_take_over(
    api: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly the API server fails, no renewal is waited for beyond the deadline."""
    monkeypatch.setattr(leases, "RENEW_DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(leases, "RETRY_SECONDS", 0.9)
    clock = Clock()
    first = lease(api, "slow", "a", clock)
    await first.acquire()

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(api, "get", never)
    loop = asyncio.get_running_loop()
    began = loop.time()
    monkeypatch.setattr(first, "_clock", lambda: clock.now + loop.time() - began)
    await asyncio.wait_for(first.hold(), 30)
    assert loop.time() - began < 1.3, "0.9 of pause and one try are longer than the deadline"


async def test_renewal_counts_from_before_it_was_written(
    api: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may have written it long before we heard of it."""
    clock = Clock()
    first = lease(api, "late", "a", clock)
    await first.acquire()
    monkeypatch.setattr(leases, "RETRY_SECONDS", 0.01)
    write, written = api.replace, 0

    async def slow(*words: Any) -> documents.Document:
        nonlocal written
        done = await write(*words)
        written += 1
        clock.now += leases.RENEW_DEADLINE_SECONDS
        return done

    monkeypatch.setattr(api, "replace", slow)
    await asyncio.wait_for(first.hold(), 30)
    assert written == 1


async def test_released_lease_is_free_at_once(api: KubernetesCluster) -> None:
    clock = Clock()
    first, second = (lease(api, "three", who, clock) for who in ("a", "b"))
    await first.acquire()
    await first.release()
    assert await tries(second)


async def test_of_many_that_try_at_once_one_holds_it(api: KubernetesCluster) -> None:
    clock = Clock()
    candidates = [lease(api, "four", f"c{number}", clock) for number in range(8)]
    assert sum(await asyncio.gather(*(tries(each) for each in candidates))) == 1


async def test_holder_whose_lease_was_taken_stops(api: KubernetesCluster) -> None:
    clock = Clock()
    first, second = (lease(api, "five", who, clock) for who in ("a", "b"))
    await first.acquire()
    assert not await tries(second)
    clock.now += DURATION_SECONDS + 1
    assert await tries(second)
    holding = asyncio.create_task(first.hold())

    async def pass_time() -> None:
        while not holding.done():
            clock.now += 1
            await tries(second)
            await asyncio.sleep(0.05)

    await asyncio.wait_for(pass_time(), 30)
    assert await holder(api, "five") == "b"
