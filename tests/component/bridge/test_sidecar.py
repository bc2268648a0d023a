"""The sidecar before a stock bridge's REST: what passes, what doesn't, and what is bounded.

The bridge behind answers as the recorded one does; it is a real HTTP server and writes down every
request that gets to it.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from jitsiwire.passes import pass_of
from octobridge.sidecar import forwarding
from octobridge.sidecar.forwarding import application

TOKEN = "t0ken"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
REST = Path(__file__).parents[2] / "contract" / "transcripts" / "rest"
Client = TestClient[web.Request, web.Application]

RECORDED = {
    ("GET", "/colibri/stats"): "conf-jvb8080-colibri_stats.json",
    ("GET", "/colibri/drain"): "conf-jvb8080-colibri_drain.json",
    ("GET", "/debug"): "conf-jvb8080-debug.json",
    ("GET", "/about/version"): "idle-jvb8080-about_version.json",
    ("GET", "/metrics"): "conf-jvb8080-metrics.txt",
}
EMPTY = {
    ("GET", "/about/health"),
    ("POST", "/colibri/drain/enable"),
    ("POST", "/colibri/drain/disable"),
    ("POST", "/colibri/shutdown"),
}
STAYS_BEHIND = [
    ("GET", "/colibri/muc-client/list"),
    ("POST", "/colibri/muc-client/add"),
    ("POST", "/colibri/muc-client/remove"),
    ("POST", "/debug/features/jvb/transit-stats/true"),
    ("GET", "/debug/stats/jvb/transit-stats"),
    ("POST", "/debug/features/endpoint/c/e/pcap-dump/true"),
    ("GET", "/stats"),
    ("DELETE", "/colibri/v2/conferences/m"),
    ("GET", "/colibri/shutdown"),
    ("GET", "/debug/%2e%2e/%2e%2e"),
    ("GET", "/debug/..%2fstats"),
    ("GET", "/"),
]


@dataclass
class Behind:
    """What came through, and how the bridge answers."""

    requests: list[tuple[str, str, dict[str, str], bytes]] = field(
        default_factory=list[tuple[str, str, dict[str, str], bytes]]
    )
    hold: asyncio.Event | None = None
    endless: bool = False
    view: dict[str, Any] | None = None
    """What Jicofo says of its bridges; it moves people, then, too."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers, body))
        if self.hold is not None:
            await self.hold.wait()
        if self.endless:
            return await self._without_end(request)
        if self.view is not None:
            return web.json_response(self.view)
        asked = (request.method, request.path)
        if asked in EMPTY:
            return web.Response()
        if asked not in RECORDED:
            raise web.HTTPNotFound
        name = RECORDED[asked]
        kind = "application/json" if name.endswith("json") else "text/plain; version=0.0.4"
        return web.Response(body=(REST / name).read_bytes(), headers={"Content-Type": kind})

    async def _without_end(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 2**20)
        except (ConnectionError, aiohttp.ClientConnectionResetError):
            return response


@asynccontextmanager
async def doors(kind: str = "bridge") -> AsyncGenerator[tuple[Behind, Client]]:
    behind = Behind()
    bridge = web.Application()
    bridge.router.add_route("*", "/{path:.*}", behind.answer)
    async with TestServer(bridge, host="127.0.0.1") as server:
        port = server.make_url("/").port
        assert port is not None
        client: Client = TestClient(
            TestServer(application(TOKEN, ("127.0.0.1", port), forwarding.BEHIND[kind]))
        )
        async with client:
            yield behind, client
            if behind.hold is not None:
                behind.hold.set()


@pytest.mark.parametrize(("method", "path"), [*RECORDED, *sorted(EMPTY)])
async def test_whoever_has_the_token_gets_the_bridges_own_answer(method: str, path: str) -> None:
    async with doors() as (behind, client):
        answer = await client.request(method, path, headers=AUTHORIZED)
        assert answer.status == 200
        name = RECORDED.get((method, path))
        assert await answer.read() == ((REST / name).read_bytes() if name else b"")
        assert [each[:2] for each in behind.requests] == [(method, path)]


@pytest.mark.parametrize("path", ["/about/health", "/metrics"])
async def test_health_and_metrics_are_open_to_all(path: str) -> None:
    async with doors() as (_, client):
        assert (await client.get(path)).status == 200


@pytest.mark.parametrize("path", ["/colibri/stats", "/debug", "/about/version", "/nothing"])
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_stranger_gets_nothing_through(path: str, given: dict[str, str]) -> None:
    async with doors() as (behind, client):
        assert (await client.get(path, headers=given)).status == 401
        assert (await client.post("/colibri/shutdown", headers=given)).status == 401
        assert behind.requests == []


@pytest.mark.parametrize(("method", "path"), STAYS_BEHIND)
async def test_what_our_own_bridge_doesnt_offer_stays_behind(method: str, path: str) -> None:
    async with doors() as (behind, client):
        url = client.make_url("/").join(URL(path, encoded=True))
        async with client.session.request(method, url, headers=AUTHORIZED) as answer:
            assert answer.status in (404, 405)
        assert behind.requests == []


async def test_neither_token_nor_cookie_goes_on_but_what_probes_and_formats_need() -> None:
    async with doors() as (behind, client):
        given = {
            **AUTHORIZED,
            "Cookie": "a=b",
            "Accept": "application/openmetrics-text",
            "User-Agent": "kube-probe/1.34",
            "X-Forwarded-For": "1.2.3.4",
        }
        await client.get("/debug?full=true&other=1", headers=given)
        _, path, headers, _ = behind.requests[0]
        assert path == "/debug?full=true"
        assert headers["accept"] == "application/openmetrics-text"
        assert headers["user-agent"] == "kube-probe/1.34"
        assert not {"authorization", "cookie", "x-forwarded-for"} & set(headers)
        assert TOKEN not in json.dumps(headers)


