"""Debian's Chromium without a screen, driven over its debugging pipe.

The browser reads commands on its file descriptor 3 and writes answers on 4, so nothing listens
on a port, the connection crosses network namespaces, and a browser whose driver died ends by
itself. Messages are JSON, each ended by a zero byte (Chrome DevTools Protocol).
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, Final, cast

from octodemo.scratch import scratch

__all__ = ["Browser", "BrowserError", "Page", "chromium"]

PROGRAM: Final = "chromium"
ANSWER_SECONDS: Final = 60.0
FLAGS: Final = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--mute-audio",
    "--no-first-run", "--no-default-browser-check", "--disable-dev-shm-usage", "--disable-breakpad",
    "--disable-extensions", "--disable-component-update", "--disable-background-networking",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter,OptimizationHints",
    # Without it a machine with nothing but loopback gathers no candidates at all.
    "--allow-loopback-in-peer-connection",
)  # fmt: skip


class BrowserError(Exception):
    """The browser, or the page in it, can't do what it was told."""


class Page:
    """One tab."""

    def __init__(self, browser: "Browser", session: str, target: str) -> None:
        self.complaints: list[str] = []
        """Errors of the page's own, as its console shows them; the newest fifty."""
        self._browser = browser
        self._session = session
        self._target = target

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol on this tab."""
        return await self._browser.call(method, parameters, self._session)

    async def go(self, url: str) -> None:
        """Load an address."""
        answer = await self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited if it is a promise.

        Raises:
            BrowserError: it threw.
        """
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression[:200]}: {_exception(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    async def until(self, expression: str, *, seconds: float = 60.0, every: float = 0.1) -> Any:
        """Return the first value of an expression that is true in JavaScript's eyes.

        Raises:
            TimeoutError: it didn't become so; the message holds what the page complained of.
        """
        deadline = time.monotonic() + seconds
        while True:
            # A page that isn't loaded yet has nothing to evaluate in.
            with contextlib.suppress(BrowserError):
                value = await self.evaluate(expression)
                if value:
                    return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: {expression}; {self.complaints}")
            await asyncio.sleep(every)

    async def screenshot(self) -> bytes:
        """Return what the tab shows as a PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    async def close(self) -> None:
        """Close the tab."""
        await self._browser.call("Target.closeTarget", {"targetId": self._target})

    def heard(self, method: str, parameters: dict[str, Any]) -> None:
        """Take an event of the protocol."""
        if method == "Runtime.exceptionThrown":
            self.complaints.append(_exception(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            said = (str(one.get("value", one.get("description"))) for one in parameters["args"])
            self.complaints.append(" ".join(said))
        del self.complaints[:-50]


class Browser:
    """One Chromium with its own profile."""

    def __init__(self, process: asyncio.subprocess.Process, writer: int) -> None:
        self.process = process
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def open(self, url: str) -> Page:
        """Open a tab with an address."""
        target = (await self.call("Target.createTarget", {"url": "about:blank"}))["targetId"]
        attach = {"targetId": target, "flatten": True}
        session = (await self.call("Target.attachToTarget", attach))["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        await page.call("Runtime.enable")
        await page.call("Page.enable")
        await page.go(url)
        return page

    async def call(
        self, method: str, parameters: dict[str, Any], session: str | None = None
    ) -> dict[str, Any]:
        """Call a method of the protocol.

        Raises:
            BrowserError: the browser refuses, doesn't answer or is gone.
        """
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            os.write(self._writer, json.dumps(message).encode() + b"\0")
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except (TimeoutError, OSError) as failed:
            raise BrowserError(f"{method}: {failed or 'no answer'}") from failed
        finally:
            self._answers.pop(number, None)

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take what the browser says until it ends."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                self._take(json.loads((await reader.readuntil(b"\0"))[:-1]))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrowserError("the browser ended"))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            page = self._pages.get(message.get("sessionId", ""))
            if page is not None:
                page.heard(message["method"], message["params"])
            return
        answer = self._answers.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(BrowserError(str(message["error"].get("message"))))
        else:
            answer.set_result(cast("dict[str, Any]", message["result"]))


@contextlib.asynccontextmanager
async def chromium(
    *, flags: Iterable[str] = (), prefix: Sequence[str] = (), secure: str = ""
) -> AsyncGenerator[Browser]:
    """Run a browser for as long as the context is open.

    Args:
        flags: More of Chromium's own.
        prefix: What to run it by, such as `ip netns exec NAME`.
        secure: An http origin that gets a camera although it isn't localhost.
    """
    if shutil.which(PROGRAM) is None:
        raise BrowserError("chromium is not installed: apt-get install chromium")
    trust = [f"--unsafely-treat-insecure-origin-as-secure={secure}"] if secure else []
    with scratch("chromium") as profile:
        own = [*trust, *flags, f"--user-data-dir={profile}", "about:blank"]
        process, reading, writing = await _start([*prefix, PROGRAM, *FLAGS, *own])
        browser = Browser(process, writing)
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
        )
        listening = asyncio.create_task(browser.listen(reader))
        try:
            yield browser
        finally:
            await _end(process)
            os.close(writing)
            await asyncio.gather(listening, return_exceptions=True)
            transport.close()


async def _start(command: Sequence[str]) -> tuple[asyncio.subprocess.Process, int, int]:
    """Start the browser; return our ends of its pipes, too: to read and to write."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # bash, since dash knows no descriptors above nine.
    plumbing = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    try:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", plumbing, "bash", *command,
            pass_fds=(theirs_in, theirs_out), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    return process, ours_in, ours_out


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the browser and whatever it started: they're one process group."""
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
                break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _exception(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details.get("text"))
