"""From the environment to a listening door and its exit status."""

import asyncio
import contextlib
import os
import signal
import ssl
import sys

from aiohttp import web

from octobridge.shell import logs
from octobridge.shell.environment import SettingsError
from octobridge.sidecar import settings as reading
from octobridge.sidecar.forwarding import BEHIND, application
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
        print(f"sidecar: can't serve on {where}: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    """Serve; a pod stops its sidecars after its other containers, so at once is soon enough."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = application(settings.token, settings.upstream, BEHIND[settings.behind])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        tls = _tls(settings)
        await web.TCPSite(runner, settings.address, settings.port, ssl_context=tls).start()
        logs.logger("sidecar").info(
            "Listening", address=settings.address, port=settings.port, behind=settings.behind
        )
        await stop.wait()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.certificate / "tls.crt", settings.certificate / "tls.key")
    return context
