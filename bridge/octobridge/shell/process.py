"""The process: puts the parts together, takes signals, and ends with the right status.

SIGTERM, SIGINT and SIGHUP drain and wait for people; a second one changes nothing. SIGQUIT has
everyone moved at once. Status 0 means an orderly end, 1 that it couldn't start, 2 a bad setting.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from xml.etree.ElementTree import Element

from aiohttp import web

from jitsiwire import stats
from octobridge.core.adaptation import AdaptationPolicy
from octobridge.core.candidates import LocalAddress, local_candidates
from octobridge.core.limits import SizeLimits
from octobridge.core.minting import Entropy, Mint
from octobridge.core.policy import Policy
from octobridge.core.shutdown import Timing
from octobridge.shell import iq
from octobridge.shell.addresses import listened_on
from octobridge.shell.brewery import Brewery
from octobridge.shell.bridge import BrewerySummary, Bridge
from octobridge.shell.logs import logger
from octobridge.shell.media import MediaEngine, PortTakenError
from octobridge.shell.rest import application
from octobridge.shell.settings import RestSettings, Settings
from octobridge.shell.stun_mapping import discover
from octobridge.shell.unique_ports import UniquePorts

__all__ = ["StartError", "run"]

LAST_WORDS_SECONDS: Final = 0.2
"""For the last presence to reach the server before we leave the room."""
_log = logger("process")


class StartError(RuntimeError):
    """The bridge can't start; the text is for the user."""


async def run(settings: Settings, entropy: Entropy) -> None:
    """Run a bridge until its shutdown is complete.

    Raises:
        StartError: A port is taken or an address isn't ours.
    """
    media = MediaEngine()
    try:
        bridge = await _bridge(media, settings, entropy)
    except PortTakenError as error:
        media.close()
        raise StartError(
            f"{error}; free the port or set JVB_PORT or OCTOBRIDGE_BIND_ADDRESSES"
        ) from error
    try:
        async with contextlib.AsyncExitStack() as stack:
            await _serve(bridge, settings.rest, stack)
            await _live(bridge, settings)
    finally:
        await bridge.close()
    _log.info("Exited")


async def _bridge(media: MediaEngine, settings: Settings, entropy: Entropy) -> Bridge:
    media.open(listened_on(settings.bind_addresses), settings.udp_port)
    mappings = list(settings.advertised)
    if settings.stun_servers:
        mappings += await discover(media, settings.stun_servers)
    local: list[LocalAddress] = [socket.address for socket in media.sockets]
    candidates = local_candidates(local, mappings, Mint(entropy))
    _log.info(
        "Listening",
        candidates=[f"{c.type} {c.ip}#{c.port}" for c in candidates],
    )
    policy = Policy(
        version=settings.version or _version(),
        region=settings.region,
        relay_id=settings.relay_id,
        advertise_private_candidates=settings.advertise_private,
        announce_version=settings.announce_version,
        reduce_load=settings.reduce_load,
        average_participant_stress=settings.participant_stress,
        adaptation=AdaptationPolicy(
            trust_bwe=settings.trust_bandwidth,
            size_limits=SizeLimits(dict(settings.last_n_limits)),
        ),
    )
    timing = Timing(max_duration=settings.drain_deadline, delay=settings.shutdown_delay)
    return Bridge(
        media,
        candidates=candidates,
        policy=policy,
        timing=timing,
        require_valid_address=settings.require_valid_address,
        ports=UniquePorts(media, settings.advertised, settings.unique_ports, Mint(entropy)),
    )


async def _serve(bridge: Bridge, settings: RestSettings, stack: contextlib.AsyncExitStack) -> None:
    """Open the private HTTP server, closed by the stack."""
    runner = web.AppRunner(application(bridge, settings), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, settings.address, settings.port).start()
    except OSError as error:
        raise StartError(
            f"the REST server can't listen on {settings.address}:{settings.port}:"
            f" {error.strerror or error}; free the port or set OCTOBRIDGE_REST_PORT"
        ) from error


async def _live(bridge: Bridge, settings: Settings) -> None:
    """Be a bridge until shutdown is complete."""
    # Before the first presence: the focus must not place anybody in between.
    bridge.set_drain(settings.initial_drain)
    breweries = _breweries(bridge, settings)
    bridge.brewery = lambda: _summary(breweries)
    _take_signals(bridge)
    bridge.start()
    for brewery in breweries:
        brewery.start()
    publisher = asyncio.get_running_loop().create_task(_publish_changes(bridge, breweries))
    try:
        await bridge.exited.wait()
        # The focus must know that we go before it sees us gone, or it counts us as lost.
        for brewery in breweries:
            brewery.publish()
        await asyncio.sleep(LAST_WORDS_SECONDS)
    finally:
        publisher.cancel()
        await asyncio.gather(*(brewery.close() for brewery in breweries))
        _leave_signals()


def _breweries(bridge: Bridge, settings: Settings) -> list[Brewery]:
    rooms = frozenset({settings.xmpp.room})
    version_text = bridge.registry.policy.version

    def published() -> Element:
        return stats.build_presence(bridge.stats())

    def answered(payload: Element | None, origin: str) -> iq.Answer:
        return iq.answer(bridge, payload, origin, rooms, version_text)

    return [Brewery(server, settings.xmpp, published, answered) for server in settings.xmpp.servers]


def _summary(breweries: list[Brewery]) -> BrewerySummary:
    return BrewerySummary(
        configured=len(breweries),
        connected=sum(brewery.connected for brewery in breweries),
        joined=sum(brewery.joined for brewery in breweries),
    )


async def _publish_changes(bridge: Bridge, breweries: list[Brewery]) -> None:
    """Publish at once what the focus must not learn five seconds late."""
    while True:
        await bridge.changed.wait()
        bridge.changed.clear()
        for brewery in breweries:
            brewery.publish()


def _take_signals(bridge: Bridge) -> None:
    def leave(name: str) -> None:
        _log.info("Got a signal", signal=name)
        bridge.set_drain(True)
        bridge.shut_down(graceful=True)

    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: lambda: leave("SIGTERM"),
        signal.SIGINT: lambda: leave("SIGINT"),
        signal.SIGHUP: lambda: leave("SIGHUP"),
        signal.SIGQUIT: lambda: bridge.shut_down(graceful=False),
    }
    for number, handler in handlers.items():
        asyncio.get_running_loop().add_signal_handler(number, handler)


def _leave_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        asyncio.get_running_loop().remove_signal_handler(number)


def _version() -> str:
    try:
        return "octobridge-" + version("octofleet")
    except PackageNotFoundError:
        return "octobridge-0"
