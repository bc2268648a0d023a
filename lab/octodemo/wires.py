"""A network of namespaces joined by the lab's router, which loses, delays and squeezes packets.

The router is a process of its own, told by lines of JSON (`python -m octolab.router`): the lab
and its scenarios share no code. It ends with its standard input, and everything it made with it.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["Wire", "Wires", "WiresError", "wired"]

ANSWER_SECONDS: Final = 10.0


class WiresError(Exception):
    """The router can't do what it was told."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A namespace on the router.

    Attributes:
        name: Its name, at most 15 letters.
        address: Its address with its network: 10.98.1.2/24.
        namespace: Empty: a new one; "host": the machine's own; else a path of one that exists.
        owns: More networks that are reached through it.
    """

    name: str
    address: str
    namespace: str = ""
    owns: tuple[str, ...] = ()


class Wires:
    """A running router."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._namespaces: dict[str, str] = {}

    async def begin(self, wires: tuple[Wire, ...], seed: int) -> None:
        """Make the namespaces and links."""
        ports = [
            {"name": w.name, "address": w.address, "namespace": w.namespace, "owns": w.owns}
            for w in wires
        ]
        self._namespaces = (await self._ask({"ports": ports, "seed": seed}))["ready"]["namespaces"]

    def inside(self, name: str) -> tuple[str, ...]:
        """What to run a program by so that it lives in a namespace, and ends with us."""
        enter = ("nsenter", f"--net={self._namespaces[name]}")
        return (*enter, "setpriv", "--pdeathsig", "KILL", "--")

    async def shape(self, name: str, way: Literal["up", "down"], **shape: float) -> None:
        """Change what happens to packets from ("up") or to ("down") a namespace."""
        await self._ask({"shape": {"port": name, "direction": way, **shape}})

    async def counts(self, name: str, way: Literal["up", "down"]) -> dict[str, int]:
        """Return what happened to packets so far: offered, forwarded, lost and more."""
        return (await self._ask({"counts": {}}))["counts"][name][way]

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise WiresError("the router has no pipes")
        try:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await process.stdout.readline()
        except (OSError, TimeoutError) as failed:
            raise WiresError(f"the router doesn't answer: {failed}") from failed
        answer: dict[str, Any] = json.loads(line or b'{"error": "it ended"}')
        if "error" in answer:
            raise WiresError(f"router: {answer['error']}")
        return answer


@contextlib.asynccontextmanager
async def wired(*wires: Wire, seed: int = 1) -> AsyncGenerator[Wires]:
    """Run a router with these namespaces for as long as the context is open."""
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "octolab.router",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        router = Wires(process)
        await router.begin(wires, seed)
        yield router
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
