"""The test page's files are all there, typed, and nothing else is."""

import re
from collections.abc import AsyncGenerator
from importlib import resources

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from octoload.focus import page

Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def client() -> AsyncGenerator[Client]:
    application = web.Application()
    page.add_routes(application)
    async with TestClient(TestServer(application)) as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/call", "/call?room=x"])
async def test_the_page_is_at_both_addresses(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_every_file_the_page_names_is_served(client: Client) -> None:
    named: set[str] = set()
    for one in resources.files("octoload").joinpath("page").iterdir():
        named |= set(re.findall(r'"(/page/[a-z.]+)"', one.read_text()))
    assert len(named) > 8
    kinds = {path: (await client.get(path)).content_type for path in named}
    expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert kinds == {path: expected[path.rpartition(".")[2]] for path in named}


@pytest.mark.parametrize("name", ["nothing.js", "..%2fcrowd.py", "%2e%2e%2f__init__.py"])
async def test_nothing_else_is_served(client: Client, name: str) -> None:
    assert (await client.get(f"/page/{name}")).status == 404
