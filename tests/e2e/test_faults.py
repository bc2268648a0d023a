"""What goes wrong is named, costs nobody a call, and heals by itself."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator

import pytest

from octodemo.crowd import Crowd
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, condition, until


async def test_a_region_without_its_cluster_says_so_and_heals_when_it_appears(
    fleet: Platform,
) -> None:
    lonely = Platform(fleet.cluster, fleet.namespace, "later")
    await fleet.cluster.apply(
        octo_region(fleet.namespace, "lonely", quick(mode="External"), cluster="later", replicas=1)
    )
    try:
        ready = await lonely.wait_condition("lonely", "Ready", "False")
        assert ready["reason"] == "ClusterNotFound"
        assert "later" in ready["message"]
        await fleet.cluster.apply(jitsi_cluster(fleet.namespace, "later"))
        await lonely.wait_ready("lonely", bridges=1)
    finally:
        for plural, name in (("octoregions", "lonely"), ("jitsiclusters", "later")):
            await fleet.cluster.delete(fleet.path(plural, name))
        await _bridges(fleet, "lonely", 0)


async def test_a_bridge_with_a_wrong_password_is_named_and_never_counts(
    fleet: Platform, region: str
) -> None:
    async with _wrong_password(fleet):
        await fleet.patch_region(region, {"autoscaling": quick(mode="External"), "replicas": 3})
        registered = await _wrong_credentials(fleet, region)
        assert "meet-credentials" in registered["message"]
        seen = await fleet.region(region)
        assert seen["status"]["readyReplicas"] == 2
        named = [
            pod
            for pod in await fleet.bridge_pods()
            if pod["metadata"]["name"] in registered["message"]
        ]
        assert named
        assert {pod["status"]["phase"] for pod in named} == {"Running"}
    for pod in named:  # they'd be made anew by themselves, but only after some minutes
        await fleet.cluster.delete(
            f"/api/v1/namespaces/{fleet.namespace}/pods/{pod['metadata']['name']}"
        )
    await fleet.wait_ready(region, bridges=3, seconds=150)


async def test_no_node_left_limits_the_fleet_without_thrash(fleet: Platform, region: str) -> None:
    nodes = await fleet.cluster.items("/api/v1/nodes")
    too_many = len(nodes) + 2
    await fleet.patch_region(
        region, {"autoscaling": quick(mode="External", most=20), "replicas": too_many}
    )
    limited = await fleet.wait_condition(region, "ScalingLimited", "True")
    assert "node" in limited["message"].lower()
    await _bridges(fleet, region, len(nodes), seconds=120)
    before = {pod["metadata"]["uid"] for pod in await fleet.bridge_pods()}
    await asyncio.sleep(10)
    assert {pod["metadata"]["uid"] for pod in await fleet.bridge_pods()} == before


@pytest.mark.parametrize("lost", ["jicofo", "prosody"])
async def test_without_jicofo_or_prosody_nothing_shrinks_and_all_recovers(
    fleet: Platform, crowd: Crowd, region: str, lost: str
) -> None:
    await crowd.call("steady", 9, bitrate_bps=100_000)
    await crowd.call("second", 9, bitrate_bps=100_000)
    await crowd.connected(18)
    await fleet.wait_ready(region, bridges=3)
    before = {pod["metadata"]["uid"] for pod in await fleet.bridge_pods()}
    try:
        async with _no_new_pods(fleet):
            pods = await fleet.cluster.items(
                f"/api/v1/namespaces/{fleet.namespace}/pods",
                labelSelector=f"app.kubernetes.io/component={lost}",
            )
            for pod in pods:
                path = f"/api/v1/namespaces/{fleet.namespace}/pods/{pod['metadata']['name']}"
                await fleet.cluster.delete(path, grace_seconds=0)
            stale = await fleet.wait_condition(region, "MetricsAvailable", "False", seconds=90)
            assert stale["message"]
            await asyncio.sleep(10)
            assert {pod["metadata"]["uid"] for pod in await fleet.bridge_pods()} == before
        await fleet.wait_condition(region, "MetricsAvailable", "True", seconds=120)
        await crowd.connected(18)
    finally:
        for name in ("steady", "second"):
            await crowd.call(name, 0)


async def test_without_metrics_server_cpu_never_shrinks_the_fleet(
    fleet: Platform, region: str
) -> None:
    by_hand = quick(None, cpu=70, mode="External")
    await fleet.patch_region(region, {"autoscaling": by_hand, "replicas": 3})
    await fleet.wait_ready(region, bridges=3)
    deployment = ("-n", "kube-system", "deployment/metrics-server")
    await fleet.cluster.kubectl("scale", *deployment, "--replicas=0")
    try:
        stale = await fleet.wait_condition(region, "MetricsAvailable", "False", seconds=180)
        assert "CPU" in stale["message"] or "metrics" in stale["message"]
        await fleet.patch_region(region, {"autoscaling": quick(None, cpu=70)})
        await asyncio.sleep(20)
        assert len(await fleet.bridge_pods()) == 3
    finally:
        await fleet.cluster.kubectl("scale", *deployment, "--replicas=1")
    await fleet.wait_ready(region, bridges=2, seconds=240)


async def _wrong_credentials(fleet: Platform, region: str) -> dict[str, str]:
    async def named() -> dict[str, str] | None:
        seen = condition(await fleet.region(region), "Registered")
        return seen if seen is not None and seen["reason"] == "WrongCredentials" else None

    return await fleet.wait(region, "the password is named", named, seconds=150)


async def _bridges(fleet: Platform, region: str, count: int, *, seconds: float = 120) -> None:
    async def there() -> bool | None:
        pods = await fleet.bridge_pods()
        own = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{region}-")]
        return True if len(own) == count else None

    await until(f"{count} bridges of {region}", there, seconds=seconds, every=1)


@contextlib.asynccontextmanager
async def _wrong_password(fleet: Platform) -> AsyncGenerator[None]:
    """Bridges made inside get a password that Prosody doesn't know."""
    path = f"/api/v1/namespaces/{fleet.namespace}/secrets/{fleet.name}-credentials"
    held = (await fleet.cluster.get(path))["data"]
    generation = base64.b64decode(held["generation"]).decode()
    key = "JVB_AUTH_PASSWORD" + ("" if generation == "1" else f".{generation}")
    wrong = base64.b64encode(b"not-the-password").decode()
    await fleet.cluster.patch(path, {"data": {key: wrong}})
    try:
        yield
    finally:
        await fleet.cluster.patch(path, {"data": {key: held[key]}})


@contextlib.asynccontextmanager
async def _no_new_pods(fleet: Platform) -> AsyncGenerator[None]:
    """Pods that die inside aren't replaced: a quota of none (running ones stay)."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": fleet.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    await fleet.cluster.apply(quota)
    try:
        yield
    finally:
        await fleet.cluster.delete(f"/api/v1/namespaces/{fleet.namespace}/resourcequotas/none")
