"""The proxy of the crash points: everything passes, and each write that was done is a death."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from octodemo import crash_proxy
from octodemo.crash_proxy import Proxy

Client = TestClient[web.Request, web.Application]


class ApiServer:
    """Says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.version = "1"
        """Of every service."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.raw_path}")
        assert request.headers["Authorization"] == "Bearer of-the-pod"
        if "missing" in request.path:
            return web.json_response({"kind": "Status"}, status=404)
        if "services" in request.path:
            return web.json_response({"metadata": {"resourceVersion": self.version}})
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for part in (b'{"a": ', b"1}"):
            await response.write(part)
        return response


@asynccontextmanager
async def proxied(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> AsyncGenerator[tuple[Client, Proxy, ApiServer, list[None]]]:
    server, deaths = ApiServer(), list[None]()
    behind = web.Application()
    behind.router.add_route("*", "/{path:.*}", server.answer)
    (folder / "token").write_text("of-the-pod")
    async with TestServer(behind) as there, aiohttp.ClientSession() as session:
        monkeypatch.setattr(crash_proxy, "SERVER", str(there.make_url("")).rstrip("/"))
        monkeypatch.setattr(crash_proxy, "ACCOUNT", folder)
        monkeypatch.setattr(crash_proxy, "kill_operator", lambda: deaths.append(None))
        proxy = Proxy(session)
        before = web.Application()
        before.router.add_route("*", "/{path:.*}", proxy.pass_on)
        async with TestClient(TestServer(before)) as client:
            yield client, proxy, server, deaths


async def test_what_is_asked_passes_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with proxied(monkeypatch, tmp_path) as (client, _, server, deaths):
        path = "/api/v1/pods?labelSelector=a%3Db&watch=true"
        async with client.get(path, headers={"Authorization": "Bearer other"}) as answer:
            assert await answer.json() == {"a": 1}
        assert server.asked == [f"GET {path}"]
        async with client.get("/api/v1/missing") as answer:
            assert answer.status == 404
        assert deaths == []


async def test_every_write_that_was_done_is_a_death_but_the_lease(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with proxied(monkeypatch, tmp_path) as (client, proxy, _, deaths):
        await client.post("/api/v1/namespaces/a/pods", json={})
        assert deaths == [], "it isn't armed"
        proxy.begin_step()
        await client.post("/api/v1/namespaces/a/pods", json={})
        await client.patch("/apis/octofleet.io/v1alpha1/namespaces/a/octoregions/b/status", json={})
        await client.put("/apis/coordination.k8s.io/v1/namespaces/a/leases/b", json={})
        await client.delete("/api/v1/namespaces/a/pods/missing")
        await client.get("/api/v1/namespaces/a/pods")
        assert proxy.writes == [
            "POST /api/v1/namespaces/a/pods",
            "PATCH /apis/octofleet.io/v1alpha1/namespaces/a/octoregions/b/status",
        ]
        assert len(deaths) == 2


async def test_an_apply_that_changes_nothing_is_no_death(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with proxied(monkeypatch, tmp_path) as (client, proxy, server, deaths):
        proxy.begin_step()
        path = "/api/v1/namespaces/a/services/b"
        for version, dead in (("1", 1), ("1", 1), ("2", 2), ("2", 2)):
            server.version = version
            async with client.patch(path, json={"spec": version}) as answer:
                assert await answer.json() == {"metadata": {"resourceVersion": version}}
            assert len(deaths) == dead
        await client.delete(path)
        assert len(deaths) == 3


async def test_what_was_said_before_but_for_a_time_or_a_figure_is_no_death(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def status(stress: float, ready: str) -> dict[str, Any]:
        conditions = [{"type": "Ready", "status": ready, "reason": "A", "message": str(stress)}]
        bridges = [{"name": "b-0", "state": "Ready", "stress": stress}]
        return {
            "metadata": {"name": "b"},
            "status": {"conditions": conditions, "bridges": bridges},
        }

    def note(key: str, when: str) -> dict[str, Any]:
        return {"metadata": {"uid": "1", "annotations": {key: when}}}

    async with proxied(monkeypatch, tmp_path) as (client, proxy, _, deaths):
        proxy.begin_step()
        for path, body, dead in (
            ("octoregions/b/status", status(0.1, "True"), 1),
            ("octoregions/b/status", status(0.2, "True"), 1),
            ("octoregions/b/status", status(0.2, "False"), 2),
            ("pods/b-0", note("moved-at", "1"), 3),
            ("pods/b-0", note("moved-at", "2"), 3),
            ("pods/b-0", note("draining-since", "2"), 4),
            ("pods/b-1", note("moved-at", "2"), 5),
        ):
            await client.patch(f"/namespaces/a/{path}", json=body)
            assert len(deaths) == dead
        proxy.begin_step()
        await client.patch("/namespaces/a/pods/b-0", json=note("moved-at", "3"))
        assert len(deaths) == 6, "each step anew"
