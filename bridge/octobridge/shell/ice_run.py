"""One ICE agent given time and datagrams; what it finds goes to the transport it is part of.

The agent is sans-I/O. A run also tells the tables of all transports which STUN messages are its
own: requests by its user name, responses by the transactions it began.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from jitsiwire.colibri2 import Candidate
from octobridge.shell.media import MediaEngine, Socket
from octobridge.shell.paths import Paths
from octoengine import Command
from octoengine.ice import (
    Agent,
    Credentials,
    Event,
    IceLimits,
    LocalCandidate,
    RemoteCandidate,
    Role,
)

__all__ = ["IceRun", "Lookup"]

KEPT_TRANSACTIONS: Final = 128
MESSAGES_A_SECOND: Final = 100.0
MESSAGES_AT_ONCE: Final = 300.0
"""An honest peer sends some twenty a second while it connects, over all its addresses and ours.
The engine answers consent checks by itself: those never come here."""


class Lookup(Protocol):
    """Where STUN messages are looked up, and what carries the answers."""

    media: MediaEngine
    paths: Paths
    dropped: Counter[str]

    def remember_agent(self, ufrag: str, run: "IceRun") -> None: ...  # noqa: D102
    def forget_agent(self, ufrag: str) -> None: ...  # noqa: D102
    def remember_transaction(self, transaction: bytes, run: "IceRun") -> bool: ...  # noqa: D102
    def forget_transaction(self, transaction: bytes) -> None: ...  # noqa: D102


class IceRun:
    """See the module.

    Args:
        lookup: The tables and the engine.
        credentials: Ours.
        sockets: Those it may use.
        role: Whether we nominate; agents may settle it otherwise.
        generation: Counts restarts; 0 is the first.
        seconds: Time to connect in.
        act: Told each event, in order; returns commands that go out before the agent's datagrams.
    """

    def __init__(
        self,
        lookup: Lookup,
        credentials: Credentials,
        sockets: Sequence[Socket],
        role: Role,
        generation: int,
        seconds: float,
        act: Callable[["IceRun", Event], list[Command]],
    ) -> None:
        self.generation = generation
        self.credentials = credentials
        self.remote_known_at: float | None = None
        self._lookup = lookup
        self._act = act
        self._loop = asyncio.get_running_loop()
        self._transactions: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._allowance = MESSAGES_AT_ONCE
        self._counted_at = self._loop.time()
        self._agent = Agent(
            role,
            credentials,
            tuple(LocalCandidate(s.number, s.address.ip, s.address.port) for s in sockets),
            self._loop.time(),
            generation=generation,
            limits=IceLimits(establish_seconds=seconds),
        )
        lookup.remember_agent(credentials.ufrag, self)
        self._pump()

    def set_remote(self, ufrag: str | None, pwd: str | None, given: Sequence[Candidate]) -> None:
        """Learn more about the peer; credentials that can't be used are dropped and counted."""
        now = self._loop.time()
        if ufrag and pwd:
            try:
                credentials = Credentials(ufrag, pwd)
            except ValueError:
                self._lookup.dropped["ice_credentials_malformed"] += 1
            else:
                self.remote_known_at = self.remote_known_at or now
                self._agent.set_remote_credentials(credentials, now)
        for candidate in given:
            self._agent.add_remote_candidate(self._remote_candidate(candidate))
        self._pump()

    def receive(self, data: bytes, socket: int, source: tuple[str, int]) -> None:
        """Take a STUN message that is this agent's."""
        now = self._loop.time()
        if self._is_closed:
            return
        if not self._is_within_rate(now):
            self._lookup.dropped["ice_rate"] += 1
            return
        self._agent.receive(data, socket, source, now)
        self._pump()

    def close(self) -> None:
        """Answer nothing and ask nothing any more. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lookup.forget_agent(self.credentials.ufrag)
        for transaction in self._transactions:
            self._lookup.forget_transaction(transaction)
        self._transactions.clear()
        self._lookup.dropped.update({f"ice_{k}": n for k, n in self._agent.dropped.items()})

    def _is_within_rate(self, now: float) -> bool:
        earned = (now - self._counted_at) * MESSAGES_A_SECOND
        self._allowance = min(self._allowance + earned, MESSAGES_AT_ONCE)
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _pump(self) -> None:
        """Act on what ICE found, send what it wants sent, and come back when it is due."""
        commands: list[Command] = []
        for event in self._agent.events():
            commands += self._act(self, event)
        for datagram in self._agent.transmits():
            self._note_transaction(datagram.data)
            commands.append(
                Command.SendDatagram(
                    datagram.socket, datagram.address, datagram.port, datagram.data
                )
            )
        self._lookup.media.submit(commands)
        self._arm()

    def _note_transaction(self, data: bytes) -> None:
        is_request = data[0] & 0x01 == 0 and data[1] & 0x10 == 0
        transaction = data[8:20]
        if self._is_closed or not is_request or transaction in self._transactions:
            return
        if self._lookup.remember_transaction(transaction, self):
            self._transactions.append(transaction)
        if len(self._transactions) > KEPT_TRANSACTIONS:
            self._lookup.forget_transaction(self._transactions.popleft())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._agent.deadline()
        if due is not None and not self._is_closed:
            self._timer = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._agent.expire(self._loop.time())
        self._pump()

    def _remote_candidate(self, c: Candidate) -> RemoteCandidate:
        # Whoever sent it named the agent, or there is but one. Clients that begin a new session
        # for a restart count from 0 again.
        generation = self.generation if c.generation == 0 else c.generation
        return RemoteCandidate(
            c.ip, c.port, c.priority, c.type, generation, c.protocol, c.component
        )
