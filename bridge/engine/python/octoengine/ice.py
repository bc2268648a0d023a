"""A sans-I/O ICE agent for one component: checks, nomination, consent; no sockets, no clock.

Feed it every STUN datagram that is its own (`username_fragment` tells whose a request is;
responses are those whose socket and transaction match), call `expire` when `deadline` has
passed, and after either act on `events`, then send `transmits` (in this order: an address must
be bound before the peer learns that it may send DTLS from there).

A bridge is controlling: it answers every check, answers the first ones even before it knows
the peer's password, and checks back with USE-CANDIDATE, so it needs no remote candidates. A
participant is controlled. Conflicting roles settle as RFC 8445 §7.3.1.1 says.

Once an address is selected, the media engine answers the peer's consent checks; our own
consent (RFC 7675) is kept here. After `Failed` or `ConsentLost` the agent goes on answering and
checking, and a check that succeeds brings it back: between two bridges nobody else begins anew, and
the engine may answer the other's checks unseen.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Final

from octoengine import ice_candidates, ice_checks, ice_consent, ice_nomination, stun
from octoengine.ice_candidates import (
    CandidateType,
    Credentials,
    LocalCandidate,
    RemoteCandidate,
    Role,
    candidate_priority,
)
from octoengine.ice_checks import Pair, PairKey, PairState, Purpose, Transaction
from octoengine.ice_events import (
    ConsentLost,
    Event,
    Failed,
    IceLimits,
    Selected,
    Transmit,
    Validated,
)
from octoengine.stun import is_stun, username_fragment

__all__ = [
    "Agent",
    "CandidateType",
    "ConsentLost",
    "Credentials",
    "Event",
    "Failed",
    "IceLimits",
    "LocalCandidate",
    "RemoteCandidate",
    "Role",
    "Selected",
    "Transmit",
    "Validated",
    "candidate_priority",
    "is_stun",
    "username_fragment",
]

PACING_SECONDS: Final = 0.05
NUDGE_SECONDS: Final = 0.2
"""The peer checks a pair whose check is under way: send ours again after so long."""


class Agent:
    """One ICE session; see the module."""

    def __init__(
        self,
        role: Role,
        local: Credentials,
        candidates: tuple[LocalCandidate, ...],
        now: float,
        *,
        remote: Credentials | None = None,
        generation: int = 0,
        limits: IceLimits = IceLimits(),  # noqa: B008 - frozen
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.role = role
        self.local = local
        self.selected: Pair | None = None
        self.dropped: Counter[str] = Counter()
        """Datagrams and candidates not used, by reason."""
        self._remote = remote
        self._candidates = tuple(ice_candidates.complete(candidate) for candidate in candidates)
        self._generation = generation
        self._limits = limits
        self._entropy = entropy
        self._tie_breaker = int.from_bytes(entropy(8), "big")
        self._checklist = ice_checks.Checklist(limits.pairs)
        self._transactions = ice_checks.Transactions(limits.transactions)
        self._remote_seen: set[tuple[str, int]] = set()
        self._next_check = now
        self._consent = ice_consent.Consent(now, entropy)
        self._nomination = ice_nomination.Nomination()
        self._establish_by: float | None = now + limits.establish_seconds
        self._retry_at: float | None = None
        self._transmits: list[Transmit] = []
        self._events: list[Event] = []

    # ---- what the owner tells -------------------------------------------------------------

    def set_remote_credentials(self, remote: Credentials, now: float) -> None:
        """Learn the peer's ufrag and password; checks that waited for them go out."""
        self._remote = remote
        for pair in [p for p in self._checklist.waiting() if p.triggered]:
            self._check(pair, now)

    def add_remote_candidate(self, candidate: RemoteCandidate) -> None:
        """Pair a candidate the peer signalled; hostnames and other generations are ignored."""
        address = ice_candidates.normalized_address(candidate.address)
        refusal = ice_candidates.refusal(candidate, self._generation)
        if refusal is not None or address is None:
            self.dropped[f"candidate_{refusal}"] += 1
        elif (address, candidate.port) not in self._remote_seen:
            if len(self._remote_seen) >= self._limits.remote_candidates:
                self.dropped["candidate_limit"] += 1
                return
            self._remote_seen.add((address, candidate.port))
            if candidate.type == CandidateType.RELAYED:
                self._nomination.learn_relayed(address, candidate.port)
            self._pair_candidate(address, candidate)

    def _pair_candidate(self, address: str, candidate: RemoteCandidate) -> None:
        bases = ice_candidates.bases_towards(self._candidates, address, candidate.port)
        if not bases:
            self.dropped["candidate_unusable"] += 1
        priority = max(0, min(candidate.priority, 0xFFFFFFFF))
        for local in bases:
            key = PairKey(local.socket, address, candidate.port)
            if self._checklist.add(Pair(key, local.priority, priority), self.selected) is None:
                self.dropped["pair_limit"] += 1

    # ---- what came from the network -------------------------------------------------------

    def receive(self, data: bytes, socket: int, source: tuple[str, int], now: float) -> None:
        """Take one STUN datagram that came to `socket` from `source`."""
        message = stun.parse(data)
        address = ice_candidates.normalized_address(source[0])
        if message is None or address is None:
            self.dropped["malformed"] += 1
            return
        key = PairKey(socket, address, source[1])
        match message.kind:
            case stun.Class.REQUEST:
                self._request(message, key, now)
            case stun.Class.RESPONSE | stun.Class.ERROR:
                self._response(message, key, now)
            case _:
                self.dropped["indication"] += 1

    def _request(self, message: stun.Message, key: PairKey, now: float) -> None:
        if message.username.partition(":")[0] != self.local.ufrag:
            self.dropped["username"] += 1
        elif not message.is_signed_by(self.local.pwd):
            self.dropped["integrity"] += 1
        elif self._is_conflict(message):
            answer = stun.binding_error(
                message.transaction_id, 487, "Role Conflict", self.local.pwd
            )
            self._send(key, answer)
        else:
            mapped = (key.address, key.port)
            self._send(key, stun.binding_response(message.transaction_id, mapped, self.local.pwd))
            self._checked_by_peer(message, key, now)

    def _is_conflict(self, message: stun.Message) -> bool:
        """Settle who controls; True when the peer has to change its role."""
        attribute = f"ICE-{self.role.name}"
        theirs = message.attributes.get(attribute)
        if theirs is None:
            return False
        ours_is_larger = self._tie_breaker >= theirs
        if ours_is_larger == (self.role is Role.CONTROLLING):
            return True
        self._switch_role()
        return False

    def _switch_role(self) -> None:
        is_controlling = self.role is Role.CONTROLLING
        self.role = Role.CONTROLLED if is_controlling else Role.CONTROLLING

    def _checked_by_peer(self, message: stun.Message, key: PairKey, now: float) -> None:
        pair = self._checklist.add(self._reflexive_pair(message, key), self.selected)
        if pair is None:
            self.dropped["pair_limit"] += 1
            return
        self._proved(pair)
        if self.role is Role.CONTROLLED and "USE-CANDIDATE" in message.attributes:
            pair.nominated = True
        if self.selected is not None and pair is not self.selected:
            self._consent.doubt(now)
        if pair.state is PairState.SUCCEEDED and not self._may_nominate_pair(pair, now):
            if pair.nominated:
                self._select(pair, now)
            return
        pair.triggered = True
        if pair.state is PairState.IN_PROGRESS:
            self._nudge(pair, now)
        else:
            self._check(pair, now)

    def _proved(self, pair: Pair) -> None:
        # Told before our answer is sent, so that an owner who handles events first is ready
        # for the ClientHello that may follow at once.
        if not pair.proved:
            pair.proved = True
            self._events.append(Validated(*pair.key))

    def _nudge(self, pair: Pair, now: float) -> None:
        """Send the check under way again: the peer just showed that the path works."""
        transaction = self._transactions.of(pair)
        if transaction is not None and now - pair.last_sent >= NUDGE_SECONDS:
            pair.last_sent = now
            self._send(pair.key, transaction.data)

    def _reflexive_pair(self, message: stun.Message, key: PairKey) -> Pair:
        local = max((c.priority for c in self._candidates if c.socket == key.socket), default=0)
        return Pair(key, local, message.attributes.get("PRIORITY", 0), triggered=True)

    def _response(self, message: stun.Message, key: PairKey, now: float) -> None:
        transaction = self._transactions.get(message.transaction_id)
        if transaction is None or self._remote is None:
            self.dropped["transaction"] += 1
        elif transaction.pair.key != key:
            self.dropped["asymmetric"] += 1
        elif not message.is_signed_by(self._remote.pwd):
            self.dropped["integrity"] += 1
        else:
            self._transactions.take(transaction.id)
            if message.kind is stun.Class.RESPONSE:
                self._succeeded(transaction, now)
            else:
                self._refused(transaction, message.error_code)

    def _refused(self, transaction: Transaction, code: int | None) -> None:
        if code == 487:
            if transaction.controlling == (self.role is Role.CONTROLLING):
                self._switch_role()
            self._transactions.drop_pair(transaction.pair)
            transaction.pair.state = PairState.WAITING
        elif transaction.purpose is not Purpose.CONSENT:
            transaction.pair.state = PairState.FAILED

    def _succeeded(self, transaction: Transaction, now: float) -> None:
        pair = transaction.pair
        pair.state = PairState.SUCCEEDED
        pair.triggered = False
        self._transactions.drop_pair(pair)
        self._proved(pair)
        if pair is self.selected:
            self._consent.given(now)
        if transaction.purpose is Purpose.NOMINATE or (
            pair.nominated and self.role is Role.CONTROLLED
        ):
            self._select(pair, now)
        elif self._may_nominate_pair(pair, now):
            self._check(pair, now)

    # ---- decisions ------------------------------------------------------------------------

    def _may_nominate(self, now: float) -> bool:
        return self.role is Role.CONTROLLING and (
            self.selected is None or self._consent.is_stale(now)
        )

    def _may_nominate_pair(self, pair: Pair, now: float) -> bool:
        return self._may_nominate(now) and not self._nomination.waits(pair.key, now)

    def _select(self, pair: Pair, now: float) -> None:
        current = self.selected
        if current is pair:
            return
        if (
            current is not None
            and not self._consent.is_stale(now)
            and self._priority(pair) <= self._priority(current)
        ):
            return
        self.selected = pair
        self._establish_by = self._retry_at = None
        self._consent = ice_consent.Consent(now, self._entropy)
        self._events.append(Selected(*pair.key))

    def _priority(self, pair: Pair) -> int:
        return ice_candidates.pair_priority(self.role, pair.local_priority, pair.remote_priority)

    # ---- time -----------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when `expire` is wanted next (same clock as `now`), None for never."""
        times = [self._transactions.deadline(), self._establish_by, self._retry_at]
        if self._remote is not None and any(self._checklist.waiting()):
            times.append(self._next_check)
        if self.selected is not None:
            times += self._consent.deadlines()
        else:
            times.append(self._nomination.deadline())
        return min((time for time in times if time is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due: retransmissions, the next paced check, consent, giving up."""
        again, over = self._transactions.expire(now)
        for transaction in again:
            self._send(transaction.pair.key, transaction.data)
        for transaction in over:
            if transaction.purpose is not Purpose.CONSENT:
                transaction.pair.state = PairState.FAILED
        if self._remote is not None and now >= self._next_check:
            self._pace(now)
        self._keep_consent(now)
        self._retry(now)
        if self._nomination.is_due(now) and self._may_nominate(now):
            for pair in self._checklist.succeeded():
                self._check(pair, now)
        if self._establish_by is not None and now >= self._establish_by:
            self._establish_by = None
            self._retry_at = now + ice_consent.RETRY_SECONDS
            self._events.append(Failed("no candidate pair succeeded in time"))

    def _pace(self, now: float) -> None:
        waiting = self._checklist.waiting()
        best = max(waiting, key=lambda p: (p.triggered, self._priority(p)), default=None)
        if best is not None:
            self._check(best, now)
            self._next_check = now + PACING_SECONDS

    def _keep_consent(self, now: float) -> None:
        pair = self.selected
        if pair is None:
            return
        if self._consent.is_lost(now):
            self.selected = None
            self._events.append(ConsentLost())
            self._checklist.recheck(None)
            # What was agreed on once needs no second nomination, which we might not see.
            pair.nominated = self.role is Role.CONTROLLED
            self._retry_at = now + ice_consent.RETRY_SECONDS
        elif self._consent.becomes_stale(now):
            self._checklist.recheck(pair)
        if self.selected is not None and self._consent.is_due(now):
            self._start(pair, Purpose.CONSENT, now)

    def _retry(self, now: float) -> None:
        """Try what failed once more, now and then, while nothing is selected."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = now + ice_consent.RETRY_SECONDS
            self._checklist.revive()

    # ---- sending --------------------------------------------------------------------------

    def _check(self, pair: Pair, now: float) -> None:
        """Check a pair now; it waits when the peer's password isn't known yet."""
        if self._remote is None:
            pair.state = PairState.WAITING
            return
        knows_pair = pair.triggered or pair.proved
        nominates = knows_pair and self._may_nominate_pair(pair, now)
        pair.state = PairState.IN_PROGRESS
        pair.last_sent = now
        self._start(pair, Purpose.NOMINATE if nominates else Purpose.CHECK, now)

    def _start(self, pair: Pair, purpose: Purpose, now: float) -> None:
        assert self._remote is not None  # noqa: S101 - callers have checked
        attributes: dict[str, int | None] = {
            "PRIORITY": ice_candidates.peer_reflexive_priority(pair.local_priority),
            f"ICE-{self.role.name}": self._tie_breaker,
        }
        if purpose is Purpose.NOMINATE:
            attributes["USE-CANDIDATE"] = None
        transaction_id = self._entropy(12)
        username = f"{self._remote.ufrag}:{self.local.ufrag}"
        data = stun.binding_request(transaction_id, username, self._remote.pwd, attributes)
        is_controlling = self.role is Role.CONTROLLING
        transaction = ice_checks.transaction(
            transaction_id, pair, purpose, is_controlling, data, now
        )
        if self._transactions.add(transaction):
            self._send(pair.key, data)
        else:
            self.dropped["transaction_limit"] += 1

    def _send(self, key: PairKey, data: bytes) -> None:
        self._transmits.append(Transmit(*key, data))

    def transmits(self) -> list[Transmit]:
        """Return the datagrams to send, oldest first, and forget them."""
        taken, self._transmits = self._transmits, []
        return taken

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        taken, self._events = self._events, []
        return taken
