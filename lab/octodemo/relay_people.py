"""The people of a platform without a cluster: one `octoload serve`, driven over HTTP."""

import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx

from octodemo.local import SIGNAL_PORT, LocalPlatform
from octodemo.platform import until

__all__ = ["People", "people"]

CONTROL: Final = "127.0.0.1:8890"
REST: Final = "http://127.0.0.1:8888"
PATIENCE_SECONDS: Final = 90.0


class People:
    """See the module."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def call(self, name: str, participants: int, **more: Any) -> None:
        """Bring a call to this many people; new ones are as `CallRequest` says."""
        await self._ask("POST", "calls", {"name": name, "participants": participants, **more})

    async def until_streams(
        self, name: str, streams: int, *, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait until this many streams come in at a call's people, all together."""

        async def enough() -> bool:
            return (await self._ask("GET", f"calls/{name}"))["arriving"] == streams

        try:
            await until(f"{streams} streams come in", enough, seconds=seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}: {await self._ask('GET', f'calls/{name}')}") from late

    async def write(self, name: str) -> bool:
        """Have everyone write to all; return whether every message came, each once."""
        token = (await self._ask("POST", f"calls/{name}/messages"))["token"]

        async def all_came() -> dict[str, int] | None:
            found = await self._ask("GET", f"messages/{token}")
            return found if found["received"] == found["expected"] else None

        try:
            found = await until("every message", all_came, seconds=15)
        except TimeoutError:
            return False
        everyone = (await self._ask("GET", f"calls/{name}"))["participants"]
        return found["people"] == everyone and not found["repeated"]

    async def reset(self) -> None:
        """Begin to count anew."""
        await self._ask("POST", "reset")

    async def lost(self) -> int:
        """Packets that the people missed since the last reset; a stream that stopped is one."""
        total = (await self._ask("GET", "report"))["total"]
        return int(total["packets_lost"]) + int(total["dropped"])

    async def lost_and_late(self) -> tuple[float, float]:
        """The share of packets that didn't come since the last reset, and the others' mean delay.

        The latter in milliseconds.
        """
        total = (await self._ask("GET", "report"))["total"]
        return float(total["loss_fraction"]), float(total["delay_ms_mean"] or 0.0)

    async def bridges(self) -> dict[str, Any]:
        """The sessions of the only conference, by bridge, as the focus tells them."""
        answer = await self._http.get(f"{REST}/debug/conferences-full")
        (conference,) = answer.raise_for_status().json().values()
        return conference["colibri_session_manager"]["sessions"]

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, f"http://{CONTROL}/{path}", json=body)
        return answer.raise_for_status().json()


@contextlib.asynccontextmanager
async def people(platform: LocalPlatform) -> AsyncGenerator[People]:
    """Have people at the platform's address for as long as the context is open."""
    focus = f"ws://{platform.address}:{SIGNAL_PORT}/signal"
    command = [sys.executable, "-m", "octoload", "serve", "--focus", focus,
               "--address", platform.address, "--listen", CONTROL]  # fmt: skip
    await platform.launch("people", command, os.environ)
    async with httpx.AsyncClient(timeout=60) as http:

        async def listening() -> bool:
            try:
                return (await http.get(f"http://{CONTROL}/healthz")).is_success
            except httpx.TransportError:
                return False

        await until("the people's control", listening, seconds=PATIENCE_SECONDS)
        yield People(http)
