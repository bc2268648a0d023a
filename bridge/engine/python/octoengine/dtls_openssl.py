"""One end of a DTLS connection over OpenSSL, without I/O: records in, records out.

Certificates, SRTP profiles and the check of fingerprints are here, too. Contexts are shared by
all connections of a certificate: making one costs a third of a handshake, and memory for good.
"""

import contextlib
import datetime
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final, Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

__all__ = [
    "ALGORITHMS",
    "DEFAULT_PROFILES",
    "Certificate",
    "Connection",
    "DtlsError",
    "Fingerprint",
    "Keys",
    "Role",
    "fingerprint",
    "process_certificate",
]

Role = Literal["client", "server"]
DEFAULT_PROFILES: Final = ("SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80")
READ_BYTES: Final = 16_384
DTLS_1_2: Final = 0xFEFD

_KEY_AND_SALT: Final = {
    "SRTP_AEAD_AES_128_GCM": (16, 12),
    "SRTP_AEAD_AES_256_GCM": (32, 12),
    "SRTP_AES128_CM_SHA1_80": (16, 14),
}
"""Bytes of master key and salt (RFC 7714 §14.2, RFC 5764 §4.1.2)."""
_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-512": hashes.SHA512(),
    "sha-384": hashes.SHA384(),
    "sha-256": hashes.SHA256(),
    "sha-224": hashes.SHA224(),
    # Weak, but what some clients still signal; asked only when there is none better.
    "sha-1": hashes.SHA1(),  # noqa: S303
}
"""Best first (RFC 8122 §5)."""
ALGORITHMS: Final = frozenset(_DIGESTS)
"""Of fingerprints that can be checked."""
_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
    b":ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
)


class DtlsError(Exception):
    """The handshake failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest: algorithm "sha-256" or the like, value "AA:BB:…"."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What a handshake yields: the SRTP profile's name, and key + salt for each direction."""

    profile: str
    receive: bytes = field(repr=False)
    send: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Certificate:
    """A self-signed certificate and its key."""

    x509: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> "Certificate":
        """Return a new one on P-256: the server's flight fits one datagram.

        Peers know it by its fingerprint alone, so its name and dates don't matter.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
        )
        return cls(builder.sign(key, hashes.SHA256()), key)


@cache
def process_certificate() -> Certificate:
    """Return this process' one certificate."""
    return Certificate.generate()


def fingerprint(certificate: Certificate) -> Fingerprint:
    """Return the SHA-256 fingerprint to signal."""
    return Fingerprint("sha-256", _digest(certificate.x509, "sha-256"))


def _digest(certificate: x509.Certificate, algorithm: str) -> str:
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


def matches(certificate: x509.Certificate, signalled: Sequence[Fingerprint]) -> bool:
    """Return whether it is one of those signalled, by the best algorithm among them."""
    by_algorithm: dict[str, set[str]] = {}
    for known in signalled:
        values = by_algorithm.setdefault(known.algorithm.strip().lower(), set())
        values.add(known.value.strip().upper())
    best = next((name for name in _DIGESTS if name in by_algorithm), None)
    return best is not None and _digest(certificate, best) in by_algorithm[best]


@lru_cache(maxsize=16)
def _context(certificate: Certificate, profiles: tuple[str, ...]) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(DTLS_1_2)
    context.set_options(SSL.OP_NO_TICKET)
    # 8 KiB less for everyone whose connection is idle, as it mostly is.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Nobody resumes; a cache would keep a session of everyone who was ever here.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Any certificate will do for OpenSSL: which one is right, the fingerprint says.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _any_certificate)
    context.use_certificate(certificate.x509)
    context.use_privatekey(certificate.key)
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(":".join(profiles).encode())
    return context


def _any_certificate(*_: object) -> bool:
    return True


class Connection:
    """One end. Feed it records one by one; after each call send what `output` returns."""

    def __init__(self, role: Role, certificate: Certificate, profiles: Sequence[str]) -> None:
        self._role = role
        self._ssl = SSL.Connection(_context(certificate, tuple(profiles)))
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    def feed(self, record: bytes) -> None:
        """Take one record off the wire."""
        self._ssl.bio_write(record)

    def advance(self) -> bool:
        """Go on with the handshake; True when it is done. Raises `DtlsError` when it failed."""
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise DtlsError(f"the handshake failed: {_reason(error)}") from None
        return True

    def keys(self, signalled: Sequence[Fingerprint]) -> Keys:
        """Return the SRTP keys once the peer's certificate is the signalled one."""
        theirs = self._ssl.get_peer_certificate(as_cryptography=True)
        if theirs is None or not matches(theirs, signalled):
            raise DtlsError("the peer's certificate doesn't have the signalled fingerprint")
        profile = self._ssl.get_selected_srtp_profile().decode()
        if profile not in _KEY_AND_SALT:
            raise DtlsError("no SRTP profile in common")
        key, salt = _KEY_AND_SALT[profile]
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        of_client = material[:key] + material[2 * key : 2 * key + salt]
        of_server = material[key : 2 * key] + material[2 * key + salt :]
        if self._role == "client":
            return Keys(profile, receive=of_server, send=of_client)
        return Keys(profile, receive=of_client, send=of_server)

    def read(self) -> tuple[list[bytes], bool]:
        """Return the messages decrypted since, and whether the peer has ended the connection."""
        messages: list[bytes] = []
        while True:
            try:
                messages.append(self._ssl.recv(READ_BYTES))
            except SSL.WantReadError:
                return messages, False
            except SSL.Error:
                # Its goodbye, or a fatal alert that was authentic.
                return messages, True

    def write(self, data: bytes) -> None:
        """Encrypt one message; raises ConnectionError when that can't be done any more."""
        try:
            self._ssl.send(data)
        except SSL.Error as error:
            raise ConnectionError(_reason(error)) from None

    def shutdown(self) -> None:
        """Write a goodbye, if the handshake was over."""
        with contextlib.suppress(SSL.Error):
            self._ssl.shutdown()

    def output(self) -> bytes:
        """Return the records written since, one after another."""
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._ssl.bio_read(READ_BYTES))
            except SSL.Error:
                return b"".join(parts)


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's own words: its errors carry a list of (library, function, reason)."""
    found = cast(Sequence[Sequence[Sequence[str]]], error.args)
    try:
        return found[0][-1][-1]
    except (IndexError, TypeError):
        return type(error).__name__
