"""Jicofo's HTTP interface, as much of it as an operator uses. Its move calls are GETs that act."""

import platform
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from octoload.focus import moves, reports
from octoload.focus.metrics import FocusCollector
from octoload.focus.shell import Shell

__all__ = ["VERSION", "RestServer"]

VERSION: Final = "octoload"

log = structlog.get_logger()


class RestServer:
    """Answers from the shell's core."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(FocusCollector(shell.focus, shell.redistributor, shell.now))

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        for path, handler in (
            ("/about/health", self._health),
            ("/about/version", self._version),
            ("/stats", self._stats),
            ("/debug", self._debug),
            ("/debug/conferences", self._conferences),
            ("/debug/conferences-full", self._conferences_full),
            ("/debug/conference/{jid}", self._conference),
            ("/move-endpoints/{what}", self._move),
            ("/metrics", self._metrics),
        ):
            application.router.add_get(path, handler)
        return application

    async def _health(self, _request: web.Request) -> web.Response:
        if not self._shell.xmpp.joined:
            return web.Response(status=503, text="not in the brewery")
        return web.Response(text="OK")

    async def _version(self, _request: web.Request) -> web.Response:
        said = {"name": "octoload focus", "version": VERSION, "os": platform.system()}
        return web.json_response(said)

    async def _stats(self, _request: web.Request) -> web.Response:
        shell = self._shell
        return web.json_response(reports.stats(shell.focus, shell.now(), VERSION))

    async def _debug(self, request: web.Request) -> web.Response:
        full = request.query.get("full", "").lower() == "true"
        shell = self._shell
        return web.json_response(reports.debug(shell.focus, shell.now(), full=full))

    async def _conferences(self, _request: web.Request) -> web.Response:
        rooms = [conference.room for conference in self._shell.focus.conferences.values()]
        return web.json_response(rooms)

    async def _conferences_full(self, _request: web.Request) -> web.Response:
        focus, now = self._shell.focus, self._shell.now()
        said = {c.room: reports.conference_debug(focus, c, now) for c in focus.conferences.values()}
        return web.json_response(said)

    async def _conference(self, request: web.Request) -> web.Response:
        focus, room = self._shell.focus, request.match_info["jid"]
        for conference in focus.conferences.values():
            if conference.room == room:
                said = reports.conference_debug(focus, conference, self._shell.now())
                return web.json_response(said)
        raise web.HTTPNotFound(text="no such conference")

    async def _move(self, request: web.Request) -> web.Response:
        shell, what = self._shell, request.match_info["what"]
        try:
            reply, effects = moves.move(shell.focus, what, request.query, shell.now())
        except moves.MoveError as error:
            return web.Response(status=error.status, text=str(error))
        log.info("Moved endpoints", call=what, moved=reply.moved_endpoints)
        shell.perform(effects)
        return web.json_response(reply.to_json())

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": kind})
