"""HTTP control of a crowd: JSON in, JSON out, errors that name the field.

POST /calls, DELETE /calls/{name}, GET /calls, POST /calls/{name}/messages, GET /messages/{token},
GET /report, POST /reset, POST /killed, GET /healthz. For tests and demos on a trusted network:
there's no authentication.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from octoload.crowd import CallRequest, Crowd, CrowdError

__all__ = ["application"]

BODY_LIMIT: Final = 65_536
CROWD: Final = web.AppKey("crowd", Crowd)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KilledRequest(BaseModel):
    """Body of POST /killed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bridge: Annotated[str, Field(min_length=1, max_length=1024)]


def application(crowd: Crowd) -> web.Application:
    """Return the app around a crowd, which stays the caller's to close."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[_errors])
    app[CROWD] = crowd
    app.add_routes(
        [
            web.post("/calls", _post_call),
            web.get("/calls", _get_calls),
            web.get("/calls/{name}", _get_call),
            web.delete("/calls/{name}", _delete_call),
            web.post("/calls/{name}/messages", _post_messages),
            web.get("/messages/{token}", _get_messages),
            web.get("/report", _get_report),
            web.post("/reset", _post_reset),
            web.post("/killed", _post_killed),
            web.get("/healthz", _get_healthz),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ValidationError as error:
        return web.json_response({"errors": _told(error)}, status=400)
    except CrowdError as error:
        status = 404 if request.match_info.get("name") else 400
        return web.json_response({"errors": [str(error)]}, status=status)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return web.json_response({"errors": [error.reason]}, status=error.status)


def _told(error: ValidationError) -> list[str]:
    found: list[str] = []
    for entry in error.errors(include_url=False, include_input=False, include_context=False)[:20]:
        field = ".".join(str(part) for part in entry["loc"]) or "body"
        found.append(f"{field}: {entry['msg']}")
    return found


async def _post_call(request: web.Request) -> web.Response:
    wanted = CallRequest.model_validate_json(await request.read())
    return _json(asdict(request.app[CROWD].apply(wanted)))


async def _get_calls(request: web.Request) -> web.Response:
    return _json([asdict(status) for status in request.app[CROWD].statuses()])


async def _get_call(request: web.Request) -> web.Response:
    return _json(asdict(request.app[CROWD].status(request.match_info["name"])))


async def _delete_call(request: web.Request) -> web.Response:
    return _json({"left": request.app[CROWD].remove(request.match_info["name"])})


async def _post_messages(request: web.Request) -> web.Response:
    return _json({"token": request.app[CROWD].write(request.match_info["name"])})


async def _get_messages(request: web.Request) -> web.Response:
    found = request.app[CROWD].post.round(request.match_info["token"])
    if found is None:
        raise web.HTTPNotFound(reason="token: no such round")
    counts = {"expected": found.expected, "received": found.received, "repeated": found.repeated}
    return _json({"people": len(found.people), **counts})


async def _get_report(request: web.Request) -> web.Response:
    return _json(request.app[CROWD].report().to_json())


async def _post_reset(request: web.Request) -> web.Response:
    request.app[CROWD].reset()
    return _json({})


async def _post_killed(request: web.Request) -> web.Response:
    wanted = KilledRequest.model_validate_json(await request.read())
    return _json({"affected": request.app[CROWD].killed(wanted.bridge)})


async def _get_healthz(_: web.Request) -> web.Response:
    return _json({"status": "ok"})


def _json(data: Any) -> web.Response:
    return web.json_response(data)