async def test_metrics_are_asked_for_with_an_accept_whatever_the_scraper_sends() -> None:
    async with doors() as (behind, client):
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()
        assert behind.requests[0][2]["accept"]


async def test_a_body_goes_on_as_it_is_and_too_large_a_one_not_at_all() -> None:
    async with doors() as (behind, client):
        wanted: dict[str, Any] = {"graceful-shutdown": True}
        answer = await client.post("/colibri/shutdown", json=wanted, headers=AUTHORIZED)
        assert answer.status == 200
        assert json.loads(behind.requests[0][3]) == wanted
        assert behind.requests[0][2]["content-type"] == "application/json"
        large = b"x" * (forwarding.MAX_REQUEST_BYTES + 1)
        answer = await client.post("/colibri/shutdown", data=large, headers=AUTHORIZED)
        assert answer.status == 413
        assert len(behind.requests) == 1


async def test_an_answer_without_end_is_cut_off() -> None:
    async with doors() as (behind, client):
        behind.endless = True
        assert (await client.get("/debug", headers=AUTHORIZED)).status == 502


async def test_a_bridge_that_hangs_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = replace(forwarding.BEHIND["bridge"], seconds=0.2)
    monkeypatch.setitem(forwarding.BEHIND, "bridge", impatient)
    async with doors() as (behind, client):
        behind.hold = asyncio.Event()
        assert (await client.get("/colibri/stats", headers=AUTHORIZED)).status == 504


async def test_no_bridge_behind_is_a_bad_gateway_and_fails_the_health_check() -> None:
    app = application(TOKEN, ("127.0.0.1", 9))
    client: Client = TestClient(TestServer(app))
    async with client:
        assert (await client.get("/about/health")).status == 502
        assert (await client.get("/colibri/stats", headers=AUTHORIZED)).status == 502


async def test_strangers_who_fill_the_open_routes_dont_keep_the_operator_out() -> None:
    async with doors() as (behind, client):
        behind.hold = asyncio.Event()
        waiting = [
            asyncio.ensure_future(client.get("/metrics")) for _ in range(forwarding.MAX_AT_ONCE)
        ]
        async with asyncio.timeout(60):
            while len(behind.requests) < forwarding.MAX_AT_ONCE:  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.01)
        assert (await client.get("/metrics")).status == 503
        asked = asyncio.ensure_future(client.get("/colibri/stats", headers=AUTHORIZED))
        async with asyncio.timeout(60):
            while len(behind.requests) == forwarding.MAX_AT_ONCE:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        behind.hold.set()
        assert (await asked).status == 200
        assert all(each.status == 200 for each in await asyncio.gather(*waiting))


HOME, FAR = "jvbbrewery@internal/eu-0-a1", "jvbbrewery@internal/us-0-b2"
VIEW = {"bridge_selector": {"bridge": {HOME: {"region": "eu"}, FAR: {"region": "us"}}}}


@pytest.mark.parametrize(
    ("bridge", "status"),
    [("us-0-b2", 200), (FAR, 200), ("eu-0-a1", 403), (HOME, 403), ("", 403), ("us-0-c3", 403)],
)
async def test_a_regions_pass_moves_people_off_its_own_bridges_alone(
    bridge: str, status: int
) -> None:
    async with doors("jicofo") as (behind, client):
        behind.view = VIEW
        given = {"Authorization": f"Bearer {pass_of(TOKEN, 'us')}"}
        assert (await client.get("/debug", headers=given)).status == 200
        where = f"/move-endpoints/move-endpoints?bridge={bridge}"
        assert (await client.get(where, headers=given)).status == status
        moves = [each[1] for each in behind.requests if "move" in each[1]]
        assert bool(moves) == (status == 200)
        behind.view = {}
        assert (await client.get(where, headers=given)).status == 403


@pytest.mark.parametrize("kind", ["bridge", "jicofo"])
async def test_a_pass_of_another_gateway_and_one_before_a_bridge_open_nothing(kind: str) -> None:
    async with doors(kind) as (behind, client):
        token = TOKEN if kind == "bridge" else "another"
        given = {"Authorization": f"Bearer {pass_of(token, 'us')}"}
        assert (await client.get("/debug", headers=given)).status == 401
        assert behind.requests == []


async def test_before_jicofo_only_its_view_and_the_moving_of_people_pass() -> None:
    async with doors("jicofo") as (behind, client):
        await client.get("/debug?full=true", headers=AUTHORIZED)
        query = "bridge=eu-0-abc&conference=a%40muc.b%2Fc&numEndpoints=7&fraction=1"
        await client.get(f"/move-endpoints/move-endpoints?{query}", headers=AUTHORIZED)
        assert [each[1] for each in behind.requests] == [
            "/debug?full=true",
            "/move-endpoints/move-endpoints?bridge=eu-0-abc&conference=a@muc.b/c&numEndpoints=7",
        ]
        for path in ("/pin", "/stats", "/conference-request/v1", "/colibri/shutdown", "/rtcstats"):
            assert (await client.post(path, headers=AUTHORIZED)).status in (404, 405)
            assert (await client.get(path, headers=AUTHORIZED)).status == 404
        assert (await client.get("/debug")).status == 401
        assert len(behind.requests) == 2
