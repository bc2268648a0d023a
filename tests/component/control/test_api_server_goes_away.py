"""An API server that goes away in the middle of an answer: an error like any other, no death."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from octofleet.core.manifests import naming
from octofleet.shell import following, kube
from octofleet.shell.bells import Bells
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.podwatch import PodWatch

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a":'


def event(name: str, node: str, padding: int = 0) -> bytes:
    """Return a watch event about a bridge pod, as a chunk."""
    labels = {**naming.any_bridge_labels(), naming.LABEL_REGION: "eu"}
    meta: dict[str, object] = {"name": name, "namespace": "meet", "labels": labels}
    meta["annotations"] = {"x": "x" * padding}
    pod = {"metadata": meta, "spec": {"nodeName": node}, "status": {"phase": "Running"}}
    line = json.dumps({"type": "ADDED", "object": pod}).encode() + b"\n"
    return f"{len(line):x}\r\n".encode() + line + b"\r\n"


@dataclass(slots=True)
class Server:
    """Gives each connection its answer, then cuts it off."""

    answers: list[bytes]
    asked: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def connected(*answers: bytes) -> AsyncGenerator[tuple[KubernetesCluster, Server]]:
    found = Server(list(answers))
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cluster = KubernetesCluster(ApiClient(Configuration(host=f"http://127.0.0.1:{port}")))
    try:
        yield cluster, found
    finally:
        await cluster.close()
        server.close()
        await server.wait_closed()


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing rings when it comes true
            await asyncio.sleep(0.02)


async def test_half_an_answer_is_an_error_of_the_api_server() -> None:
    async with connected(HALF) as (cluster, _):
        with pytest.raises(KubeError):
            await cluster.get(kube.PODS, "eu-0", "meet")


async def test_watch_that_is_cut_off_is_an_error_of_the_api_server() -> None:
    async with connected(CHUNKED + event("eu-0", "node1")) as (cluster, _):
        events = cluster.watch(kube.PODS, "meet", {})
        assert (await anext(events))[0] == "ADDED"
        with pytest.raises(KubeError):
            await anext(events)


async def test_pods_are_watched_on_after_the_watch_was_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.05)
    answers = (CHUNKED + event("eu-0", "node1"), CHUNKED + event("eu-1", "node2"))
    async with connected(*answers) as (cluster, server):
        watch = PodWatch(cluster, Bells(), "OctoRegion")
        task = asyncio.create_task(watch.run(("meet",)))
        await soon(lambda: server.asked >= 3 or task.done())
        task.cancel()
        result = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result[0], asyncio.CancelledError), result
        assert "node2" in watch.nodes_of_others("meet", "us")


async def test_event_of_any_size_is_read() -> None:
    large = CHUNKED + event("eu-0", "node1", padding=1_000_000) + b"0\r\n\r\n"
    async with connected(large) as (cluster, _):
        found = [kind async for kind, _ in cluster.watch(kube.PODS, "meet", {})]
        assert found == ["ADDED"]


async def test_server_that_ends_every_watch_at_once_is_not_hammered() -> None:
    async with connected(CHUNKED + b"0\r\n\r\n") as (cluster, server):
        task = asyncio.create_task(PodWatch(cluster, Bells(), "OctoRegion").run(("meet",)))
        await soon(lambda: server.asked > 0)
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert server.asked == 1
