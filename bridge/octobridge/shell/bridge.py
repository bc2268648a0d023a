"""The bridge as one object: the core, the engine and the transports, put together.

XMPP and REST are its users. Everything here runs on one event loop; a request is handled and
its effects handed to the engine in one go, before its reply is given back.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jitsiwire.colibri2 import Candidate, Colibri2Error, Condition, ConferenceModified
from jitsiwire.colibri2 import ConferenceModify as Request
from jitsiwire.colibri2 import Fingerprint as WireFingerprint
from jitsiwire.stats import BridgeStats
from octobridge.core import debug, reporting
from octobridge.core.candidates import PortRange
from octobridge.core.colibri import Colibri
from octobridge.core.conversations import Conversations
from octobridge.core.effects import Effect
from octobridge.core.health import Enrolment, Health, Vitals, check, whole
from octobridge.core.load_reducer import LoadReducer, Reduction
from octobridge.core.minting import Mint
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.reports import Reports
from octobridge.core.rounds import Rounds
from octobridge.core.shutdown import ShutdownState, Timing
from octobridge.core.stress import Load, Stress
from octobridge.core.traffic import Traffic
from octobridge.shell.logs import logger
from octobridge.shell.media import MediaEngine
from octobridge.shell.memory import give_back
from octobridge.shell.reception import Reception
from octobridge.shell.sampling import CpuMeter, LagMeter, thread_count
from octobridge.shell.transports import Transports
from octobridge.shell.unique_ports import UniquePorts
from octoengine.dtls import fingerprint, process_certificate

__all__ = ["BrewerySummary", "Bridge"]

POLL_SECONDS: Final = 0.5
ADAPT_SECONDS: Final = 0.05
LAG_SECONDS: Final = 0.1
MEMORY_SECONDS: Final = 30.0
_log = logger("bridge")


@dataclass(frozen=True, slots=True)
class BrewerySummary:
    """How many brewery clients there are and how they fare."""

    configured: int = 0
    connected: int = 0
    joined: int = 0


class Bridge:
    """See the module.

    Args:
        media: The engine, with its sockets open.
        candidates: What endpoints are offered.
        policy: The core's limits and switches.
        timing: How shutdown goes.
        require_valid_address: Whether a bridge with private addresses only is unhealthy.
        ports: Opens ports for single transports; any free ones when not given.
    """

    def __init__(
        self,
        media: MediaEngine,
        *,
        candidates: tuple[Candidate, ...],
        policy: Policy,
        timing: Timing,
        require_valid_address: bool = False,
        ports: UniquePorts | None = None,
    ) -> None:
        ours = fingerprint(process_certificate())
        if ports is None:
            ports = UniquePorts(media, (), PortRange(), Mint(secrets.token_bytes))
        self.registry = Registry(
            entropy=secrets.token_bytes,
            policy=policy,
            timing=timing,
            candidates=candidates,
            fingerprint=WireFingerprint(ours.algorithm, ours.value),
            ports=ports,
        )
        self.media = media
        self.traffic = Traffic()
        self.relay_traffic = Traffic()
        self.brewery: Callable[[], BrewerySummary] = BrewerySummary
        self.changed = asyncio.Event()
        """Set whenever presence should be published at once; the publishers clear it."""
        self.exited = asyncio.Event()
        """Set when shutdown is complete."""
        self._colibri = Colibri(self.registry)
        self._reports = Reports(self.registry, self.traffic, self.relay_traffic)
        self._conversations = Conversations(self.registry)
        self._reception = Reception(self._reports, self._conversations, self._apply)
        self._transports = Transports(media, self._reception, ports)
        self._stress = Stress()
        self._cpu = CpuMeter()
        self._lag = LagMeter()
        self._require_valid_address = require_valid_address
        self._joined_at = self._now()
        self.reducer = LoadReducer(Reduction()) if policy.reduce_load else None
        self._rounds = Rounds(self.registry, self._conversations, self.reducer, self._now())
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- Colibri2 -------------------------------------------------------------------------

    def handle(self, request: Request) -> ConferenceModified | Colibri2Error:
        """Handle one request; its effects are with the engine when this returns."""
        try:
            outcome = self._colibri.handle(request, self._now())
            self._transports.apply(outcome.effects)
        except Exception:
            _log.exception("Could not handle a request")
            return Colibri2Error(Condition.INTERNAL_SERVER_ERROR, "The bridge failed.")
        if isinstance(outcome.reply, Colibri2Error):
            _log.info(
                "Refused a request",
                condition=str(outcome.reply.condition),
                reason=outcome.reply.reason and str(outcome.reply.reason),
            )
        self._advance()
        return outcome.reply

    # ---- shutdown and drain ---------------------------------------------------------------

    def set_drain(self, drain: bool) -> None:
        """Ask the focus to look elsewhere first, or no longer."""
        if self.registry.drain != drain:
            self.registry.drain = drain
            _log.info("Draining" if drain else "No longer draining")
            self.changed.set()

    def shut_down(self, *, graceful: bool) -> None:
        """Begin to go: wait for people, or have them moved now."""
        shutdown = self.registry.shutdown
        now = self._now()
        asked = shutdown.ask_graceful(now) if graceful else shutdown.ask_immediate(now)
        if asked:
            _log.info("Shutting down", graceful=graceful, endpoints=self._occupants())
            self.changed.set()
        self._advance()

    def _advance(self) -> None:
        shutdown = self.registry.shutdown
        if not shutdown.advance(self.registry.occupancy(), self._now()):
            return
        _log.info("Shutdown went on", state=shutdown.state.value, endpoints=self._occupants())
        self.changed.set()
        if shutdown.state is ShutdownState.EXITED:
            self.exited.set()

    def _occupants(self) -> int:
        return self.registry.occupancy().local_endpoints

    # ---- what it tells --------------------------------------------------------------------

    @property
    def load(self) -> Load:
        """How full it is."""
        return self._stress.load

    def health(self) -> Health:
        """Return whether the process is healthy, as of now."""
        vitals = Vitals(
            sockets=len(self.media.sockets),
            engine_running=self.media.is_running,
            looked_at=self._rounds.looked_at,
            candidates=self.registry.candidates,
            require_valid_address=self._require_valid_address,
        )
        return check(vitals, self._now())

    def whole_health(self) -> Health:
        """Return whether it is healthy and can be found by a focus, as of now."""
        brewery = self.brewery()
        if brewery.joined:
            self._joined_at = self._now()
        enrolment = Enrolment(
            wanted=brewery.configured > 0,
            last_joined=self._joined_at,
            grace=self.registry.policy.brewery_grace,
        )
        return whole(self.health(), enrolment, self._now())

    def stats(self) -> BridgeStats:
        """Return the whole list of statistics."""
        brewery = self.brewery()
        self.registry.counters.data_channel_messages_sent = self._transports.messages_sent
        around = reporting.Surroundings(
            stress=self.load.stress,
            healthy=self.health().success,
            timestamp=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            threads=thread_count(),
            muc_clients_configured=brewery.configured,
            muc_clients_connected=brewery.connected,
            mucs_joined=brewery.joined,
        )
        return reporting.stats(self.registry, self.traffic, self.relay_traffic, around)

    def debug_view(self, *, full: bool) -> dict[str, Any]:
        """Return what `/debug` shows."""
        view = debug.bridge_view(
            self.registry,
            self.load,
            self.whole_health(),
            int(time.time() * 1000),
            full=full,
            reducer=self.reducer,
        )
        brewery = self.brewery()
        view["brewery"] = {
            "configured": brewery.configured,
            "connected": brewery.connected,
            "joined": brewery.joined,
        }
        view["engine"] = dict(sorted(self.media.stats().counters.items()))
        view["held"] = self.held
        view["dropped"] = dict(sorted(self._transports.dropped.items()))
        return view

    @property
    def dropped(self) -> dict[str, int]:
        """Datagrams that control didn't use, by reason."""
        return dict(self._transports.dropped)

    @property
    def held(self) -> dict[str, int]:
        """What control keeps of transports; all zero when nobody is here."""
        return self._transports.held

    # ---- life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the periodic work."""
        periodic = (
            self._poll_forever(),
            self._adapt_forever(),
            self._measure_lag(),
            self._give_memory_back(),
        )
        for work in periodic:
            task = asyncio.get_running_loop().create_task(work)
            self._tasks.add(task)

    async def close(self) -> None:
        """Stop everything, saying goodbye to peers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._transports.close()
        # The engine sends what was queued in its next round; a moment is enough for it.
        await asyncio.sleep(0.05)
        self.media.close()

    async def _poll_forever(self) -> None:
        while True:
            try:
                self.poll()
            except Exception:
                _log.exception("Could not look at the engine")
            await self._beat(POLL_SECONDS)

    async def _adapt_forever(self) -> None:
        """Adapt to what has come in since the last time; most of the time that is nothing."""
        while True:
            try:
                self._apply(self.registry.step(self._now()))
            except Exception:
                _log.exception("Could not adapt")
            await self._beat(ADAPT_SECONDS)

    def poll(self) -> None:
        """Look at the engine's counters, let go of what is over, and go on with shutdown."""
        now = self._now()
        engine = self.media.stats()
        transports, sources = self.media.transport_stats(), self.media.source_stats()
        self._apply(self._reports.readings(transports, sources, now))
        self._stress.observe(
            self._cpu.sample(engine.thread_cpu_ns / 1e9, self._lag.take(), engine.queue_fill)
        )
        if self.brewery().joined:
            self._joined_at = now
        self._apply(self._rounds.go(self.load.stress, now))
        self._advance()

    async def _measure_lag(self) -> None:
        while True:
            due = self._next_beat(LAG_SECONDS)
            await asyncio.sleep(due - self._now())
            self._lag.late(self._now() - due)

    async def _give_memory_back(self) -> None:
        while True:
            await self._beat(MEMORY_SECONDS)
            give_back()

    def _apply(self, effects: list[Effect]) -> None:
        self._transports.apply(effects)

    async def _beat(self, seconds: float) -> None:
        """Wait for the next beat; all that is periodic keeps time, as waking up costs much."""
        await asyncio.sleep(self._next_beat(seconds) - self._now())

    def _next_beat(self, seconds: float) -> float:
        return (self._now() // seconds + 1) * seconds

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
