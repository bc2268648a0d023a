"""The operator's process: no Lease before it can work, no work half blind, no shared identity."""

import asyncio
from typing import Any, cast

import kopf
import pytest

from octofleet.shell import running
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.lease import Lease
from octofleet.shell.nodewatch import NodeWatch
from octofleet.shell.podwatch import PodWatch
from octofleet.shell.serving import Health
from octofleet.shell.settings import Settings, from_environment
from octofleet.shell.telemetry import Telemetry


class Bare:
    """An API server that doesn't know our kinds yet, and its Lease."""

    def __init__(self) -> None:
        self.knows_kinds = False
        self.holders: list[bool] = []

    async def list(self, *_: object) -> list[object]:
        if not self.knows_kinds:
            raise KubeError(404, "the server could not find the requested resource")
        return []

    async def acquire(self) -> None:
        self.holders.append(self.knows_kinds)


async def test_lease_is_not_taken_before_the_kinds_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody renews it meanwhile: it would expire, and two would lead."""
    monkeypatch.setattr(running, "CRD_RETRY_SECONDS", 0.01)
    server = Bare()
    ready = running._ready_to_lead(  # pyright: ignore[reportPrivateUsage] - before kopf begins
        cast(KubernetesCluster, server), Settings(), cast(Lease, server)
    )
    await asyncio.sleep(0.05)
    assert server.holders == []
    server.knows_kinds = True
    await asyncio.wait_for(ready, 5)
    assert server.holders == [True]


@pytest.mark.parametrize("dying", [PodWatch, NodeWatch])
async def test_operator_ends_when_a_watch_dies(
    monkeypatch: pytest.MonkeyPatch, dying: type[PodWatch | NodeWatch]
) -> None:
    """Only a bug kills it; a new process sees again, this one never would."""

    async def die(*_: object) -> None:
        raise RuntimeError("a bug")

    async def watch(*_: object) -> None:
        await asyncio.Event().wait()

    async def work(stop_flag: asyncio.Event, **_: Any) -> None:
        await stop_flag.wait()

    for each in (PodWatch, NodeWatch):
        monkeypatch.setattr(each, "run", die if each is dying else watch)
    monkeypatch.setattr(kopf, "operator", work)
    seen_by = (Health(5.0, lambda: 0.0), Telemetry())
    working = running._work(  # pyright: ignore[reportPrivateUsage] - without a Lease
        Settings(), cast(KubernetesCluster, Bare()), seen_by, asyncio.Event()
    )
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(working, 30)
    assert ended.group_contains(RuntimeError, match="a bug")


def test_two_operators_of_one_host_are_two() -> None:
    first, second = from_environment({}), from_environment({})
    assert first.identity != second.identity
    assert from_environment({"OCTOFLEET_IDENTITY": "pod-a"}).identity == "pod-a"
