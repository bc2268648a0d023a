"""The whole operator, kopf and all, on a real API server: fleets grow, shrink and drop nobody."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Any

import kopf
import pytest
from tests.component.control import world as worlds
from tests.component.control.apiserver import ApiServer
from tests.component.control.world import World, until

from octofleet.core.manifests import naming
from octofleet.shell import documents, handlers, kube
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.serving import Health
from octofleet.shell.settings import Settings
from octofleet.shell.telemetry import Telemetry
from octofleet.shell.wiring import Operator

Object = dict[str, Any]


@pytest.fixture
async def api(
    apiserver: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[KubernetesCluster]:
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    found = await KubernetesCluster.connect(str(apiserver.kubeconfig))
    yield found
    await found.close()


@contextlib.asynccontextmanager
async def operator(world: World) -> AsyncGenerator[Operator]:
    """Run an operator for the world's namespace."""
    settings = Settings(namespaces=(world.namespace,), identity="test", period_seconds=0.5)
    health, telemetry = Health(0.5, time.time), Telemetry()
    found = Operator(settings, world.api, health, telemetry, endpoints=world)
    stop = asyncio.Event()
    watch = asyncio.create_task(found.watch.run(settings.namespaces))
    running = asyncio.create_task(
        kopf.operator(
            registry=handlers.registry(found.loops),
            standalone=True,
            namespaces=settings.namespaces,
            stop_flag=stop,
        )
    )
    try:
        yield found
    finally:
        stop.set()
        await running
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await found.close()


def cluster(namespace: str) -> Object:
    return {
        "apiVersion": naming.API_VERSION,
        "kind": "JitsiCluster",
        "metadata": {"name": "meet", "namespace": namespace},
        "spec": {"domain": "meet.example.org"},
    }


def region(namespace: str, **autoscaling: Any) -> Object:
    return {
        "apiVersion": naming.API_VERSION,
        "kind": "OctoRegion",
        "metadata": {"name": "eu", "namespace": namespace},
        "spec": {
            "clusterRef": {"name": "meet"},
            "region": "eu",
            "autoscaling": {
                "minBridges": 2,
                "maxBridges": 3,
                "metrics": [{"type": "Participants", "target": {"averageValue": "8"}}],
                "behavior": {"scaleDown": {"stabilizationWindow": "0s"}},
                **autoscaling,
            },
        },
    }


async def ready(world: World, name: str = "eu", number: int = 2) -> bool:
    status = await world.status(name)
    return status.get("readyReplicas") == number


async def test_region_gets_its_bridges_each_on_a_node(api: KubernetesCluster) -> None:
    async with worlds.running(api, "converge") as world, operator(world):
        await api.create(kube.CLUSTERS, "converge", cluster("converge"))
        await api.create(kube.REGIONS, "converge", region("converge"))
        await until(lambda: ready(world))
        pods = await world.pods()
        assert [documents.text(each, "metadata", "name") for each in pods] == ["eu-0", "eu-1"]
        assert len({documents.text(each, "spec", "nodeName") for each in pods}) == 2
