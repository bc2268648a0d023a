"""Passing requests on to the REST behind, and its answers back; everything is bounded.

Neither the caller's token nor any other header but what content negotiation and probes need goes
on. Whoever is behind is asked once: requests act.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from jitsiwire import jicofo
from jitsiwire.errors import RemoteProtocolError
from octobridge.shell.guard import OPEN_PATHS, REGION, Handler, guard
from octobridge.shell.logs import logger
from octobridge.sidecar.routes import BRIDGE, JICOFO, Route

__all__ = ["BEHIND", "Behind", "application"]

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_AT_ONCE: Final = 8
"""Of those with the token; as many of those anyone may ask, so that strangers block nobody."""
BODY_SECONDS: Final = 5.0
PASSED_ON: Final = ("Accept", "Content-Type", "User-Agent")
_log = logger("sidecar")


class _TooLargeError(Exception):
    """The answer has no end."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Whose REST it is, and what an answer may cost."""

    name: str
    routes: tuple[Route, ...]
    largest: int
    """Bytes of an answer; `/debug?full=true` is megabytes where there are many conferences."""
    seconds: float
    """Until the last byte. Jicofo answers a move once everybody has been asked to move."""
    takes_passes: bool = False
    """Whether regions come with a pass of their own."""


BEHIND: Final = {
    "bridge": Behind("The bridge", BRIDGE, largest=16 * 2**20, seconds=10),
    "jicofo": Behind("Jicofo", JICOFO, largest=64 * 2**20, seconds=35, takes_passes=True),
}


def application(
    token: str, upstream: tuple[str, int], behind: Behind = BEHIND["bridge"]
) -> web.Application:
    """Return the HTTP application in front of a REST at `upstream`, host and port."""
    keeper = guard(token, takes_passes=behind.takes_passes)
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[keeper])
    base = URL.build(scheme="http", host=upstream[0].strip("[]"), port=upstream[1])
    door = _Door(base, behind)
    for route in behind.routes:
        app.router.add_route(route.method, route.path, door.handler(route))
    app.cleanup_ctx.append(door.opened)
    return app


class _Door:
    def __init__(self, base: URL, behind: Behind) -> None:
        self._base = base
        self._behind = behind
        self._session: aiohttp.ClientSession | None = None
        self._guarded = asyncio.Semaphore(MAX_AT_ONCE)
        self._open = asyncio.Semaphore(MAX_AT_ONCE)

    async def opened(self, _app: web.Application) -> AsyncGenerator[None]:
        """Hold the client while the application serves."""
        # Its own proxies and cookies are nobody's business here. No connection is used twice:
        # a request on one that has just been closed would be sent again, and requests act.
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=self._behind.seconds, connect=2),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
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
                try:
                    await self._check_region(request, route)
                    return await self._pass_on(request, route, body)
                except (aiohttp.ClientError, TimeoutError, _TooLargeError) as error:
                    return self._unanswered(request.path, error)

        return handle

    async def _check_region(self, request: web.Request, route: Route) -> None:
        """Refuse what a region's pass doesn't cover: acting on another region's bridge."""
        region = request.get(REGION)
        if region is None or not route.acts_on:
            return
        bridge = request.query.get(route.acts_on, "")
        answer = await self._ask("GET", self._base.with_path("/debug"), b"", {})
        if answer.status != 200 or not _is_of(region, bridge, answer.text or ""):
            _log.warning("Refused a move", region=region, bridge=bridge[:200])
            raise web.HTTPForbidden(text=f"This pass is for bridges of region {region} alone.")

    async def _pass_on(self, request: web.Request, route: Route, body: bytes) -> web.Response:
        url = self._base.with_path(request.path).with_query(_queries(request, route))
        return await self._ask(route.method, url, body, _headers(request.headers))

    async def _ask(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str]
    ) -> web.Response:
        session = self._session
        if session is None:  # aiohttp opens it before it listens
            raise web.HTTPServiceUnavailable
        async with session.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            content = await _read(answer.content, self._behind.largest)
            kind = _content_type(answer.headers)
            return web.Response(status=answer.status, body=content, headers=kind)

    def _unanswered(self, path: str, error: Exception) -> web.Response:
        name = self._behind.name
        _log.warning("Got no answer", behind=name, path=path, error=repr(error))
        if isinstance(error, TimeoutError):
            return web.Response(status=504, text=f"{name} takes too long to answer.")
        if isinstance(error, _TooLargeError):
            return web.Response(status=502, text=f"{name}'s answer is too large.")
        return web.Response(status=502, text=f"{name} can't be asked.")


def _is_of(region: str, bridge: str, debug: str) -> bool:
    """Tell whether all that Jicofo may take `bridge` for is of the region; unknown isn't."""
    try:
        known = jicofo.parse_debug(json.loads(debug)).bridges
    except (ValueError, RecursionError, RemoteProtocolError):
        return False
    meant = [seen for jid, seen in known.items() if bridge in (jid, jid.rpartition("/")[2])]
    return bool(meant) and all(seen.region == region for seen in meant)


async def _body(request: web.Request, route: Route) -> bytes:
    if route.method == "GET":
        return b""
    async with asyncio.timeout(BODY_SECONDS):
        return await request.read()


async def _read(content: aiohttp.StreamReader, largest: int) -> bytes:
    found = bytearray()
    async for piece in content.iter_any():
        found += piece
        if len(found) > largest:
            raise _TooLargeError
    return bytes(found)


def _queries(request: web.Request, route: Route) -> dict[str, str]:
    return {name: request.query[name] for name in route.queries if name in request.query}


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    # The stock bridge's metrics fail on a request without Accept.
    return {"Accept": "*/*"} | {name: given[name] for name in PASSED_ON if name in given}


def _content_type(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in ("Content-Type",) if name in given}
