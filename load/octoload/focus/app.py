"""The focus as a program: the shell and its two HTTP servers, until it is told to stop."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from octoload.focus.rest import RestServer
from octoload.focus.settings import FocusSettings
from octoload.focus.shell import Shell
from octoload.focus.websocket import SignalServer

__all__ = ["Running", "run", "running"]

log = structlog.get_logger()


class Running:
    """A focus at work and where it listens."""

    def __init__(self, shell: Shell, rest_port: int, signal_port: int) -> None:
        self.shell = shell
        self.rest_port = rest_port
        self.signal_port = signal_port


@asynccontextmanager
async def running(settings: FocusSettings) -> AsyncGenerator[Running]:
    """Run a focus for as long as the context is open; port 0 picks a free one."""
    shell = Shell(settings)
    rest, signals = RestServer(shell).application(), SignalServer(shell).application()
    rest_runner, rest_port = await _listen(rest, settings.rest_host, settings.rest_port)
    signal_runner, signal_port = await _listen(signals, settings.signal_host, settings.signal_port)
    shell.start()
    log.info("Focus started", rest=rest_port, signal=signal_port, strategy=settings.strategy)
    try:
        yield Running(shell, rest_port, signal_port)
    finally:
        await shell.close()
        await signal_runner.cleanup()
        await rest_runner.cleanup()


async def _listen(application: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner, int(runner.addresses[0][1])


async def run(settings: FocusSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with running(settings):
        await stopped.wait()
    log.info("Focus stopped")
