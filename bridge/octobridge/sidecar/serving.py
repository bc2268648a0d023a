"""From the environment to a listening door and its exit status."""

import asyncio
import contextlib
import os
import signal
import sys

from aiohttp import web

from octobridge.shell import logs
from octobridge.shell.environment import SettingsError
from octobridge.sidecar import settings as reading
from octobridge.sidecar.forwarding import application
from octobridge.sidecar.settings import Settings

__all__ = ["run"]


def run() -> int:
    """Run until SIGTERM; return the exit status."""
    try:
        settings = reading.read(os.environ)
    except SettingsError as error:
        print(f"sidecar: {error}", file=sys.stderr)  # noqa: T201 - for the person who starts it
        return 2
    logs.configure(settings.log_level)
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        where = f"{settings.address}:{settings.port}"
        print(f"sidecar: can't listen on {where}: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    """Serve; a pod stops its sidecars after its other containers, so at once is soon enough."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = application(settings.token, settings.upstream)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.address, settings.port).start()
        logs.logger("sidecar").info("Listening", address=settings.address, port=settings.port)
        await stop.wait()
