"""A world for the operator: a real API server, and small stand-ins for what runs on nodes.

The stand-ins are a kubelet that moves pods through their phases, and the REST of Jicofo and of
bridges. Everything else is real: schemas, server-side apply, preconditions, watches, deletion.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import kopf
from aiohttp import web

from octofleet.core.manifests import naming
from octofleet.shell import credentials, documents, handlers, kube
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.serving import Health
from octofleet.shell.settings import Settings
from octofleet.shell.telemetry import Telemetry
from octofleet.shell.wiring import Operator

Object = dict[str, Any]
NODES = ("node1", "node2", "node3")
TICK_SECONDS = 0.05


@dataclass(slots=True)
class FakeBridge:
    """What runs in a bridge pod."""

    nickname: str
    token: str
    """What its REST asks for, as long as it lives."""
    people: dict[str, int] = field(default_factory=dict[str, int])
    """Participants by conference."""
    drain: bool = False
    graceful: bool = False
    reachable: bool = True
    registered: bool = True
    calls: list[str] = field(default_factory=list[str])

    @property
    def participants(self) -> int:
        return sum(self.people.values())


@dataclass(slots=True)
class World:
    """Everything a test may turn."""

    api: KubernetesCluster
    namespace: str
    base: str = ""
    bridges: dict[str, FakeBridge] = field(default_factory=dict[str, FakeBridge])
    jicofo_up: bool = True
    forgetful: bool = False
    """Whether Jicofo has just restarted and knows of no conference."""
    admit: bool = True
    """Whether pods are run at all."""
    stuck: frozenset[str] = frozenset()
    """Pods that are given a node and whose containers are never made."""
    xmpp: tuple[str, int] = ("127.0.0.1", 9)
    """Where Prosody is; nothing listens there: the operator must do without the brewery."""
    dropped: list[str] = field(default_factory=list[str])
    """Bridges that were deleted or shut down with people on them."""

    def jicofo(self, cluster: ClusterName) -> str:
        return f"{self.base}/jicofo/{cluster.name}"

    def prosody(self, cluster: ClusterName) -> tuple[str, int]:
        return self.xmpp

    def bridge(self, address: str, name: str) -> str:
        return f"{self.base}/bridge/{name}"

    async def pods(self) -> list[documents.Document]:
        return await self.api.list(kube.PODS, self.namespace, naming.any_bridge_labels())

    async def status(self, name: str) -> documents.Document:
        found = await self.api.get(kube.REGIONS, name, self.namespace)
        return documents.mapping(found, "status")

    async def set_status(self, kind: kube.Kind, name: str, status: Object) -> None:
        await self.api._call(  # pyright: ignore[reportPrivateUsage] - tests play the kubelet
            "patch",
            kind.path(self.namespace if kind.namespaced else None, name, "status"),
            body={"status": status},
            content_type="application/merge-patch+json",
        )


@contextlib.asynccontextmanager
async def running(api: KubernetesCluster, namespace: str) -> AsyncGenerator[World]:
    """Run a world until the block ends, in a namespace of its own of about that name."""
    namespace = f"{namespace}-{secrets.token_hex(3)}"
    world = World(api, namespace)
    runner = web.AppRunner(_routes(world), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    world.base = f"http://{host}:{port}"
    await _make_nodes(world)
    await api.create(kube.Kind("v1", "namespaces", "Namespace", False), "", _named(namespace))
    kubelet = asyncio.create_task(_kubelet(world))
    try:
        yield world
    finally:
        broken = kubelet.exception() if kubelet.done() else None
        kubelet.cancel()
        await asyncio.gather(kubelet, return_exceptions=True)
        await runner.cleanup()
        if broken is not None:
            raise broken


@contextlib.asynccontextmanager
async def operator(world: World) -> AsyncGenerator[Operator]:
    """Run an operator for the world's namespace."""
    settings = Settings(namespaces=(world.namespace,), identity="test", period_seconds=0.5)
    health, telemetry = Health(0.5, time.time), Telemetry()
    found = Operator(settings, world.api, health, telemetry, endpoints=world)
    stop = asyncio.Event()
    watch = asyncio.create_task(found.watching(settings.namespaces))
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
        # With Auto, bridges wait a moment for further regions.
        "spec": {"domain": "meet.example.org", "octo": {"relays": "Disabled"}},
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


