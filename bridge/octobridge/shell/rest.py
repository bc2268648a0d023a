"""The bridge's private HTTP: the stock bridge's routes, the dangerous ones guarded.

GET /about/health and /metrics are open; everything else is behind the `guard`. A route whose API is
switched off answers 404, as in the stock bridge.

Source: JVB rest/root; reference of each answer's shape is the recorded REST traffic.
"""

import json
from typing import Final, cast

from aiohttp import web

from jitsiwire import bridge_channel_json, colibri2_json, stats
from jitsiwire.colibri2 import Colibri2Error
from jitsiwire.errors import RemoteProtocolError
from octobridge.core import debug
from octobridge.shell import iq
from octobridge.shell.bridge import Bridge
from octobridge.shell.guard import guard
from octobridge.shell.metrics import Exposition
from octobridge.shell.settings import RestSettings

__all__ = ["application"]

MAX_BODY_BYTES: Final = 64 * 1024
KUBELET: Final = "kube-probe/"
"""How the kubelet's probes begin to name themselves."""
CONFERENCES: Final = "/colibri/v2/conferences"


def application(bridge: Bridge, settings: RestSettings) -> web.Application:
    """Return the HTTP application of one bridge."""
    routes = _Routes(bridge, settings)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[guard(settings.token)])
    app.router.add_get("/about/health", routes.health)
    app.router.add_get("/about/version", routes.version)
    app.router.add_get("/metrics", routes.metrics)
    app.router.add_get("/debug", routes.debug)
    app.router.add_get("/debug/{conference}", routes.debug_conference)
    app.router.add_get("/debug/{conference}/{endpoint}", routes.debug_endpoint)
    app.router.add_get("/colibri/drain", routes.drain_state)
    app.router.add_post("/colibri/drain/enable", routes.drain_enable)
    app.router.add_post("/colibri/drain/disable", routes.drain_disable)
    if settings.colibri_enabled:
        app.router.add_get("/colibri/stats", routes.stats)
        app.router.add_post(CONFERENCES, routes.create_conference)
        app.router.add_post(CONFERENCES + "/", routes.create_conference)
        app.router.add_get(CONFERENCES, routes.conferences)
        app.router.add_patch(CONFERENCES + "/{meeting}", routes.change_conference)
        app.router.add_get(CONFERENCES + "/{meeting}", routes.conference)
        app.router.add_get(
            CONFERENCES + "/{meeting}/dominant-speaker-identification", routes.speakers
        )
    if settings.shutdown_enabled:
        app.router.add_post("/colibri/shutdown", routes.shutdown)
    return app


class _Routes:
    def __init__(self, bridge: Bridge, settings: RestSettings) -> None:
        self._bridge = bridge
        self._settings = settings
        self._exposition = Exposition(bridge)

    async def health(self, request: web.Request) -> web.Response:
        # A kubelet restarts what fails: it is asked to judge the process only, and that alone.
        probe = request.headers.get("User-Agent", "").startswith(KUBELET)
        verdict = self._bridge.health() if probe else self._bridge.whole_health()
        if verdict.success:
            return web.Response()
        return web.Response(status=503 if verdict.soft else 500, text=verdict.message)

    async def version(self, _request: web.Request) -> web.Response:
        about = iq.software(self._bridge.registry.policy.version)
        return web.json_response({"name": about.name, "version": about.version, "os": about.os})

    async def stats(self, _request: web.Request) -> web.Response:
        return web.json_response(stats.to_json(self._bridge.stats()))

    async def metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._exposition.render(request.headers.get("Accept"))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def drain_state(self, _request: web.Request) -> web.Response:
        return web.json_response({"drain": self._bridge.registry.drain})

    async def drain_enable(self, _request: web.Request) -> web.Response:
        self._bridge.set_drain(True)
        return web.Response()

    async def drain_disable(self, _request: web.Request) -> web.Response:
        self._bridge.set_drain(False)
        return web.Response()

    async def shutdown(self, request: web.Request) -> web.Response:
        graceful = _graceful(await request.read())
        if graceful is None:
            return web.Response(
                status=400, text='The body must be {"graceful-shutdown": true or false}.'
            )
        self._bridge.shut_down(graceful=graceful)
        return web.Response()

    async def create_conference(self, request: web.Request) -> web.Response:
        return self._colibri(await request.read(), {"create": True})

    async def change_conference(self, request: web.Request) -> web.Response:
        return self._colibri(await request.read(), {"meeting-id": request.match_info["meeting"]})

    def _colibri(self, body: bytes, given: dict[str, object]) -> web.Response:
        """Handle a Colibri2 request; whatever is wrong is status 400, as with the stock bridge."""
        try:
            # JSON is UTF-8, whatever the headers say.
            data = bridge_channel_json.decode(body.decode(), MAX_BODY_BYTES)
            request = colibri2_json.parse_request(data | given)
        except (RemoteProtocolError, UnicodeDecodeError) as error:
            return web.Response(status=400, text=str(error))
        reply = self._bridge.handle(request)
        if isinstance(reply, Colibri2Error):
            return web.Response(status=400, text=reply.text or str(reply.condition))
        return web.json_response(colibri2_json.build_reply(reply))

    async def conferences(self, _request: web.Request) -> web.Response:
        raise web.HTTPNotImplemented

    async def conference(self, request: web.Request) -> web.Response:
        if self._bridge.registry.find(request.match_info["meeting"]) is None:
            raise web.HTTPNotFound
        raise web.HTTPNotImplemented

    async def speakers(self, request: web.Request) -> web.Response:
        conference = self._bridge.registry.find(request.match_info["meeting"])
        if conference is None:
            raise web.HTTPNotFound
        return web.json_response(debug.speech_view(conference))

    async def debug(self, request: web.Request) -> web.Response:
        full = request.query.get("full", "").lower() == "true"
        return web.json_response(self._bridge.debug_view(full=full))

    async def debug_conference(self, request: web.Request) -> web.Response:
        wanted = request.match_info["conference"]
        for conference in self._bridge.registry.conferences:
            if conference.id == wanted:
                return web.json_response(debug.conference_view(conference, full=True))
        raise web.HTTPNotFound

    async def debug_endpoint(self, request: web.Request) -> web.Response:
        names = (request.match_info["conference"], request.match_info["endpoint"])
        for conference, endpoint in self._bridge.registry.endpoints():
            if (conference.id, endpoint.id) == names:
                view = debug.endpoint_view(endpoint)
                view["receives"] = debug.receiver_view(conference, endpoint.id)
                view["engine"] = self._bridge.media.inspect(endpoint.transport)
                return web.json_response(view)
        for conference, relay in self._bridge.registry.relays():
            if (conference.id, relay.id) == names:
                view = debug.relay_view(conference, relay)
                view["engine"] = self._bridge.media.inspect(relay.transport)
                return web.json_response(view)
        raise web.HTTPNotFound


def _graceful(body: bytes) -> bool | None:
    """Return what the body asks for: the stock takes a boolean or its name as a string."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    value = cast(dict[str, object], parsed).get("graceful-shutdown")
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value if isinstance(value, bool) else None
