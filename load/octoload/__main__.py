"""octoload: synthetic participants for any deployment, and a minimal focus for the lab."""

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import cyclopts
import structlog
from aiohttp import web
from pydantic import ValidationError

from octoload import routes
from octoload.crowd import CallRequest, Crowd
from octoload.report import Report
from octoload.server import application

__all__ = ["main"]

HTTP_STOP_SECONDS: Final = 2.0

logger = structlog.get_logger()
app = cyclopts.App(name="octoload", help=__doc__)

Focus = Annotated[str, cyclopts.Parameter(help="The focus' WebSocket: ws://HOST:8889/signal.")]
Address = Annotated[
    str | None,
    cyclopts.Parameter(help="Local IP address for media; default: the one that leads to focus."),
]
Engines = Annotated[int, cyclopts.Parameter(help="Media engines, one thread each.")]


@app.command
def serve(
    *,
    focus: Focus,
    listen: Annotated[str, cyclopts.Parameter(help="HOST:PORT of the HTTP control.")] = (
        "127.0.0.1:8890"
    ),
    address: Address = None,
    engines: Engines = 1,
    limit: Annotated[int, cyclopts.Parameter(help="Participants at most.")] = 2000,
) -> None:
    """Run calls as told over HTTP until SIGTERM or SIGINT."""
    host, port = _host_and_port(listen)
    try:
        asyncio.run(_serve(focus, _address(address, focus), engines, limit, host, port))
    except OSError as error:
        sys.exit(f"octoload: --listen {listen} or --address {address or '(default)'}: {error}")


@app.command
def join(
    *,
    focus: Focus,
    conference: Annotated[str, cyclopts.Parameter(help="Name of the call.")],
    participants: int = 2,
    seconds: Annotated[float, cyclopts.Parameter(help="How long to stay.")] = 30.0,
    video: bool = True,
    bitrate: Annotated[int, cyclopts.Parameter(help="Bits/s of each video stream.")] = 300_000,
    watch: Annotated[bool, cyclopts.Parameter(help="Ask for each other's video.")] = True,
    region: str | None = None,
    ramp: Annotated[float, cyclopts.Parameter(help="Seconds over which they join.")] = 0.0,
    address: Address = None,
    engines: Engines = 1,
    as_json: Annotated[bool, cyclopts.Parameter(name="--json", help="Print the report.")] = False,
) -> None:
    """Join a call, stay, leave, and say in one line how it went.

    Exits with 1 when someone was dropped or not everyone was admitted.
    """
    try:
        request = CallRequest(
            name=conference,
            participants=participants,
            video=video,
            bitrate=bitrate,
            watch=watch,
            region=region,
            ramp=ramp,
        )
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(f"octoload: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    report = asyncio.run(_join(focus, _address(address, focus), engines, request, seconds))
    if as_json:
        print(json.dumps(report.to_json(), indent=2))  # noqa: T201 - what was asked for
    print(report.line())  # noqa: T201
    total = report.total
    sys.exit(1 if total.dropped or total.admitted < participants else 0)


@app.command(name="try")
def try_(
    bridge: Annotated[str, cyclopts.Parameter(help="Its nickname in the brewery.")],
    /,
    *,
    seconds: Annotated[float, cyclopts.Parameter(help="Until media flows both ways.")] = 20.0,
    say: Annotated[Path | None, cyclopts.Parameter(help="File for the last words.")] = None,
) -> None:
    """Hold a short call on one bridge, past everybody's focus.

    Exits with 1 when the bridge fails, with 2 when the call couldn't be tried. Where to log in is
    told by stock Jicofo's environment variables; as whom, by OCTOFLEET_AUTH_PASSWORD, or else
    JVB_AUTH_USER and JVB_AUTH_PASSWORD.
    """
    # Here and not above: the other commands need no XMPP.
    from octoload import trying
    from octoload.focus.settings import SettingsError

    try:
        accounts = trying.accounts(os.environ, bridge)
    except SettingsError as error:
        sys.exit(f"octoload: {error}")
    trial = asyncio.run(trying.try_bridge(accounts, seconds))
    if say is not None:
        say.write_text(trial.message)
    print(trial.message)  # noqa: T201 - what was asked for
    sys.exit({True: 0, False: 1, None: 2}[trial.passed])


@app.command
def focus() -> None:
    """Run the minimal focus; configured by stock Jicofo's environment variables."""
    importlib.import_module("octoload.focus.__main__").run()


def main() -> None:
    """Run the command line."""
    # Standard output is for what was asked for.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    app()


async def _serve(
    focus_url: str, address: str, engines: int, limit: int, host: str, port: int
) -> None:
    stop = _stop_signal()
    async with Crowd(focus_url, address, engines, limit) as crowd:
        runner = web.AppRunner(application(crowd), shutdown_timeout=HTTP_STOP_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            logger.info("Control listens", host=host, port=port, media_address=address)
            await stop.wait()
        finally:
            await runner.cleanup()


async def _join(
    focus_url: str, address: str, engines: int, request: CallRequest, seconds: float
) -> Report:
    stop = _stop_signal()
    async with Crowd(focus_url, address, engines) as crowd:
        crowd.apply(request)
        deadline = time.monotonic() + seconds
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await stop.wait()
        except TimeoutError:
            pass
        return crowd.report()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _address(given: str | None, focus_url: str) -> str:
    try:
        found = given or routes.local_address_towards(focus_url)
    except (OSError, ValueError) as error:
        sys.exit(f"octoload: --focus {focus_url}: {error}")
    if not routes.is_local(found):
        sys.exit(f"octoload: --address {found}: no IP address of this machine")
    return found


def _host_and_port(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535:
        sys.exit(f"octoload: --listen {listen!r}: expected HOST:PORT")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - all addresses, as asked


if __name__ == "__main__":
    main()
