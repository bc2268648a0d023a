"""DTLS-SRTP key exchange and data through aiortc: the one place that touches its private parts.

`Dtls` runs a handshake over a channel it's given, hands out the SRTP keys and carries
application data (SCTP). It never sees media: only datagrams whose first byte is 20..63, and
only from addresses that ICE validated, since DTLS believes plaintext alerts in a handshake.

What aiortc leaves open is closed here: its own SRTP sessions are replaced by exported keys; a
failed start raises; the whole handshake has a limit; records that share a datagram are fed one
by one; flights are sent in whole records and again before OpenSSL's fixed second is over; an
exception in a data receiver (SCTP raises on bad input) doesn't end the connection.

`tests/unit/transport/test_dtls_seams.py` fails when an aiortc release moves what is used here.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from OpenSSL import SSL

from octoengine import dtls_flights, dtls_records
from octoengine.dtls_channel import Channel, Guard, Handler, Role

__all__ = [
    "DEFAULT_PROFILES",
    "Dtls",
    "DtlsError",
    "Fingerprint",
    "Keys",
    "Role",
    "fingerprint",
    "process_certificate",
    "role_of_answer",
]

DEFAULT_PROFILES: Final = ("SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80")
HANDSHAKE_SECONDS: Final = 15.0
READ_BYTES: Final = 16_384

_PROFILES: Final = {
    profile.openssl_profile.decode(): profile
    for profile in (
        rtcdtlstransport.SRTP_AEAD_AES_256_GCM,
        rtcdtlstransport.SRTP_AEAD_AES_128_GCM,
        rtcdtlstransport.SRTP_AES128_CM_SHA1_80,
    )
}


class DtlsError(Exception):
    """The handshake failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest: algorithm "sha-256", "sha-384" or "sha-512", value "AA:BB:…"."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What a handshake yields: the SRTP profile's name, and key + salt for each direction."""

    profile: str
    receive: bytes = field(repr=False)
    send: bytes = field(repr=False)


@cache
def process_certificate() -> RTCCertificate:
    """Return this process' one certificate (P-256: the server's flight fits one datagram).

    Peers know it by its fingerprint alone, so its dates don't matter.
    """
    return RTCCertificate.generateCertificate()


def fingerprint(certificate: RTCCertificate) -> Fingerprint:
    """Return the SHA-256 fingerprint to signal."""
    found = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return Fingerprint(found.algorithm, found.value)


def role_of_answer(setup: str) -> Role:
    """Return our role when the peer answers with this `setup` ("active" connects, RFC 5763)."""
    return "server" if setup == "active" else "client"


