"""The cluster as the scenarios see it: kubectl for what people type, its proxy for the rest.

`kubectl proxy` takes care of every way a kubeconfig can authenticate; requests then go to
loopback over HTTP, which also reaches Services and pods inside (the API server's proxy).
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Cluster", "CommandError", "NotFoundError", "connect"]

Object = dict[str, Any]


class CommandError(Exception):
    """A command ended with a non-zero status; the message is what it wrote to stderr."""

    def __init__(self, command: Sequence[str], status: int, stderr: str) -> None:
        super().__init__(f"{' '.join(command)} (status {status}): {stderr.strip()}")
        self.stderr = stderr


class NotFoundError(Exception):
    """The object asked for doesn't exist."""


def _program(name: str) -> str:
    """Return the path of `name`: the lab's own copy first, else the PATH's."""
    cache = Path(os.environ.get("OCTOFLEET_CACHE", Path.home() / ".cache" / "octofleet"))
    for candidate in (cache / "bin" / name, cache / "tools" / name):
        if os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise CommandError([name], 127, f"{name} is not installed: put it on the PATH")
    return found


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kubernetes cluster: `kubeconfig` None means the current context."""

    kubeconfig: str | None
    http: httpx.AsyncClient

    @property
    def environment(self) -> dict[str, str]:
        """The environment for commands that should reach this cluster."""
        extra = {"KUBECONFIG": self.kubeconfig} if self.kubeconfig else {}
        return {**os.environ, **extra}

    async def run(self, program: str, *arguments: str, stdin: str = "") -> str:
        """Run a command against this cluster; return its stdout or raise CommandError."""
        command = [_program(program), *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        out, err = await process.communicate(stdin.encode())
        if process.returncode:
            raise CommandError(command, process.returncode, err.decode(errors="replace"))
        return out.decode(errors="replace")

    async def start(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command against this cluster that goes on until whoever asked ends it."""
        # It ends with us, whatever becomes of us.
        return await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "TERM", "--", _program(program), *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            env=self.environment,
        )  # fmt: skip

    async def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl."""
        return await self.run("kubectl", *arguments, stdin=stdin)

    async def apply(self, *objects: Mapping[str, Any]) -> str:
        """Apply objects as a person would with `kubectl apply -f -`."""
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return await self.kubectl("apply", "-f", "-", stdin=body)

    async def get(self, path: str) -> Object:
        """GET an API path; raise NotFoundError for 404."""
        return await self.request("GET", path)

    async def items(self, path: str, **query: str) -> list[Object]:
        """GET a list and return its items."""
        answer = await self.request("GET", path, params=query)
        return list(answer.get("items", ()))

    async def patch(self, path: str, patch: Mapping[str, Any]) -> Object:
        """Merge-patch an object."""
        return await self.request(
            "PATCH",
            path,
            content=json.dumps(patch),
            headers={"Content-Type": "application/merge-patch+json"},
        )

    async def delete(self, path: str, *, grace_seconds: int | None = None) -> None:
        """Delete an object; one that's gone already is fine."""
        options = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        with contextlib.suppress(NotFoundError):
            await self.request("DELETE", path, json=options)

    async def request(self, method: str, path: str, **options: Any) -> Object:
        """Send one request through the proxy; return the JSON answer ({} if it has none)."""
        answer = await self.http.request(method, path, **options)
        if answer.status_code == 404:
            raise NotFoundError(f"{method} {path}: {answer.text[:200]}")
        if answer.is_error:
            raise CommandError([method, path], answer.status_code, answer.text[:500])
        return answer.json() if answer.content else {}


@contextlib.asynccontextmanager
async def connect(kubeconfig: str | None) -> AsyncGenerator[Cluster]:
    """Open a proxy to the cluster; it ends with the context.

    Raises:
        CommandError: there's no cluster behind this kubeconfig.
    """
    extra = {"KUBECONFIG": kubeconfig} if kubeconfig else {}
    command = [_program("kubectl"), "proxy", "--port=0"]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **extra},
    )
    try:
        port = await _proxy_port(command, process)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False
        ) as http:
            cluster = Cluster(kubeconfig, http)
            await cluster.get("/version")
            yield cluster
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _proxy_port(command: Sequence[str], process: asyncio.subprocess.Process) -> int:
    if process.stdout is None or process.stderr is None:
        raise CommandError(command, 1, "no output to read")
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    found = re.search(r":(\d+)\s*$", line)
    if found is None:
        raise CommandError(command, 1, line + (await process.stderr.read()).decode())
    return int(found.group(1))
