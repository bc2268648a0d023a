"""Random names the bridge hands out: conference ids, ICE credentials, SSRCs, candidate ids.

The randomness is an argument, so the core stays deterministic under test. Production passes
`secrets.token_bytes`.
"""

from collections.abc import Callable
from typing import Final

__all__ = ["Entropy", "Mint"]

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes."""

_ICE_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01"
"""64 characters of RFC 8839's ice-char, so that six bits pick one (a few twice: harmless)."""


class Mint:
    """Makes names out of an entropy source."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def conference_id(self) -> str:
        """Return the bridge's own id of a conference: 16 hex digits."""
        return self._entropy(8).hex()

    def candidate_id(self) -> str:
        """Return an id for one ICE candidate."""
        return self._entropy(8).hex()

    def ufrag(self) -> str:
        """Return a local ICE user fragment: 12 characters, some 62 bits."""
        return self._ice_string(12)

    def pwd(self) -> str:
        """Return a local ICE password: 26 characters, over 128 bits."""
        return self._ice_string(26)

    def ssrc(self) -> int:
        """Return an SSRC in 1..2^32-1."""
        return int.from_bytes(self._entropy(4), "big") or 1

    def _ice_string(self, length: int) -> str:
        return "".join(_ICE_ALPHABET[byte & 63] for byte in self._entropy(length))
