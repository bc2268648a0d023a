"""Carries out what the core decides, and brings it what happens.

One task a request to a bridge, started in the order of the effects (so a conference's requests
leave in order), and everything comes back into the core on one event loop. A failure in here is
logged and costs that one step.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable
from typing import Any, Final, Protocol, assert_never

import structlog

from jitsiwire.stats import BridgeStats
from octoload.focus.effects import CheckHealth, CloseConnection, Effect, SendRequest, Tell
from octoload.focus.focus import Focus
from octoload.focus.moves import Redistributor
from octoload.focus.settings import FocusSettings
from octoload.focus.xmpp import Xmpp
from octoload.signalling import FocusMessage

__all__ = ["Connections", "Shell"]

TICK_SECONDS: Final = 0.5

log = structlog.get_logger()


class Connections(Protocol):
    """Where participants are."""

    def tell(self, connection: int, message: FocusMessage) -> None:
        """Say something over a connection, if it is still there."""
        ...

    def close(self, connection: int) -> None:
        """End a connection after what was said before."""
        ...


class Shell:
    """The focus' core with its hands."""

    def __init__(self, settings: FocusSettings) -> None:
        self.focus = Focus(settings, lambda: secrets.token_hex(16))
        self.xmpp = Xmpp(settings, self)
        self.redistributor = Redistributor()
        self.connections: Connections | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def now(self) -> float:
        """The core's clock."""
        return self._loop.time()

    def start(self) -> None:
        """Go into the brewery and let the time pass."""
        self.xmpp.start()
        self._ticking = self._loop.create_task(self._tick())

    async def close(self) -> None:
        """Stop; conferences stay where they are."""
        running = list(self._tasks)
        if self._ticking is not None:
            running.append(self._ticking)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.xmpp.close()

    # -- Events of the brewery --------------------------------------------------------------------

    def bridge_seen(self, jid: str, stats: BridgeStats) -> None:
        """A bridge published its statistics."""
        only = self.focus.settings.only
        if only is not None and jid.rpartition("/")[2] != only:
            return
        if jid not in self.focus.bridges:
            log.info("Bridge added", bridge=jid, version=stats.version, region=stats.region)
        self.perform(self.focus.bridge_seen(jid, stats, self.now()))

    def bridge_gone(self, jid: str) -> None:
        """A bridge left."""
        if jid in self.focus.bridges:
            log.info("Bridge removed", bridge=jid)
        self.perform(self.focus.bridge_gone(jid, self.now()))

    def brewery_lost(self) -> None:
        """We have been away for too long."""
        log.error("Out of the brewery: no bridge is known any more")
        self.perform(self.focus.brewery_lost(self.now()))

    def reachable(self, online: bool) -> None:
        """Whether bridges can be asked anything right now; whoever waited for that goes on."""
        before, self.focus.placement.online = self.focus.placement.online, online
        if online and not before:
            self.perform(self.focus.placement.retry(self.now(), at_once=True))

    # -- effects ----------------------------------------------------------------------------------

    def perform(self, effects: Iterable[Effect]) -> None:
        """Do them in order."""
        for effect in effects:
            match effect:
                case Tell(connection, message):
                    if self.connections is not None:
                        self.connections.tell(connection, message)
                case CloseConnection(connection):
                    if self.connections is not None:
                        self.connections.close(connection)
                case SendRequest():
                    self._spawn(self._ask(effect))
                case CheckHealth(bridge):
                    self._spawn(self._check(bridge))
                case _:
                    assert_never(effect)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A step failed", exc_info=task.exception())

    async def _ask(self, effect: SendRequest) -> None:
        reply = await self.xmpp.ask(effect.bridge, effect.request)
        self.perform(self.focus.replied(effect.token, reply, self.now()))

    async def _check(self, bridge: str) -> None:
        answer = await self.xmpp.check_health(bridge)
        self.perform(self.focus.health(bridge, answer, self.now()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.perform(self.focus.tick(self.now()))
                if self.focus.settings.load_redistribution:
                    self.perform(self.redistributor.tick(self.focus, self.now()))
            except Exception:
                log.exception("A tick failed")
