"""The hook that runs before a stock bridge gets SIGTERM, upon which it would leave at once.

The script itself runs, against an HTTP server that answers as the stock bridge's REST does.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web
from tests.component.control.stock_hook import hook

GENEROUS = 20.0


class Stock:
    """A stock bridge's REST: it may be deaf, and it ends when told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refuse_shutdowns = 0
        self.deaf = False

    async def answer(self, request: web.Request) -> web.Response:
        self.calls.append(f"{request.method} {request.path}")
        if self.deaf:
            await asyncio.sleep(3600)
        if request.path == "/colibri/shutdown":
            assert json.loads(await request.read()) == {"graceful-shutdown": True}
            assert request.content_type == "application/json"
            if self.refuse_shutdowns:
                self.refuse_shutdowns -= 1
                return web.Response(status=503)
        return web.Response()

    async def heard(self, call: str) -> None:
        async with asyncio.timeout(GENEROUS):
            while call not in self.calls:  # noqa: ASYNC110 - a list of calls
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(stock: Stock) -> AsyncGenerator[tuple[web.AppRunner, int]]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stock.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner, int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def ended(process: asyncio.subprocess.Process) -> int:
    return await asyncio.wait_for(process.wait(), GENEROUS)


async def test_it_drains_then_shuts_down_and_waits_until_the_bridge_is_gone() -> None:
    stock = Stock()
    async with running(stock) as (runner, port), hook(port) as process:
        await stock.heard("GET /about/version")
        assert stock.calls[:2] == ["POST /colibri/drain/enable", "POST /colibri/shutdown"]
        assert process.returncode is None
        await runner.cleanup()
        assert await ended(process) == 0


async def test_a_refused_shutdown_is_asked_for_again() -> None:
    stock = Stock()
    stock.refuse_shutdowns = 1
    async with running(stock) as (_, port), hook(port):
        await stock.heard("GET /about/version")
        assert stock.calls.count("POST /colibri/shutdown") == 2


async def test_a_bridge_that_answers_nothing_is_waited_for_as_people_may_be_on_it() -> None:
    stock = Stock()
    stock.deaf = True
    async with running(stock) as (_, port), hook(port) as process:
        await stock.heard("POST /colibri/shutdown")
        assert process.returncode is None


async def test_where_nothing_runs_it_ends_at_once() -> None:
    async with running(Stock()) as (runner, port):
        await runner.cleanup()
        async with hook(port) as process:
            assert await ended(process) == 0
