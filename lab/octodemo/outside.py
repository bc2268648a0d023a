"""People outside every cluster: `octoload serve` as a process of this machine.

For the lab alone: this machine is on the nodes' network, as the Internet is on that of bridges, and
what happens between two clusters is none of its business.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx

from octodemo.crowd import Crowd
from octodemo.kube import Cluster, CommandError

__all__ = ["outside_crowd"]


@dataclass(frozen=True, slots=True)
class _Outside(Crowd):
    """A crowd that is driven directly."""

    http: httpx.AsyncClient

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = await self.http.request(method, f"/{path}", **options)
        except httpx.HTTPError as error:
            raise CommandError([method, path], 0, repr(error)) from error
        if answer.is_error:
            raise CommandError([method, path], answer.status_code, answer.text[:500])
        return answer.json() if answer.content else {}


@contextlib.asynccontextmanager
async def outside_crowd(
    cluster: Cluster, name: str, *, focus: str, address: str
) -> AsyncGenerator[Crowd]:
    """Run a crowd as long as the context is open.

    Args:
        cluster: The lab whose people they are.
        name: For error messages.
        focus: Where the focus is signalled to.
        address: The address of this machine that their media comes from.
    """
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "octoload", "serve",
        "--focus", focus, "--listen", f"127.0.0.1:{port}", "--address", address,
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False
        ) as http:
            crowd = _Outside(cluster, "", name, http)
            await crowd.answers(seconds=60)
            yield crowd
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
