"""Resending of DTLS handshake flights, sooner than OpenSSL's fixed second. Sans I/O.

Two reasons to send the last flight again: nothing came back for a while (0.1 s, doubling), or
the peer repeats itself and OpenSSL has nothing to say to that (our flight was lost). Both are
bounded, so a peer can't make us amplify.
"""

from typing import Final

__all__ = ["Flights"]

FIRST_WAIT_SECONDS: Final = 0.1
LONGEST_WAIT_SECONDS: Final = 1.6
REPLY_WAIT_SECONDS: Final = 0.015
MAX_RESENDS: Final = 20
MAX_DATAGRAMS: Final = 8


class Flights:
    """What was sent since the peer was last heard, and when it's due again."""

    def __init__(self) -> None:
        self._flight: list[bytes] = []
        self._heard_since = False
        self._wait = FIRST_WAIT_SECONDS
        self._due: float | None = None
        self._resends = 0

    def sent(self, datagram: bytes, now: float) -> None:
        """Our side sent a new datagram."""
        if self._heard_since:
            self._flight.clear()
            self._heard_since = False
            self._wait = FIRST_WAIT_SECONDS
        if len(self._flight) < MAX_DATAGRAMS:
            self._flight.append(datagram)
        self._due = now + self._wait

    def heard(self, now: float) -> None:
        """A handshake datagram came; if nothing is sent now, the peer missed our flight."""
        self._heard_since = True
        if self._flight:
            self._due = now + REPLY_WAIT_SECONDS

    def finished(self) -> None:
        """The handshake is done on our side: only answer repetitions from now on."""
        self._due = None

    def deadline(self) -> float | None:
        """Return when `expire` is wanted next."""
        return self._due

    def expire(self, now: float) -> list[bytes]:
        """Return the datagrams to send again now."""
        if self._due is None or now < self._due:
            return []
        if self._resends >= MAX_RESENDS:
            self._due = None
            return []
        self._resends += 1
        self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)
        self._due = now + self._wait
        return list(self._flight)