class Dtls:
    """One DTLS connection.

    Args:
        role: "server" waits for the peer's ClientHello.
        remote: The peer's signalled fingerprints; every one of a known algorithm must match.
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
        certificate: RTCCertificate | None = None,
        profiles: Sequence[str] = DEFAULT_PROFILES,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self.role: Role = role
        self.keys: Keys | None = None
        self.dropped: Counter[str] = Counter()
        self._remote = [RTCDtlsFingerprint(f.algorithm, f.value) for f in remote]
        self._send = send
        self._on_keys = on_keys
        self._on_closed = on_closed
        self._handshake_seconds = handshake_seconds
        self._flights = dtls_flights.Flights()
        self._timer: asyncio.TimerHandle | None = None
        self._channel = Channel(role, self._send_new)
        self.transport = _Transport(self, self._channel, certificate or process_certificate())
        """For aiortc's SCTP; stop that before `close`."""
        self.transport._set_role(role)  # pyright: ignore[reportPrivateUsage]
        self.transport._srtp_profiles = [  # pyright: ignore[reportPrivateUsage]
            _PROFILES[name] for name in profiles
        ]

    async def handshake(self) -> Keys:
        """Run the handshake (once); return the keys, or raise `DtlsError`."""
        if not self._remote:
            raise DtlsError("the peer signalled no fingerprint")
        try:
            async with asyncio.timeout(self._handshake_seconds):
                await self.transport.start(RTCDtlsParameters(fingerprints=self._remote))
        except TimeoutError:
            await self.close()
            raise DtlsError(f"no handshake in {self._handshake_seconds:g} s") from None
        if self.keys is None or self.transport.state != "connected":
            await self.close()
            raise DtlsError(self.transport.failure or "the handshake failed")
        self._flights.finished()
        self.transport.watch_pump(self._closed)
        return self.keys

    def receive(self, data: bytes) -> None:
        """Take one datagram from the peer; what isn't DTLS, or too much, is dropped and counted."""
        records = dtls_records.split(data)
        if not records:
            self.dropped["malformed"] += 1
            return
        if any(record[0] != dtls_records.APPLICATION_DATA for record in records):
            self._flights.heard(time.monotonic())
            self._arm()
        for record in records:
            if not self._channel.put(record):
                self.dropped["queue_full"] += 1

    async def send_application_data(self, data: bytes) -> None:
        """Encrypt and send one message; raises ConnectionError when not connected."""
        await self.transport._send_data(data)  # pyright: ignore[reportPrivateUsage]

    def set_data_receiver(self, handler: Callable[[bytes], Awaitable[None]]) -> None:
        """Have decrypted messages handed to `handler`; its exceptions are counted."""
        self.transport._register_data_receiver(  # pyright: ignore[reportPrivateUsage]
            Handler(handler)
        )

    async def close(self) -> None:
        """Say goodbye to the peer and stop. Idempotent."""
        self._on_closed = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.transport.stop()
        self._channel.close()

    def _send_new(self, datagram: bytes) -> None:
        if not self._channel.is_closed and self.keys is None:
            self._flights.sent(datagram, time.monotonic())
            self._arm()
        self._send(datagram)

    def _arm(self) -> None:
        deadline = self._flights.deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self._channel.is_closed:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._resend)

    def _resend(self) -> None:
        for datagram in self._flights.expire(time.monotonic()):
            self._send(datagram)
        if self.keys is not None:
            self._flights.finished()
        self._arm()

    def _closed(self) -> None:
        self._channel.close()
        callback, self._on_closed = self._on_closed, None
        if callback is not None:
            callback()

    def take_keys(self, keys: Keys) -> None:
        """Called by the transport when the peer is verified."""
        self.keys = keys
        self._on_keys(keys)


class _Transport(RTCDtlsTransport):
    """aiortc's transport without its SRTP."""

    def __init__(self, owner: Dtls, channel: Channel, certificate: RTCCertificate) -> None:
        # The channel has all that a DTLS transport uses of an ICE transport.
        super().__init__(cast(Any, channel), [certificate])
        self._owner = owner
        self._channel = channel
        self.failure: str | None = None

    def watch_pump(self, ended: Callable[[], None]) -> None:
        """Call `ended` when the receive loop is over, whatever ended it."""
        task = self._task
        if task is None:
            ended()
            return

        def done(future: "asyncio.Future[None]") -> None:
            if not future.cancelled():
                future.exception()
            ended()

        task.add_done_callback(done)

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803
        super()._validate_peer_identity(remoteParameters)
        if self._state == State.FAILED:
            self.failure = "the peer's certificate doesn't have the signalled fingerprint"

    def _setup_srtp(self) -> None:
        connection = cast(SSL.Connection, self._ssl)
        name = connection.get_selected_srtp_profile()
        chosen = next((p for p in self._srtp_profiles if p.openssl_profile == name), None)
        if chosen is None:
            self.failure = "no SRTP profile in common"
            self._set_state(State.FAILED)
            return
        material = connection.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (chosen.key_length + chosen.salt_length)
        )
        of_client = chosen.get_key_and_salt(material, 0)
        of_server = chosen.get_key_and_salt(material, 1)
        mine_first = (of_client, of_server) if self._role == "client" else (of_server, of_client)
        self._owner.take_keys(Keys(name.decode(), receive=mine_first[1], send=mine_first[0]))

    def _register_data_receiver(self, receiver: Any) -> None:
        super()._register_data_receiver(cast(Any, Guard(receiver, self._owner.dropped)))

    def _unregister_data_receiver(self, receiver: Any) -> None:
        guard = self._data_receiver
        if isinstance(guard, Guard) and guard.receiver is receiver:
            self._data_receiver = None

    async def _write_ssl(self) -> None:
        """Send all that OpenSSL has written: it may be more than one datagram's worth."""
        parts: list[bytes] = []
        while True:
            try:
                part = cast(SSL.Connection, self._ssl).bio_read(READ_BYTES)
            except SSL.Error:
                break
            parts.append(part)
        if parts:
            self._channel.send(b"".join(parts))
