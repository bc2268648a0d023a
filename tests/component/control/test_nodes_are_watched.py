"""Regions hear of a node's going at once, and aren't woken by its heartbeats."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from tests.component.control.world import until

from octofleet.shell import kube
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.nodewatch import NodeWatch

NAME = "watched-node"


@contextlib.asynccontextmanager
async def watching(api: KubernetesCluster) -> AsyncGenerator[list[int]]:
    """A node of its own, and how often the watch rang since it was there."""
    rung: list[int] = []

    def changed(node: str) -> None:
        # Other tests' nodes come and go, too.
        if node == NAME:
            rung.append(1)

    watch = NodeWatch(api, changed)
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}
    task = asyncio.create_task(watch.run())
    try:
        await api.create(kube.NODES, "", body)
        await until(_rang(rung), 30)
        rung.clear()
        yield rung
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = await api.get(kube.NODES, NAME, None)
        if found is not None:
            await api.delete(kube.NODES, "", NAME, str(found["metadata"]["uid"]))  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType] - as the API has it


def _rang(rung: list[int]):
    async def rang() -> bool:
        return bool(rung)

    return rang


async def test_a_cordon_and_a_taint_ring_at_once(api: KubernetesCluster) -> None:
    async with watching(api) as rung:
        await api.merge(kube.NODES, "", NAME, {"spec": {"unschedulable": True}})
        await until(_rang(rung), 30)
        rung.clear()
        taint = {"key": "spot/termination", "effect": "NoSchedule"}
        await api.merge(kube.NODES, "", NAME, {"spec": {"taints": [taint]}})
        await until(_rang(rung), 30)


async def test_a_heartbeat_wakes_nobody_and_a_node_that_goes_does(
    api: KubernetesCluster,
) -> None:
    async with watching(api) as rung:
        condition = {
            "type": "Ready",
            "status": "True",
            "reason": "Test",
            "message": "",
            "lastHeartbeatTime": "2026-01-01T00:00:00Z",
        }
        path = kube.NODES.path(None, NAME, "status")
        for beat in range(3):
            condition["lastHeartbeatTime"] = f"2026-01-01T00:00:0{beat}Z"
            await api._call(  # pyright: ignore[reportPrivateUsage] - tests play the kubelet
                "patch",
                path,
                body={"status": {"conditions": [condition]}},
                content_type="application/merge-patch+json",
            )
        found = await api.get(kube.NODES, NAME, None)
        assert found is not None
        await api.delete(kube.NODES, "", NAME, str(found["metadata"]["uid"]))  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType] - as above
        await until(_rang(rung), 30)
        await until(_at_least(rung, 2), 30)
        # It became ready once, and went: its other heartbeats said nothing new.
        assert len(rung) == 2


def _at_least(rung: list[int], count: int):
    async def rang() -> bool:
        return len(rung) >= count

    return rang
