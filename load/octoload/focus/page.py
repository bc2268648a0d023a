"""The test page: a call in a browser, served beside the signalling it uses."""

from importlib import resources
from typing import Final

from aiohttp import web

__all__ = ["add_routes"]

_KINDS: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    # Nothing from elsewhere runs in it, whatever somebody's name or message holds.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_routes(application: web.Application) -> None:
    """Serve the page at `/` and `/call`, and its parts under `/page/`."""
    found = resources.files("octoload").joinpath("page")
    files = {
        one.name: (one.read_bytes(), _KINDS[suffix])
        for one in found.iterdir()
        if (suffix := one.name[one.name.rfind(".") :]) in _KINDS
    }

    async def show(request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        if name not in files:
            raise web.HTTPNotFound(text="no such file")
        body, kind = files[name]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    for path in ("/", "/call", "/page/{name}"):
        application.router.add_get(path, show)
