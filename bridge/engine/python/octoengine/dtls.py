"""DTLS-SRTP key exchange, and data (SCTP) over the same connection.

`Dtls` runs a handshake over a channel it's given, hands out the SRTP keys and carries
application data. It never sees media: only datagrams whose first byte is 20..63, and only from
addresses that ICE validated. Unencrypted alerts are ignored all the same: anybody who can forge
a source address can send one, and a peer that really gave up is noticed by the time limit.

Until the peer is verified it is granted 64 KiB of waiting records, 30 s, and a bounded number
of repetitions of our flights, which go out sooner than OpenSSL's fixed second. Steps of
handshakes take turns with those of all others (`dtls_turns`).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from octoengine import dtls_flights, dtls_records
from octoengine.dtls_inbox import Inbox
from octoengine.dtls_openssl import (
    ALGORITHMS,
    DEFAULT_PROFILES,
    Certificate,
    Connection,
    DtlsError,
    Fingerprint,
    Keys,
    Role,
    fingerprint,
    process_certificate,
)
from octoengine.dtls_turns import turns

__all__ = [
    "ALGORITHMS",
    "DEFAULT_PROFILES",
    "Certificate",
    "Dtls",
    "DtlsError",
    "Fingerprint",
    "Keys",
    "Role",
    "fingerprint",
    "process_certificate",
    "role_of_answer",
]

HANDSHAKE_SECONDS: Final = 30.0
QUEUE_BYTES: Final = 65_536
QUEUE_RECORDS: Final = 128


def role_of_answer(setup: str) -> Role:
    """Return our role when the peer answers with this `setup` ("active" connects, RFC 5763)."""
    return "server" if setup == "active" else "client"


class Dtls:
    """One DTLS connection.

    Args:
        role: "server" waits for the peer's ClientHello.
        remote: The peer's signalled fingerprints; one of the best algorithm among them must match.
        send: Sends one datagram to the peer's selected address.
        on_keys: Called once, when the peer is verified and before data flows.
        on_closed: Called once, when an established connection ends.
        profiles: SRTP profiles offered or accepted, best first.
    """

    def __init__(
        self,
        role: Role,
        remote: Sequence[Fingerprint],
        send: Callable[[bytes], None],
        on_keys: Callable[[Keys], None],
        *,
        on_closed: Callable[[], None] | None = None,
        certificate: Certificate | None = None,
        profiles: Sequence[str] = DEFAULT_PROFILES,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self.role: Role = role
        self.state = "new"
        """new, connecting, connected, closed or failed."""
        self.dropped: Counter[str] = Counter()
        self.inbox = Inbox(self.dropped)
        self._remote = tuple(remote)
        self._send = send
        self._on_keys = on_keys
        self._on_closed = on_closed
        self._certificate = certificate or process_certificate()
        self._profiles = tuple(profiles)
        self._handshake_seconds = handshake_seconds
        self._connection: Connection | None = None
        self._done: asyncio.Future[Keys] | None = None
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._has_turn = False
        self._flights: dtls_flights.Flights | None = dtls_flights.Flights()
        self._timer: asyncio.TimerHandle | None = None

    async def handshake(self) -> Keys:
        """Run the handshake (once); return the keys, or raise `DtlsError`."""
        if not self._remote:
            raise DtlsError("the peer signalled no fingerprint")
        if self.state != "new":
            raise DtlsError("the connection was used before")
        self.state = "connecting"
        self._connection = Connection(self.role, self._certificate, self._profiles)
        self._done = asyncio.get_running_loop().create_future()
        self._take_turn()
        try:
            async with asyncio.timeout(self._handshake_seconds):
                return await self._done
        except TimeoutError:
            self._fail(f"no handshake in {self._handshake_seconds:g} s")
            raise DtlsError(f"no handshake in {self._handshake_seconds:g} s") from None

    def receive(self, data: bytes) -> None:
        """Take one datagram from the peer; what isn't DTLS, or too much, is dropped and counted."""
        records = dtls_records.split(data)
        if not records:
            self.dropped["malformed"] += 1
        elif self.state in ("closed", "failed"):
            self.dropped["over"] += 1
        elif self.state == "connected":
            self._take(records)
        else:
            for record in records:
                self._enqueue(record)
            self._take_turn()

    async def send_application_data(self, data: bytes) -> None:
        """Encrypt and send one message; raises ConnectionError when not connected."""
        if self._connection is None or self.state != "connected":
            raise ConnectionError("not connected")
        self._connection.write(data)
        self._flush()

    def set_data_receiver(self, handler: Callable[[bytes], Awaitable[None]]) -> None:
        """Have decrypted messages handed to `handler`; its exceptions are counted."""
        self.inbox.set_taker(handler)

    async def close(self) -> None:
        """Say goodbye to the peer and stop. Idempotent."""
        self._on_closed = None
        if self._connection is not None and self.state == "connected":
            self._connection.shutdown()
            self._flush()
        if self.state == "connecting":
            self._fail("closed")
        self._over("closed")

    # ---- the handshake --------------------------------------------------------------------

    def _enqueue(self, record: bytes) -> None:
        if record[0] == dtls_records.ALERT and dtls_records.epoch(record) == 0:
            self.dropped["plaintext_alert"] += 1
        elif self._queued_bytes + len(record) > QUEUE_BYTES or len(self._queue) >= QUEUE_RECORDS:
            self.dropped["queue_full"] += 1
        elif record in self._queue:
            # Said again before we came to it.
            self.dropped["repeated"] += 1
        else:
            self._queue.append(record)
            self._queued_bytes += len(record)

    def _take_turn(self) -> None:
        if self.state == "connecting" and not self._has_turn:
            self._has_turn = True
            turns().ask(self._step)

    def _step(self) -> bool:
        """Go on by one record; True when another turn is wanted."""
        connection = self._connection
        if self.state != "connecting" or connection is None:
            self._has_turn = False
            return False
        if self._queue:
            record = self._queue.popleft()
            self._queued_bytes -= len(record)
            self._heard(record)
            connection.feed(record)
        try:
            if connection.advance():
                self._finish(connection)
        except DtlsError as error:
            # The peer may take the connection for good already.
            connection.shutdown()
            self._flush()
            self._fail(str(error))
        except Exception as error:
            # A fault of ours costs this one connection and nobody else's turn.
            self._fail(f"the handshake broke: {error!r}")
        self._flush()
        self._has_turn = bool(self._queue) and self.state == "connecting"
        return self._has_turn

    def _finish(self, connection: Connection) -> None:
        """Verify the peer; keys are told before any data is."""
        keys = connection.keys(self._remote)
        self._flush()
        self.state = "connected"
        self._on_keys(keys)
        if self._done is not None and not self._done.done():
            self._done.set_result(keys)
        if self._flights is not None:
            self._flights.finished()
            self._arm()
        waiting, self._queue = list(self._queue), deque[bytes]()
        self._take(waiting)

    def _fail(self, reason: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(DtlsError(reason))
            # Nobody may be waiting any more.
            self._done.exception()
        self._over("failed")

    def _over(self, state: str) -> None:
        if self.state not in ("closed", "failed"):
            self.state = state
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self._queued_bytes = 0
        self.inbox.clear()
        self._connection = None
        self._flights = None

    # ---- the established connection -------------------------------------------------------

    def _take(self, records: list[bytes]) -> None:
        connection = self._connection
        if connection is None:
            return
        for record in records:
            self._heard(record)
            connection.feed(record)
            messages, ended = connection.read()
            for message in messages:
                self.inbox.put(message)
            if ended:
                self._ended()
                return
        self._flush()

    def _ended(self) -> None:
        self._flush()
        self._over("closed")
        callback, self._on_closed = self._on_closed, None
        if callback is not None:
            callback()

    # ---- sending --------------------------------------------------------------------------

    def _flush(self) -> None:
        """Send what OpenSSL has written, in whole records."""
        output = b"" if self._connection is None else self._connection.output()
        if not output:
            return
        for datagram in dtls_records.pack(dtls_records.split(output)):
            if self._flights is not None and self.state == "connecting":
                self._flights.sent(datagram, time.monotonic())
                self._arm()
            self._send(datagram)

    def _heard(self, record: bytes) -> None:
        if self._flights is None:
            return
        if record[0] == dtls_records.APPLICATION_DATA:
            # The peer has all it needs of the handshake.
            self._flights = None
        else:
            self._flights.heard(time.monotonic())
        self._arm()

    def _arm(self) -> None:
        deadline = None if self._flights is None else self._flights.deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._resend)

    def _resend(self) -> None:
        self._timer = None
        if self._flights is None:
            return
        if self._queue:
            # It's we who are late: what waits may be the answer.
            delay = dtls_flights.FIRST_WAIT_SECONDS
            self._timer = asyncio.get_running_loop().call_later(delay, self._resend)
            return
        for datagram in self._flights.expire(time.monotonic()):
            self._send(datagram)
        if self.state == "connected":
            self._flights.finished()
        self._arm()
