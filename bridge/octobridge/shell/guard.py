"""The guard before private HTTP routes, the bridge's own and a stock bridge's alike.

What it judges by is `access`; here is what a stranger is told, and what is written down of it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from octobridge.shell import access
from octobridge.shell.logs import logger

__all__ = ["OPEN_PATHS", "Handler", "guard"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_PATHS: Final = ("/about/health", "/metrics")
"""What anyone may ask."""

_log = logger("rest")


def guard(token: str | None) -> Any:
    """Return the middleware that turns strangers away (aiohttp's decorator isn't typed)."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        allowed = access.may_use(token, request.headers.get("Authorization"), request.remote)
        if request.path not in OPEN_PATHS and not allowed:
            _log.warning("Refused a request", path=request.path, peer=request.remote)
            return _refusal(token is not None)
        return await handler(request)

    return middleware


def _refusal(has_token: bool) -> web.Response:
    if has_token:
        return web.Response(
            status=401, text="A bearer token is needed.", headers={"WWW-Authenticate": "Bearer"}
        )
    return web.Response(
        status=403,
        text="Only this machine may ask: set OCTOBRIDGE_REST_TOKEN to allow others.",
    )
