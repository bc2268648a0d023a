"""The private REST of bridges: stats to read, drain and shutdown to act.

Who is on it? Shutdown is graceful always: a bridge waits for whoever is on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from jitsiwire import stats
from jitsiwire.stats import BridgeStats
from octofleet.shell import documents, rest
from octofleet.shell.documents import Document
from octofleet.shell.errors import Unreachable

TIMEOUT: Final = httpx.Timeout(3.0, connect=1.0)
WHOLE_SECONDS: Final = 5.0
ANSWER_LIMIT_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class BridgeAddress:
    """Where a bridge's REST is and the token it asks for."""

    base: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that a cluster's bridges ask for: each generation of them has its own."""

    current: str = field(default="", repr=False)
    """Of the bridges that are made now."""
    by_key: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """By the Secret's key, which a bridge's pod names."""

    def of(self, key: str | None) -> str:
        """Return the token of a bridge whose pod reads it under a key; None: it isn't told."""
        return self.by_key.get(key or "", self.current)


class BridgeClient:
    """Asks bridges."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def stats(self, bridge: BridgeAddress) -> BridgeStats:
        """Return the bridge's own statistics.

        Raises:
            Unreachable: It can't be asked or answers nonsense.
        """
        return stats.from_json(await self._read(bridge, "/colibri/stats"))

    async def local_endpoints(self, bridge: BridgeAddress) -> int:
        """Return how many participants are on the bridge right now.

        Raises:
            Unreachable: It isn't known. Unknown is not zero.
        """
        found = (await self.stats(bridge)).local_endpoints
        if found is None:
            raise Unreachable("bridge doesn't say how many participants it has")
        return found

    async def debug(self, bridge: BridgeAddress) -> Document:
        """Return the bridge's state in short: its conferences, and how its links fare.

        Raises:
            Unreachable: It can't be asked or answers nonsense.
        """
        return documents.mapping(await self._read(bridge, "/debug"))

    async def drain(self, bridge: BridgeAddress, enable: bool) -> None:
        """Have the bridge advertise drain, or take it back."""
        await self._call("POST", bridge, f"/colibri/drain/{'enable' if enable else 'disable'}")

    async def shut_down(self, bridge: BridgeAddress) -> None:
        """Have the bridge end as soon as nobody is on it."""
        await self._call("POST", bridge, "/colibri/shutdown", {"graceful-shutdown": True})

    async def _read(self, bridge: BridgeAddress, path: str) -> object:
        answer = await self._call("GET", bridge, path)
        try:
            return json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise Unreachable("bridge answers something other than JSON") from error

    async def _call(
        self, method: str, bridge: BridgeAddress, path: str, body: object = None
    ) -> bytes:
        headers = {"Authorization": f"Bearer {bridge.token}"} if bridge.token else {}
        request = self._http.build_request(method, bridge.base + path, json=body, headers=headers)
        limits = rest.Limits(ANSWER_LIMIT_BYTES, WHOLE_SECONDS, TIMEOUT)
        return await rest.answer(self._http, request, limits, "bridge")
