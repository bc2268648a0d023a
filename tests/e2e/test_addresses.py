"""Bridges advertise what holds for the node they landed on, and the status says where it's from."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from octodemo.objects import octo_region, quick
from octodemo.platform import Platform, condition, until

ANNOTATION = "octofleet.io/public-address"
NAME = "addressed"
Object = dict[str, Any]


async def test_bridge_advertises_its_nodes_external_address(fleet: Platform) -> None:
    node = await _free_node(fleet)
    async with _with_external(fleet, node, "198.51.100.7"), _region_on(fleet, node, {}):

        async def told() -> bool | None:
            return await _is_told(fleet, "NodeExternalIP")

        bridge = await _bridge_once(fleet, told)
        assert (bridge["address"], bridge["addressSource"]) == ("198.51.100.7", "NodeExternalIP")
        await _says(fleet, "srflx 198.51.100.7#10000")


async def test_bridge_behind_nat_advertises_what_its_nodes_annotation_says(fleet: Platform) -> None:
    node = await _free_node(fleet)
    async with _region_on(fleet, node, {"source": "Annotation"}):
        verdict = await fleet.wait_condition(NAME, "Advertised", "False")
        assert verdict["reason"] == "NoAddress"
        assert f"kubectl annotate node {node}" in verdict["message"]
        await fleet.cluster.kubectl(
            "annotate", "node", node, f"{ANNOTATION}=198.51.100.8#40000,2001:db8::8"
        )

        async def told() -> bool | None:
            return await _is_told(fleet, "Annotation")

        bridge = await _bridge_once(fleet, told)
        assert bridge["address"] == "198.51.100.8#40000, 2001:db8::8"
        await _says(fleet, "srflx 198.51.100.8#40000")
        verdict = condition(await fleet.region(NAME), "Advertised")
        assert verdict is not None
        # Nobody's addresses, for books: people on the Internet don't reach them.
        assert (verdict["status"], verdict["reason"]) == ("False", "PrivateAddress")


async def test_udp_of_every_bridge_is_tried_from_another_node(fleet: Platform, region: str) -> None:
    await fleet.wait_condition(region, "Reachable", "True", seconds=150)
    for pod in await fleet.bridge_pods():
        found = json.loads(pod["metadata"]["annotations"]["octofleet.io/probe"])
        assert f"{pod['status']['hostIP']}#10000" in found["answered"]
    await until("no probing pod left", lambda: _is_clean(fleet), seconds=60, every=1)


async def _is_clean(fleet: Platform) -> bool | None:
    path = f"/api/v1/namespaces/{fleet.namespace}/pods"
    left = await fleet.cluster.items(path, labelSelector="app.kubernetes.io/component=probe")
    return True if not left else None


async def _free_node(fleet: Platform) -> str:
    """Return a node that carries no bridge."""
    taken = {pod["spec"].get("nodeName") for pod in await fleet.bridge_pods()}
    nodes = [node["metadata"]["name"] for node in await fleet.cluster.items("/api/v1/nodes")]
    return next(name for name in nodes if name not in taken)


@contextlib.asynccontextmanager
async def _region_on(fleet: Platform, node: str, addresses: Object) -> AsyncGenerator[None]:
    """Have a region of one bridge on a node."""
    region = octo_region(fleet.namespace, NAME, quick(mode="External"), replicas=1, cluster="meet")
    region["spec"]["bridge"] |= {
        "addresses": addresses,
        "nodeSelector": {"kubernetes.io/hostname": node},
    }
    await fleet.cluster.apply(region)
    try:
        yield
    finally:
        await fleet.cluster.kubectl("annotate", "node", node, f"{ANNOTATION}-")
        await fleet.cluster.delete(fleet.path("octoregions", NAME))
        await fleet.wait_region_gone(NAME)


async def _bridge_once(fleet: Platform, told: Callable[[], Awaitable[bool | None]]) -> Object:
    """Return the bridge in the region's status once it is told its address and runs."""
    await fleet.wait(NAME, "address told", told, seconds=60)
    seen = await fleet.wait_ready(NAME, bridges=1)
    (bridge,) = seen["status"]["bridges"]
    return bridge


async def _is_told(fleet: Platform, source: str) -> bool | None:
    pods = [each for each in await fleet.bridge_pods() if _is_ours(each)]
    notes = [each["metadata"]["annotations"] for each in pods]
    return True if any(n.get("octofleet.io/address-source") == source for n in notes) else None


def _is_ours(pod: Object) -> bool:
    return pod["metadata"]["labels"]["octofleet.io/region"] == NAME


async def _says(fleet: Platform, candidate: str) -> None:
    """Find a candidate in what the bridge says that it offers."""
    (pod,) = [each["metadata"]["name"] for each in await fleet.bridge_pods() if _is_ours(each)]
    logs = await fleet.cluster.kubectl("logs", "-n", fleet.namespace, pod, "-c", "bridge")
    (line,) = [line for line in logs.splitlines() if "Listening" in line]
    assert candidate in line


@contextlib.asynccontextmanager
async def _with_external(fleet: Platform, node: str, address: str) -> AsyncGenerator[None]:
    """Have a node keep an ExternalIP, as one whose cloud gives it one.

    The lab's kubelets set their nodes' addresses anew every ten seconds, and a bridge that comes
    just then is rightly told another one. So it comes right after the kubelet has done that.
    """
    await _set_external(fleet, node, address)

    async def is_set_anew() -> bool | None:
        return True if not await _has_external(fleet, node) else None

    await until("the kubelet to set its addresses", is_set_anew, seconds=60, every=0.2)
    await _set_external(fleet, node, address)
    keeper = asyncio.create_task(_keep_external(fleet, node, address))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep_external(fleet: Platform, node: str, address: str) -> None:
    while True:
        await _set_external(fleet, node, address)
        await asyncio.sleep(0.2)


async def _has_external(fleet: Platform, node: str) -> bool:
    return any(each["type"] == "ExternalIP" for each in await _addresses(fleet, node))


async def _addresses(fleet: Platform, node: str) -> list[Object]:
    return (await fleet.cluster.get(f"/api/v1/nodes/{node}"))["status"]["addresses"]


async def _set_external(fleet: Platform, node: str, address: str) -> None:
    known = await _addresses(fleet, node)
    if all(each["type"] != "ExternalIP" for each in known):
        addresses = [*known, {"type": "ExternalIP", "address": address}]
        path = f"/api/v1/nodes/{node}/status"
        await fleet.cluster.patch(path, {"status": {"addresses": addresses}})
