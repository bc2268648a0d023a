"""Passing requests on to the bridge behind, and its answers back; everything is bounded.

Neither the caller's token nor any other header but what content negotiation and probes need goes
on. The bridge is asked once: its POSTs act.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from octobridge.shell.guard import OPEN_PATHS, Handler, guard
from octobridge.shell.logs import logger
from octobridge.sidecar.routes import ROUTES, Route

__all__ = ["application"]

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_ANSWER_BYTES: Final = 16 * 2**20
"""`/debug?full=true` of a large bridge is some megabytes."""
MAX_AT_ONCE: Final = 8
"""Of those with the token; as many of those anyone may ask, so that strangers block nobody."""
BODY_SECONDS: Final = 5.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=2)
PASSED_ON: Final = ("Accept", "Content-Type", "User-Agent")
_log = logger("sidecar")


class _TooLargeError(Exception):
    """The bridge's answer has no end."""


def application(token: str, upstream: tuple[str, int]) -> web.Application:
    """Return the HTTP application in front of the bridge at `upstream`, host and port."""
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[guard(token)])
    door = _Door(URL.build(scheme="http", host=upstream[0].strip("[]"), port=upstream[1]))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, door.handler(route))
    app.cleanup_ctx.append(door.opened)
    return app


class _Door:
    def __init__(self, base: URL) -> None:
        self._base = base
        self._session: aiohttp.ClientSession | None = None
        self._guarded = asyncio.Semaphore(MAX_AT_ONCE)
        self._open = asyncio.Semaphore(MAX_AT_ONCE)

    async def opened(self, _app: web.Application) -> AsyncGenerator[None]:
        """Hold connections to the bridge while the application serves."""
        # Its own proxies and cookies are nobody's business here.
        async with aiohttp.ClientSession(
            timeout=TIMEOUT, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            self._session = session
            yield

    def handler(self, route: Route) -> Handler:
        """Return the handler of one route."""
        room = self._open if route.path in OPEN_PATHS else self._guarded

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                body = await _body(request, route)
            except TimeoutError:
                return web.Response(status=408, text="The request's body doesn't come.")
            if room.locked():
                return web.Response(status=503, text="Too many requests are under way.")
            async with room:
                return await self._pass_on(request, route, body)

        return handle

    async def _pass_on(self, request: web.Request, route: Route, body: bytes) -> web.Response:
        url = self._base.with_path(request.path).with_query(_queries(request, route))
        session = self._session
        if session is None:  # aiohttp opens it before it listens
            raise web.HTTPServiceUnavailable
        try:
            async with session.request(
                route.method,
                url,
                data=body or None,
                headers=_headers(request.headers),
                allow_redirects=False,
            ) as answer:
                content = await _read(answer.content)
                return web.Response(
                    status=answer.status,
                    body=content,
                    headers=_content_type(answer.headers),
                )
        except (aiohttp.ClientError, TimeoutError, _TooLargeError) as error:
            return _unanswered(request.path, error)


def _unanswered(path: str, error: Exception) -> web.Response:
    _log.warning("The bridge didn't answer", path=path, error=repr(error))
    if isinstance(error, TimeoutError):
        return web.Response(status=504, text="The bridge takes too long to answer.")
    if isinstance(error, _TooLargeError):
        return web.Response(status=502, text="The bridge's answer is too large.")
    return web.Response(status=502, text="The bridge can't be asked.")


async def _body(request: web.Request, route: Route) -> bytes:
    if route.method == "GET":
        return b""
    async with asyncio.timeout(BODY_SECONDS):
        return await request.read()


async def _read(content: aiohttp.StreamReader) -> bytes:
    found = bytearray()
    async for piece in content.iter_any():
        found += piece
        if len(found) > MAX_ANSWER_BYTES:
            raise _TooLargeError
    return bytes(found)


def _queries(request: web.Request, route: Route) -> dict[str, str]:
    return {name: request.query[name] for name in route.queries if name in request.query}


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    # The stock bridge's metrics fail on a request without Accept.
    return {"Accept": "*/*"} | {name: given[name] for name in PASSED_ON if name in given}


def _content_type(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in ("Content-Type",) if name in given}