async def until(condition: Any, seconds: float = 120.0) -> Any:
    """Return the first true value of an async condition, or fail."""
    found: Any = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - the API is polled
                await asyncio.sleep(TICK_SECONDS)
    assert found, f"{getattr(condition, '__name__', condition)} did not come true"
    return found


def _named(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def hold(world: World, values: dict[str, str]) -> None:
    """Have a cluster's Secret hold something before there is a cluster."""
    meta = {"name": naming.secret_name("meet"), "namespace": world.namespace}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values}
    await world.api.create(kube.SECRETS, world.namespace, body)


async def _make_nodes(world: World) -> None:
    for name in NODES:
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        if await world.api.get(kube.NODES, name, None) is None:
            await world.api.create(kube.NODES, "", body)
        ready = {"type": "Ready", "status": "True", "reason": "Test", "message": ""}
        await world.set_status(kube.NODES, name, {"conditions": [ready]})
        # The server taints new nodes until a controller would have seen them ready.
        await world.api.merge(kube.NODES, "", name, {"spec": {"taints": None}})


async def _kubelet(world: World) -> None:
    while True:
        try:
            for pod in await world.pods():
                await _run(world, pod)
            for each in await world.api.list(kube.DEPLOYMENTS, world.namespace):
                await _deploy(world, each)
        except KubeError as error:
            # A server that is slow to answer is asked again, as kubelets do.
            if error.status not in (0, 404, 409):
                raise
        await asyncio.sleep(TICK_SECONDS)


async def _deploy(world: World, deployment: documents.Document) -> None:
    """Say that a Deployment's current version serves, as its controller would."""
    generation = int(documents.number(deployment, "metadata", "generation") or 0)
    if documents.number(deployment, "status", "observedGeneration") == generation:
        return
    name = documents.text(deployment, "metadata", "name") or ""
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    status = {**counts, "observedGeneration": generation}
    await world.set_status(kube.DEPLOYMENTS, name, status)


async def _run(world: World, pod: documents.Document) -> None:
    name = documents.text(pod, "metadata", "name") or ""
    phase = documents.text(pod, "status", "phase")
    if documents.text(pod, "metadata", "deletionTimestamp"):
        await _end(world, pod, name)
    elif phase == "Pending" and world.admit:
        await _start(world, pod, name)
    elif phase == "Running":
        bridge = world.bridges[name]
        if bridge.graceful and not bridge.participants:
            await world.set_status(kube.PODS, name, {"phase": "Succeeded"})


async def _start(world: World, pod: documents.Document, name: str) -> None:
    if documents.text(pod, "spec", "nodeName") is None:
        await _bind(world, name)
        return
    if name in world.stuck:
        return
    notes = documents.texts(pod, "metadata", "annotations")
    waits = documents.items(pod, "spec", "initContainers")
    if waits and not notes.get(naming.ANNOTATION_ADDRESS_SOURCE):
        return
    token = await _token(world, pod)
    if token is None:
        return
    world.bridges[name] = FakeBridge(notes[naming.ANNOTATION_NICKNAME], token)
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    address = {"phase": "Running", "hostIP": "127.0.0.1", "conditions": [ready]}
    await world.set_status(kube.PODS, name, address)


async def _token(world: World, pod: documents.Document) -> str | None:
    """Return what a container is given as its REST's token; without it, it isn't started."""
    (container,) = documents.items(pod, "spec", "containers")
    told = {each["name"]: each for each in documents.items(container, "env")}
    source = documents.texts(told[naming.KEY_REST_TOKEN], "valueFrom", "secretKeyRef")
    secret = await world.api.get(kube.SECRETS, source["name"], world.namespace)
    return credentials.read_values(secret).get(source["key"])


