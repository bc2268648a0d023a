"""Stands between the operator and the API server, and kills the operator after each write.

Runs beside the operator in its pod, from a ConfigMap: this file alone, on nothing but aiohttp and
its yarl. The operator speaks plain HTTP to it; it speaks to the API server as the pod's account.
While it is armed, the process that made a write is killed once the write has been done, before it
can learn of that: once for everything it says. Renewals of the Lease, which go on all the time,
are no steps of anything and are let be; so are applies that change nothing, with which every new
process makes sure, and what was said before but for a time or a figure. (Dying each time it says
what it is about to do, nobody would ever do it; and it must be said first where the deed can't be
seen: calls would be moved without end if moves were noted afterwards and no note could be written.)

Control, on another port: POST /arm, POST /disarm, GET /writes.
"""

import asyncio
import json
import os
import signal
import ssl
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from yarl import URL

ACCOUNT: Final = Path("/var/run/crash-proxy")
SERVER: Final = "https://kubernetes.default.svc"
PORT: Final = 8001
CONTROL_PORT: Final = 8002
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
DROPPED: Final = frozenset({"host", "authorization", "content-length", "transfer-encoding"})
KEPT: Final = frozenset({"content-type", "retry-after", "warning"})


class Proxy:
    """See the module."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.armed = False
        self.writes: list[str] = []
        """What the operator was killed after."""
        self._said: set[str] = set()
        """What the operator was killed after saying."""
        self._versions: dict[str, str] = {}
        """Of every object that was written, as it was left."""
        self._session = session

    def begin_step(self) -> None:
        """Kill from now on, with nothing written yet."""
        self.armed, self.writes, self._said = True, [], set()

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Forward a request; kill whoever wrote."""
        headers = {k: v for k, v in request.headers.items() if k.lower() not in DROPPED}
        headers["Authorization"] = f"Bearer {(ACCOUNT / 'token').read_text()}"
        body = await request.read()
        url = URL(SERVER + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, data=body or None, headers=headers
        ) as answer:
            if request.method not in WRITES:
                return await _given_back(request, answer)
            said = await answer.read()
            changed = answer.status < 300 and self._has_changed(request, said)
            if self.armed and changed and "/leases" not in request.path:
                self._wrote(f"{request.method} {request.path}", body)
            return web.Response(body=said, status=answer.status, headers=_kept(answer))

    def _wrote(self, write: str, body: bytes) -> None:
        """Kill whoever wrote this, unless it was said before."""
        said = f"{write} {without_figures(body)}"
        if said not in self._said:
            self._said.add(said)
            self.writes.append(write)
            kill_operator()

    def _has_changed(self, request: web.Request, said: bytes) -> bool:
        """Note what a write left; return whether that is another version than before."""
        path = request.path
        if request.method == "DELETE":
            self._versions.pop(path, None)
            return True
        try:
            version = str(json.loads(said)["metadata"]["resourceVersion"])
        except (ValueError, KeyError, TypeError):
            return True
        before, self._versions[path] = self._versions.get(path), version
        return version != before

    async def arm(self, _: web.Request) -> web.Response:
        """Kill from now on."""
        self.begin_step()
        return web.json_response({})

    async def disarm(self, _: web.Request) -> web.Response:
        """Kill no more."""
        self.armed = False
        return await self.told(_)

    async def told(self, _: web.Request) -> web.Response:
        """Tell after which writes it killed."""
        return web.json_response({"writes": self.writes})


def without_figures(body: bytes) -> str:
    """Return what a write says, without the times and figures in annotations and status."""
    try:
        said: dict[str, Any] = json.loads(body)
        status: dict[str, Any] = said.pop("status", {})
        notes: dict[str, Any] = said["metadata"].pop("annotations", {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return repr(body)
    conditions = [
        [each.get("type"), each.get("status"), each.get("reason")]
        for each in status.get("conditions", ())
    ]
    bridges = [[each.get("name"), each.get("state")] for each in status.get("bridges", ())]
    return json.dumps([said, sorted(notes), conditions, bridges], sort_keys=True)


async def _given_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_kept(answer))
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.lower() in KEPT}


def kill_operator() -> None:
    """End every operator process of this pod at once."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # Not the shell that starts it again, whose words hold the same in one piece.
        if b"operator" in words and any(word.endswith(b"octofleet") for word in words):
            os.kill(int(entry.name), signal.SIGKILL)


async def _serve(handler: web.Application, port: int) -> None:
    runner = web.AppRunner(handler, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 - control comes from outside


async def run() -> None:
    """Serve for ever."""
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    timeout = aiohttp.ClientTimeout(total=None, connect=10)
    connector: Any = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=True
    ) as session:
        proxy = Proxy(session)
        through, control = web.Application(client_max_size=2**24), web.Application()
        through.router.add_route("*", "/{path:.*}", proxy.pass_on)
        control.router.add_post("/arm", proxy.arm)
        control.router.add_post("/disarm", proxy.disarm)
        control.router.add_get("/writes", proxy.told)
        await _serve(through, PORT)
        await _serve(control, CONTROL_PORT)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run())
