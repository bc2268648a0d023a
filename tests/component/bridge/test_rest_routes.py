"""The private HTTP of a real bridge object: every route, its guard, its switch."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.unit.bridge import given

from jitsiwire import stats as wire
from jitsiwire.colibri2 import Candidate, Endpoint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import ShutdownState, Timing
from octobridge.shell.bridge import BrewerySummary, Bridge
from octobridge.shell.media import MediaEngine
from octobridge.shell.metrics import COUNTERS, GAUGES, PREFIX
from octobridge.shell.rest import application
from octobridge.shell.settings import RestSettings

TOKEN = "t0ken"
RECORDED = (
    Path(__file__).parents[2] / "contract" / "transcripts" / "rest" / "conf-jvb8080-metrics.txt"
)


@asynccontextmanager
async def served(
    *,
    token: str | None = TOKEN,
    colibri: bool = True,
    shutdown: bool = True,
    require_valid_address: bool = False,
) -> AsyncGenerator[tuple[Bridge, "TestClient[web.Request, web.Application]"]]:
    media = MediaEngine()
    media.open(["127.0.0.1"], 0)
    address = media.sockets[0].address
    candidate = Candidate(1, "1", 0, "c", 0, address.ip, address.port, 1, "udp", "host")
    bridge = Bridge(
        media,
        candidates=(candidate,),
        policy=Policy(version="v1", region="eu"),
        timing=Timing(),
        require_valid_address=require_valid_address,
    )
    settings = RestSettings("127.0.0.1", 0, token, colibri, shutdown)
    client: TestClient[web.Request, web.Application] = TestClient(
        TestServer(application(bridge, settings))
    )
    async with client:
        try:
            yield bridge, client
        finally:
            await bridge.close()


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
PRIVATE = [
    ("GET", "/about/version"),
    ("GET", "/colibri/stats"),
    ("GET", "/colibri/drain"),
    ("POST", "/colibri/drain/enable"),
    ("POST", "/colibri/drain/disable"),
    ("POST", "/colibri/shutdown"),
    ("GET", "/debug"),
    ("GET", "/debug/x"),
    ("GET", "/debug/x/y"),
    ("POST", "/colibri/v2/conferences"),
    ("PATCH", "/colibri/v2/conferences/m"),
    ("GET", "/colibri/v2/conferences"),
    ("GET", "/no/such/route"),
]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
async def test_private_route_asks_for_the_token_and_does_nothing_without(
    method: str, path: str
) -> None:
    async with served() as (bridge, client):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic t0ken"}):
            answer = await client.request(method, path, headers=headers)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert not bridge.registry.drain
        assert bridge.registry.shutdown.state is ShutdownState.RUNNING


@pytest.mark.parametrize("path", ["/about/health", "/metrics"])
async def test_health_and_metrics_are_open(path: str) -> None:
    async with served() as (_, client):
        assert (await client.get(path)).status == 200


async def test_health_tells_of_a_lost_brewery_to_all_but_who_would_restart_the_bridge() -> None:
    async with served() as (bridge, client):
        bridge.brewery = lambda: BrewerySummary(configured=1, connected=0, joined=0)
        assert (await client.get("/about/health")).status == 200
        bridge.registry.policy = replace(bridge.registry.policy, brewery_grace=-1.0)
        answer = await client.get("/about/health")
        assert answer.status == 503
        assert "brewery" in await answer.text()
        probe = {"User-Agent": "kube-probe/1.34"}
        assert (await client.get("/about/health", headers=probe)).status == 200
        assert bridge.stats().healthy
        bridge.brewery = lambda: BrewerySummary(configured=2, connected=1, joined=1)
        bridge.registry.policy = replace(bridge.registry.policy, brewery_grace=60.0)
        assert (await client.get("/about/health")).status == 200


async def test_without_a_token_this_machine_may_do_everything() -> None:
    async with served(token=None) as (bridge, client):
        assert (await client.post("/colibri/drain/enable")).status == 200
        assert bridge.registry.drain


@pytest.mark.parametrize(
    ("colibri", "shutdown", "missing"),
    [
        (False, False, ["/colibri/stats", "/colibri/shutdown", "/colibri/v2/conferences"]),
        (True, False, ["/colibri/shutdown"]),
    ],
)
async def test_api_that_is_off_is_not_found(
    colibri: bool, shutdown: bool, missing: list[str]
) -> None:
    async with served(colibri=colibri, shutdown=shutdown) as (_, client):
        for path in missing:
            for method in ("GET", "POST"):
                answer = await client.request(method, path, headers=AUTHORIZED)
                assert answer.status == 404
        assert (await client.get("/colibri/drain", headers=AUTHORIZED)).status == 200


async def test_version_names_software_version_and_system() -> None:
    async with served() as (_, client):
        told = await (await client.get("/about/version", headers=AUTHORIZED)).json()
        assert told == {"name": "JVB", "version": "v1", "os": "Linux"}


async def test_statistics_are_those_of_presence() -> None:
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        bridge.poll()
        told = wire.from_json(await (await client.get("/colibri/stats", headers=AUTHORIZED)).json())
        assert told.participants == told.conferences == 1
        assert told.region == "eu"
        assert told.stress_level is not None
        assert told.healthy


async def test_drain_goes_on_and_off_and_is_published() -> None:
    async with served() as (bridge, client):
        for path, drain in (("enable", True), ("enable", True), ("disable", False)):
            bridge.changed.clear()
            before = bridge.registry.drain
            answer = await client.post(f"/colibri/drain/{path}", headers=AUTHORIZED)
            assert (answer.status, await answer.text()) == (200, "")
            state = await (await client.get("/colibri/drain", headers=AUTHORIZED)).json()
            assert state == {"drain": drain}
            assert bridge.changed.is_set() is (before != drain)


@pytest.mark.parametrize("value", [True, "true"])
async def test_graceful_shutdown_waits_for_people(value: object) -> None:
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        body = {"graceful-shutdown": value}
        answer = await client.post("/colibri/shutdown", json=body, headers=AUTHORIZED)
        assert answer.status == 200
        assert bridge.registry.shutdown.state is ShutdownState.GRACEFUL
        bridge.handle(given.modify(Endpoint("a", expire=True)))
        assert bridge.exited.is_set()


@pytest.mark.parametrize("value", [False, "false"])
async def test_shutdown_without_grace_has_people_moved(value: object) -> None:
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        body = {"graceful-shutdown": value}
        await client.post("/colibri/shutdown", json=body, headers=AUTHORIZED)
        assert bridge.registry.shutdown.state is ShutdownState.SHUTTING_DOWN
        assert not bridge.exited.is_set()


@pytest.mark.parametrize("body", ["", "{}", "null", '{"graceful-shutdown": "maybe"}', "{", "1"])
async def test_shutdown_needs_to_be_meant(body: str) -> None:
    async with served() as (bridge, client):
        answer = await client.post("/colibri/shutdown", data=body, headers=AUTHORIZED)
        assert answer.status == 400
        assert bridge.registry.shutdown.state is ShutdownState.RUNNING


async def test_unhealthy_bridge_says_why() -> None:
    async with served(require_valid_address=True) as (_, client):
        answer = await client.get("/about/health")
        assert answer.status == 500
        assert "address" in await answer.text()


async def test_debug_shows_conferences_without_names_or_secrets() -> None:
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        # The engine adds the transport in its next round.
        await asyncio.sleep(0.1)
        conference = bridge.registry.conferences[0]
        endpoint = conference.endpoints[0]
        view = await (await client.get("/debug", headers=AUTHORIZED)).json()
        assert view["shutdown_state"] == "RUNNING"
        assert view["load_management"]["state"] == "NOT_OVERLOADED"
        assert view["conferences"][conference.id]["endpoints"] == {"a": "stats-a"}
        assert "demo@" not in json.dumps(view)
        full = await (await client.get("/debug?full=true", headers=AUTHORIZED)).json()
        assert full["conferences"][conference.id]["name"] == "demo@muc.meet.jitsi"
        one = await (await client.get(f"/debug/{conference.id}", headers=AUTHORIZED)).json()
        assert list(one["endpoints"]) == ["a"]
        person = await (await client.get(f"/debug/{conference.id}/a", headers=AUTHORIZED)).json()
        assert person["transport"] == "new"
        assert person["receives"]["bandwidth_bps"] == -1
        (counters,) = person["engine"]["transport"]
        assert (counters["packets_received"], counters["bandwidth_bps"]) == (0, -1)
        assert person["engine"]["downtracks"] == []
        for shown in (view, full, one, person):
            assert endpoint.pwd not in json.dumps(shown)
            assert endpoint.ufrag not in json.dumps(shown)
        for missing in ("/debug/none", f"/debug/{conference.id}/z", "/debug/none/a"):
            assert (await client.get(missing, headers=AUTHORIZED)).status == 404


Parser = Callable[[str], Iterable[Metric]]
# Typed only in part.
OPENMETRICS = cast(Parser, vars(openmetrics)["text_string_to_metric_families"])
FORMATS: list[tuple[str | None, Parser]] = [
    ("application/openmetrics-text; version=1.0.0", OPENMETRICS),
    ("text/plain;version=0.0.4", parse_text),
    (None, parse_text),
]


@pytest.mark.parametrize(("accept", "parse"), FORMATS)
async def test_metrics_are_readable_in_every_format(accept: str | None, parse: Parser) -> None:
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        await asyncio.sleep(0.1)
        bridge.poll()
        headers = {} if accept is None else {"Accept": accept}
        answer = await client.get("/metrics", headers=headers, skip_auto_headers=["Accept"])
        assert answer.status == 200
        families = list(parse(await answer.text()))
        samples = {sample.name: sample.value for f in families for sample in f.samples}
        assert samples["jitsi_jvb_local_endpoints"] == 1
        assert samples["jitsi_jvb_conferences_created_total"] == 1
        assert samples["jitsi_jvb_healthy"] == 1
        assert samples["jitsi_jvb_region_info"] == 1
        assert samples["jitsi_jvb_conferences_by_size_count"] == 1
        assert "octobridge_load" in samples
        assert samples["jitsi_jvb_rejected_data_channels_total"] == 0
        assert samples["octobridge_last_n"] == -1
        assert samples["octobridge_downlink_bps_count"] == 0, "unknown is not zero"
        assert samples["octobridge_engine_memory_sum_bytes"] > 0
        able = next(f for f in families if f.name == "octobridge_endpoints").samples
        assert {s.labels["capability"]: s.value for s in able}["source-names"] == 1


def test_metric_names_are_those_of_the_recorded_bridge() -> None:
    lines = RECORDED.read_text().splitlines()
    recorded = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    newer = {"tcc_unmatched_feedback"}
    ours = {PREFIX + name for name in (GAUGES.keys() | COUNTERS.keys()) - newer}
    assert ours <= recorded


async def test_metrics_as_json_have_the_recorded_names_and_types() -> None:
    recorded = json.loads(RECORDED.with_name("conf-jvb8080-metrics-json.json").read_text())
    async with served() as (bridge, client):
        bridge.handle(given.create(given.new_endpoint("a")))
        bridge.poll()
        answer = await client.get("/metrics", headers={"Accept": "application/json"})
        told = await answer.json()
        assert answer.content_type == "application/json"
        assert (told["local_endpoints"], told["endpoints_total"]) == (1, 1)
        assert (told["healthy"], told["drain_mode"], told["region"]) == (True, False, "eu")
        assert told["conferences_by_size"]["bucket_le_1.0"] == 1.0
        assert told["conferences_by_size"]["sum"] == 1.0
        newer = {n for n in told if n.startswith("ice_restarts_")}
        assert told.keys() - recorded.keys() == newer
        for name in told.keys() & recorded.keys():
            assert type(told[name]) is type(recorded[name]), name
