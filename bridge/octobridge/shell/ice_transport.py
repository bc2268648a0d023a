"""ICE of one transport: the agent in use, one that may replace it, and one that was replaced.

A restart begins a second agent with new credentials. Media goes on over the first until the
second has selected an address; then everything goes there, and the first answers for a few
seconds more what is still on its way. A restart that doesn't connect in time changes nothing.

Source: reference/colibri2.md, "ICE restart" (JVB IceTransport.kt).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from octobridge.core import effects as fx
from octobridge.shell.ice_run import IceRun, Lookup
from octobridge.shell.media import Socket
from octobridge.shell.paths import Path
from octoengine import Command
from octoengine.ice import ConsentLost, Credentials, Event, Failed, Role, Selected, Validated

__all__ = ["IceEvents", "IceTransport"]

ESTABLISH_SECONDS: Final = 60.0
"""ICE's time from the creation of the endpoint: a client may take a while to answer."""
FAIR_SECONDS: Final = 20.0
"""ICE isn't called failed before the peer's credentials are known for so long."""
RESTART_SECONDS: Final = 20.0
REPLACED_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class IceEvents:
    """Whom to tell."""

    connected: Callable[[], None]
    failed: Callable[[], None]
    consent_lost: Callable[[], None]
    restarted: Callable[[int], None]
    """A restart of this generation took over."""
    restart_failed: Callable[[int], None]


class IceTransport:
    """See the module."""

    def __init__(
        self,
        lookup: Lookup,
        transport: int,
        credentials: Credentials,
        sockets: Sequence[Socket],
        role: Role,
        events: IceEvents,
    ) -> None:
        self.is_selected = False
        """Whether there is, or was, an address to send to."""
        self._lookup = lookup
        self._transport = transport
        self._sockets = sockets
        self._role = role
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._pending: IceRun | None = None
        self._replaced: IceRun | None = None
        self._replaced_timer: asyncio.TimerHandle | None = None
        self._current = self._run(credentials, 0, ESTABLISH_SECONDS)

    def set_remote(self, remote: fx.SetRemote) -> None:
        """Tell the agent it is about; one that is gone needs nothing."""
        run = self._current
        if remote.generation not in (None, run.generation):
            if self._pending is None or self._pending.generation != remote.generation:
                self._lookup.dropped["ice_generation_unknown"] += 1
                return
            run = self._pending
        run.set_remote(remote.ufrag, remote.pwd, remote.candidates)

    def restart(self, restart: fx.RestartIce) -> None:
        """Begin another agent beside the one in use."""
        if self._pending is not None:
            self._pending.close()
        credentials = Credentials(restart.ufrag, restart.pwd)
        self._pending = self._run(credentials, restart.generation, RESTART_SECONDS)

    def close(self) -> None:
        """End every agent. Idempotent."""
        self._forget_replaced()
        self._lookup.paths.release(self._transport)
        self._current.close()
        if self._pending is not None:
            self._pending.close()
            self._pending = None

    # ---- what agents find -----------------------------------------------------------------

    def _run(self, credentials: Credentials, generation: int, seconds: float) -> IceRun:
        return IceRun(
            self._lookup,
            credentials,
            self._sockets,
            self._role,
            generation,
            seconds,
            self._happened,
        )

    def _happened(self, run: IceRun, event: Event) -> list[Command]:
        if isinstance(event, Validated):
            return self._bind(event)
        if run is self._pending:
            return self._pending_happened(run, event)
        return self._current_happened(run, event) if run is self._current else []

    def _bind(self, event: Validated) -> list[Command]:
        """Let the peer send media and DTLS from there at once, whichever agent it told."""
        path = Path(event.socket, event.address, event.port)
        if not self._lookup.paths.claim(path, self._transport, is_proved=False):
            self._lookup.dropped["address_of_another"] += 1
            return []
        return [Command.BindAddress(self._transport, *path)]

    def _current_happened(self, run: IceRun, event: Event) -> list[Command]:
        match event:
            case Selected():
                self._selected()
                return [self._selection(event)]
            case Failed():
                self._failed(run)
            case ConsentLost():
                self._events.consent_lost()
            case _:
                pass
        return []

    def _pending_happened(self, run: IceRun, event: Event) -> list[Command]:
        match event:
            case Selected():
                self._take_over(run)
                ours = run.credentials
                return [
                    Command.SetIce(self._transport, ours.ufrag, ours.pwd),
                    self._selection(event),
                ]
            case Failed():
                run.close()
                self._pending = None
                self._events.restart_failed(run.generation)
            case _:
                pass
        return []

    def _selection(self, event: Selected) -> Command:
        path = Path(event.socket, event.address, event.port)
        self._lookup.paths.claim(path, self._transport, is_proved=True)
        return Command.SelectAddress(self._transport, *path)

    def _take_over(self, run: IceRun) -> None:
        self._forget_replaced()
        self._replaced, self._current, self._pending = self._current, run, None
        self._replaced_timer = self._loop.call_later(REPLACED_SECONDS, self._forget_replaced)
        self._events.restarted(run.generation)
        self._selected()

    def _selected(self) -> None:
        self.is_selected = True
        self._events.connected()

    def _failed(self, run: IceRun) -> None:
        known = run.remote_known_at
        # A peer that answered just now may yet come through; silence is for `expiry` to judge.
        if known is not None and self._loop.time() - known >= FAIR_SECONDS:
            self._events.failed()

    def _forget_replaced(self) -> None:
        if self._replaced_timer is not None:
            self._replaced_timer.cancel()
            self._replaced_timer = None
        if self._replaced is not None:
            self._replaced.close()
            self._replaced = None
