"""The checklist of an ICE agent: candidate pairs and the transactions that test them.

Bounded tables and no decisions: `octoengine.ice` decides what is checked, nominated, selected.

Source: RFC 8445 §6.1 (one component, so nothing is ever frozen), RFC 8489 §6.2.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

__all__ = [
    "Checklist",
    "Pair",
    "PairKey",
    "PairState",
    "Purpose",
    "Transaction",
    "Transactions",
    "transaction",
]

RETRANSMIT_SECONDS: Final = 0.5
LONGEST_RETRANSMIT_SECONDS: Final = 2.0
"""RFC 8489 doubles without end; a call that has to start can't wait 16 s for its next try."""
MAX_SENDS: Final = 16
CONSENT_ANSWER_SECONDS: Final = 5.0
LAST_WAIT_FACTOR: Final = 16
"""After the last send: this many times the first interval, then the check has failed."""


class PairKey(NamedTuple):
    """Our socket and the peer's address: the base of every local candidate is its socket."""

    socket: int
    address: str
    port: int


class PairState(Enum):
    """Where a pair's check stands."""

    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(slots=True)
class Pair:
    """One way to the peer."""

    key: PairKey
    local_priority: int
    remote_priority: int
    state: PairState = PairState.WAITING
    triggered: bool = False
    """The peer's check came over it: it's known to be good, so it goes first."""
    nominated: bool = False
    """The controlling peer wants it."""
    proved: bool = False
    """A message signed with the right password came over it."""
    last_sent: float = float("-inf")


class Purpose(Enum):
    """What a transaction is for."""

    CHECK = "check"
    NOMINATE = "nominate"
    CONSENT = "consent"


@dataclass(slots=True)
class Transaction:
    """One request that waits for its answer."""

    id: bytes
    pair: Pair
    purpose: Purpose
    controlling: bool
    """Our role when it was sent: a 487 about an older role changes nothing."""
    data: bytes = field(repr=False)
    next_at: float
    sends: int = 1
    is_last: bool = False


def transaction(
    transaction_id: bytes,
    pair: Pair,
    purpose: Purpose,
    is_controlling: bool,
    data: bytes,
    now: float,
) -> Transaction:
    """Return a transaction as it is just after its first send; consent is never sent again."""
    is_consent = purpose is Purpose.CONSENT
    wait = CONSENT_ANSWER_SECONDS if is_consent else RETRANSMIT_SECONDS
    return Transaction(
        transaction_id, pair, purpose, is_controlling, data, now + wait, is_last=is_consent
    )


class Checklist:
    """The pairs, at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.pairs: dict[PairKey, Pair] = {}
        self._limit = limit

    def add(self, pair: Pair, keep: Pair | None) -> Pair | None:
        """Return the pair of this key, added if new; None when there is no room.

        A failed pair makes room for a new one, as does an untried one for a triggered one;
        `keep` never does.
        """
        known = self.pairs.get(pair.key)
        if known is not None:
            known.remote_priority = max(known.remote_priority, pair.remote_priority)
            return known
        if len(self.pairs) >= self._limit and not self._make_room(pair.triggered, keep):
            return None
        self.pairs[pair.key] = pair
        return pair

    def _make_room(self, urgent: bool, keep: Pair | None) -> bool:
        for pair in self.pairs.values():
            untried = pair.state is PairState.WAITING and not pair.triggered
            if pair is not keep and (pair.state is PairState.FAILED or (urgent and untried)):
                del self.pairs[pair.key]
                return True
        return False

    def waiting(self) -> Iterator[Pair]:
        """Yield the pairs whose check is yet to be sent."""
        return (pair for pair in self.pairs.values() if pair.state is PairState.WAITING)

    def succeeded(self) -> list[Pair]:
        """Return the valid pairs."""
        return [p for p in self.pairs.values() if p.state is PairState.SUCCEEDED]

    def recheck(self, keep: Pair | None) -> None:
        """Have every other pair tried once more: the selected one doesn't answer."""
        for pair in self.pairs.values():
            if pair is not keep and pair.state is not PairState.IN_PROGRESS:
                pair.state = PairState.WAITING
                pair.triggered = pair.nominated = False

    def revive(self) -> None:
        """Have what failed tried once more."""
        for pair in self.pairs.values():
            if pair.state is PairState.FAILED:
                pair.state = PairState.WAITING


class Transactions:
    """Requests under way, at most `limit`; sent at most 16 times at growing intervals."""

    def __init__(self, limit: int) -> None:
        self._by_id: dict[bytes, Transaction] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, transaction: Transaction) -> bool:
        """Remember it; False when there are too many."""
        if len(self._by_id) >= self._limit:
            return False
        self._by_id[transaction.id] = transaction
        return True

    def get(self, transaction_id: bytes) -> Transaction | None:
        """Return the transaction with this id."""
        return self._by_id.get(transaction_id)

    def take(self, transaction_id: bytes) -> Transaction | None:
        """Return and forget it."""
        return self._by_id.pop(transaction_id, None)

    def drop_pair(self, pair: Pair) -> None:
        """Stop waiting for the checks of a pair (consent checks go on)."""
        gone = [
            entry.id
            for entry in self._by_id.values()
            if entry.pair is pair and entry.purpose is not Purpose.CONSENT
        ]
        for transaction_id in gone:
            del self._by_id[transaction_id]

    def of(self, pair: Pair) -> Transaction | None:
        """Return the check under way for this pair."""
        return next(
            (
                entry
                for entry in self._by_id.values()
                if entry.pair is pair and entry.purpose is not Purpose.CONSENT
            ),
            None,
        )

    def deadline(self) -> float | None:
        """Return when the next retransmission or timeout is due."""
        return min((entry.next_at for entry in self._by_id.values()), default=None)

    def expire(self, now: float) -> tuple[list[Transaction], list[Transaction]]:
        """Return those to send again now, and those that got no answer (forgotten)."""
        due = [entry for entry in self._by_id.values() if entry.next_at <= now]
        over = [entry for entry in due if entry.is_last]
        for entry in over:
            del self._by_id[entry.id]
        again = [entry for entry in due if not entry.is_last]
        for entry in again:
            _schedule(entry, now)
        return again, over


def _schedule(entry: Transaction, now: float) -> None:
    entry.sends += 1
    entry.is_last = entry.sends >= MAX_SENDS
    if entry.is_last:
        entry.next_at = now + RETRANSMIT_SECONDS * LAST_WAIT_FACTOR
    else:
        doubled = RETRANSMIT_SECONDS * 2 ** (entry.sends - 1)
        entry.next_at = now + min(doubled, LONGEST_RETRANSMIT_SECONDS)