async def _bind(world: World, name: str) -> None:
    taken = {documents.text(each, "spec", "nodeName") for each in await world.pods()}
    free = [node for node in NODES if node not in taken]
    if not free:
        return
    path = kube.PODS.path(world.namespace, name, "binding")
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": free[0]},
    }
    await world.api._call("post", path, body=binding)  # pyright: ignore[reportPrivateUsage] - as above


async def _end(world: World, pod: documents.Document, name: str) -> None:
    bridge = world.bridges.pop(name, None)
    if bridge is not None and bridge.participants:
        world.dropped.append(name)
    uid = documents.text(pod, "metadata", "uid")
    await world.api._call(  # pyright: ignore[reportPrivateUsage] - as above
        "delete",
        kube.PODS.path(world.namespace, name),
        body={"gracePeriodSeconds": 0, "preconditions": {"uid": uid}},
    )


def _routes(world: World) -> web.Application:
    app = web.Application()

    def bridge_of(request: web.Request) -> FakeBridge:
        found = world.bridges.get(request.match_info["name"])
        if found is None or not found.reachable:
            raise web.HTTPServiceUnavailable
        if request.headers.get("Authorization") != f"Bearer {found.token}":
            raise web.HTTPUnauthorized
        return found

    async def stats(request: web.Request) -> web.Response:
        found = bridge_of(request)
        return web.json_response(
            {
                "local_endpoints": found.participants,
                "stress_level": 0.01 * found.participants,
                "drain": found.drain,
                "graceful_shutdown": found.graceful,
                "shutting_down": False,
                "healthy": True,
                "version": "1",
            }
        )

    async def drain(request: web.Request) -> web.Response:
        found = bridge_of(request)
        found.drain = request.match_info["what"] == "enable"
        found.calls.append(f"drain {request.match_info['what']}")
        return web.Response()

    async def shutdown(request: web.Request) -> web.Response:
        found = bridge_of(request)
        assert (await request.json()) == {"graceful-shutdown": True}
        if found.participants:
            world.dropped.append(request.match_info["name"])
        found.graceful = True
        found.calls.append("shutdown")
        return web.Response()

    async def debug(_: web.Request) -> web.Response:
        if not world.jicofo_up:
            raise web.HTTPServiceUnavailable
        return web.json_response(_debug(world))

    async def move(request: web.Request) -> web.Response:
        room, most = request.query["conference"], int(request.query["numEndpoints"])
        return web.json_response(_move(world, request.query["bridge"], room, most))

    app.router.add_get("/bridge/{name}/colibri/stats", stats)
    app.router.add_post("/bridge/{name}/colibri/drain/{what}", drain)
    app.router.add_post("/bridge/{name}/colibri/shutdown", shutdown)
    app.router.add_get("/jicofo/{cluster}/debug", debug)
    app.router.add_get("/jicofo/{cluster}/move-endpoints/move-endpoints", move)
    return app


def _debug(world: World) -> Object:
    rooms: dict[str, Object] = {}
    for each in world.bridges.values():
        for room, people in () if world.forgetful else each.people.items():
            members = rooms.setdefault(room, {"colibri_session_manager": {"participants": {}}})
            for number in range(people):
                members["colibri_session_manager"]["participants"][f"{each.nickname}{number}"] = {
                    "bridge": each.nickname
                }
    bridges = {
        f"jvbbrewery@internal-muc.meet.example.org/{each.nickname}": {
            "operational": True,
            "drain": each.drain,
            "graceful-shutdown": each.graceful,
            "shutting-down": False,
            "stress": 0.01 * each.participants,
            "version": "1",
            "region": "eu",
        }
        for each in world.bridges.values()
        if each.registered
    }
    return {"focus_manager": rooms, "bridge_selector": {"strategy": "x", "bridge": bridges}}


def _move(world: World, nickname: str, room: str, most: int) -> Object:
    source = next(each for each in world.bridges.values() if each.nickname == nickname)
    there = source.people.pop(room, 0)
    people = min(there, most)
    if there > people:
        source.people[room] = there - people
    others = [each for each in world.bridges.values() if each is not source and not each.drain]
    least = min(others, key=lambda each: each.participants)
    least.people[room] = least.people.get(room, 0) + people
    return {"movedEndpoints": people, "conferences": 1}
