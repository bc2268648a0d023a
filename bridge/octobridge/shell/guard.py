"""The guard before private HTTP routes, the bridge's own and a stock bridge's alike.

What it judges by is `access`; here is what a stranger is told, and what is written down of it.
Before Jicofo's REST a region's pass opens, too, and the request is marked with the region.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from jitsiwire import passes
from octobridge.shell import access
from octobridge.shell.logs import logger

__all__ = ["OPEN_PATHS", "REGION", "Handler", "guard"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_PATHS: Final = ("/about/health", "/metrics")
"""What anyone may ask."""
REGION: Final = web.RequestKey("region", str)
"""Where a request says of which region the pass is that it came with."""

_log = logger("rest")


def guard(token: str | None, *, takes_passes: bool = False) -> Any:
    """Return the middleware that turns strangers away (aiohttp's decorator isn't typed).

    Args:
        token: The one that opens everything; None: only this machine may ask.
        takes_passes: Whether passes made from it open, too.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Authorization")
        allowed = access.may_use(token, header, request.remote)
        if not allowed and takes_passes and token is not None:
            region = passes.region_of(token, access.presented(header))
            if region is not None:
                allowed, request[REGION] = True, region
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
