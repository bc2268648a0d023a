"""The HTTP control: good requests do what they say, bad ones name the field and change nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from octoload.crowd import Crowd
from octoload.server import application

if TYPE_CHECKING:
    from tests.integration.load.conftest import Focus

NOWHERE = "http://127.0.0.1:9/signal"
Client = TestClient[Any, Any]


@pytest.fixture
async def lonely() -> AsyncIterator[Client]:
    """A control whose focus doesn't exist."""
    async with (
        Crowd(NOWHERE, "127.0.0.1", limit=20) as crowd,
        TestClient(TestServer(application(crowd))) as client,
    ):
        yield client


async def answer(client: Client, method: str, path: str, body: object = None) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.request(method, path, data=data) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a"}, "participants"),
        ({"participants": 2}, "name"),
        ({"name": "a b", "participants": 2}, "name"),
        ({"name": "../etc", "participants": 2}, "name"),
        ({"name": "a", "participants": -1}, "participants"),
        ({"name": "a", "participants": 1001}, "participants"),
        ({"name": "a", "participants": 21}, "participants"),
        ({"name": "a", "participants": "many"}, "participants"),
        ({"name": "a", "participants": 2, "bitrate": 5}, "bitrate"),
        ({"name": "a", "participants": 2, "ramp": -1}, "ramp"),
        ({"name": "a", "participants": 2, "video": 7}, "video"),
        ({"name": "a", "participants": 2, "colour": "red"}, "colour"),
        ({"name": "a", "participants": 2, "region": ""}, "region"),
        ([], "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b'{"name": "a", "participants": 2, "ramp": NaN}', "body|ramp"),
    ],
)
async def test_a_bad_call_is_refused_by_field(lonely: Client, body: object, field: str) -> None:
    status, told = await answer(lonely, "POST", "/calls", body)
    assert status == 400
    assert any(told["errors"][0].startswith(f"{name}: ") for name in field.split("|"))
    assert await answer(lonely, "GET", "/calls") == (200, [])


async def test_a_body_over_the_limit_is_refused(lonely: Client) -> None:
    status, told = await answer(lonely, "POST", "/calls", b" " * 70_000)
    assert (status, len(told["errors"])) == (413, 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/calls/none", 404),
        ("GET", "/calls/none", 404),
        ("PUT", "/calls", 405),
        ("POST", "/killed", 400),
    ],
)
async def test_what_is_not_there_is_said(
    lonely: Client, method: str, path: str, status: int
) -> None:
    got, told = await answer(lonely, method, path, {})
    assert got == status
    assert told["errors"]


async def test_without_a_focus_participants_say_why_they_are_out(lonely: Client) -> None:
    await answer(lonely, "POST", "/calls", {"name": "a", "participants": 2})
    _, call = await answer(lonely, "GET", "/calls/a")
    for _ in range(300):
        if all("signalling" in (person["last_error"] or "") for person in call["people"]):
            break
        await asyncio.sleep(0.1)
        _, call = await answer(lonely, "GET", "/calls/a")
    assert call["connected"] == 0
    assert all("signalling" in person["last_error"] for person in call["people"])
    _, report = await answer(lonely, "GET", "/report")
    assert report["total"]["admitted"] == 0
    assert report["total"]["waiting"] == 2
    assert await answer(lonely, "DELETE", "/calls/a") == (200, {"left": 2})


async def test_a_call_is_made_reported_and_ended(focus: "Focus", crowd: Crowd) -> None:
    async with TestClient(TestServer(application(crowd))) as client:
        body = {"name": "a", "participants": 2, "video": False}
        status, call = await answer(client, "POST", "/calls", body)
        assert (status, call["participants"]) == (200, 2)
        _, report = await answer(client, "GET", "/report")
        for _ in range(450):
            if report["conferences"]["a"]["packets_received"] > 50:
                break
            await asyncio.sleep(0.1)
            _, report = await answer(client, "GET", "/report")
        assert report["total"]["admitted"] == 2
        assert report["total"]["packets_received"] > 50
        assert await answer(client, "GET", "/healthz") == (200, {"status": "ok"})
        killed = await answer(client, "POST", "/killed", {"bridge": "bridge-a"})
        assert killed == (200, {"affected": 2})
        assert await answer(client, "POST", "/reset") == (200, {})
        _, report = await answer(client, "GET", "/report")
        assert report["total"]["killed"] == 0
        assert report["total"]["packets_received"] < 50
        assert await answer(client, "DELETE", "/calls/a") == (200, {"left": 2})
        assert await answer(client, "GET", "/calls") == (200, [])
