"""Targets reached as strangers reach them: a handshake under way, a listening HTTP server."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

from aiohttp.test_utils import TestClient
from tests.bench.fuzz.mutation import spoil_bytes
from tests.component.bridge.test_rest_routes import AUTHORIZED, served

from octoengine import dtls

ANSWER_SECONDS = 5.0
WHOLE_SECONDS = 0.05


class Handshake:
    """A DTLS server that waits for its peer, and gets anything."""

    name = "dtls-handshake"

    def __init__(self) -> None:
        self.server: dtls.Dtls | None = None
        self.task: asyncio.Task[Any] | None = None

    def seeds(self) -> Sequence[bytes]:
        return asyncio.run(flights())

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_bytes(data, other, random)

    async def start(self) -> None:
        own = dtls.fingerprint(dtls.process_certificate())
        self.sent = 0
        self.server = dtls.Dtls("server", [own], self._count, lambda _: None)
        self.task = asyncio.create_task(self.server.handshake())
        await asyncio.sleep(0)

    def _count(self, _: bytes) -> None:
        self.sent += 1

    async def feed(self, data: bytes) -> str:
        assert self.server is not None
        assert self.task is not None
        if self.task.done():
            ended = self.task.exception()
            if ended is not None and not isinstance(ended, dtls.DtlsError):
                raise ended
            await self.start()
        before = self.sent
        self.server.receive(data)
        await asyncio.sleep(0)
        return f"{self.server.state} {min(self.sent - before, 3)} {sorted(self.server.dropped)}"

    async def stop(self) -> None:
        if self.server is not None and self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            await self.server.close()


async def flights() -> list[bytes]:
    """Every datagram of a handshake between two of ours."""
    own = dtls.fingerprint(dtls.process_certificate())
    found: list[bytes] = []
    ends: dict[str, dtls.Dtls] = {}

    def towards(name: str) -> Any:
        def send(data: bytes) -> None:
            found.append(data)
            asyncio.get_running_loop().call_soon(ends[name].receive, data)

        return send

    ends["client"] = dtls.Dtls("client", [own], towards("server"), lambda _: None)
    ends["server"] = dtls.Dtls("server", [own], towards("client"), lambda _: None)
    await asyncio.gather(ends["server"].handshake(), ends["client"].handshake())
    for end in ends.values():
        await end.close()
    return found


class Rest:
    """The bridge's private HTTP, from the first byte of a request on."""

    name = "rest"
    bodies = (b'{"graceful-shutdown": true}', b'{"meeting-id": "m", "create": true}', b"")
    routes = (
        *((b"GET", path) for path in (b"/about/health", b"/metrics", b"/colibri/stats")),
        *((b"GET", path) for path in (b"/debug?full=true", b"/debug/m/e", b"/colibri/drain")),
        *((b"POST", path) for path in (b"/colibri/drain/enable", b"/colibri/v2/conferences")),
        *((b"PATCH", path) for path in (b"/colibri/v2/conferences/m",)),
    )

    def __init__(self) -> None:
        self.context: AbstractAsyncContextManager[Any] | None = None
        self.client: TestClient[Any, Any] | None = None

    def seeds(self) -> Sequence[bytes]:
        found = [
            b"%s %s HTTP/1.1\r\nHost: b\r\nAuthorization: %s\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (method, path, AUTHORIZED["Authorization"].encode(), len(body), body)
            for method, path in self.routes
            for body in self.bodies
        ]
        chunked = b"POST /colibri/v2/conferences HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked"
        return [*found, chunked + b"\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_bytes(data, other, random)

    async def start(self) -> None:
        # It tells of every malformed request; what counts here is the answer.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
        self.context = served(shutdown=False)
        _, self.client = await self.context.__aenter__()

    async def feed(self, data: bytes) -> str:
        assert self.client is not None
        reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
        try:
            writer.write(data)
            answer = await self._answer(reader, writer)
        except ConnectionError:
            return "reset"
        finally:
            writer.close()
        status = answer.partition(b"\r\n")[0].decode(errors="replace")
        assert " 500 " not in status, answer
        return status.partition(" ")[2].partition(" ")[2]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Read to the end; a request that isn't whole is given up after a while."""
        answer = b""
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                while part := await reader.read(65_536):
                    answer += part
        except TimeoutError:
            writer.write_eof()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return answer + await reader.read()
        except TimeoutError:
            raise AssertionError(f"open for {ANSWER_SECONDS} s after the end") from None

    async def stop(self) -> None:
        if self.context is not None:
            await self.context.__aexit__(None, None, None)
            self.context = None
