"""Passes: tokens that open a gateway for one region, made from the gateway's own.

The operator makes them for those who join from another Kubernetes, the gateway before Jicofo tells
whose they are; nothing has to be kept of them. They aren't Jitsi's, but both must agree on them.
"""

import hashlib
import hmac
import re
from typing import Final

__all__ = ["pass_of", "region_of"]

PURPOSE: Final = b"octofleet: a region's pass: "
_REGION: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def pass_of(token: str, region: str) -> str:
    """Return the pass of a region, by the gateway's token.

    Raises:
        ValueError: A region isn't called so.
    """
    if _REGION.fullmatch(region) is None:
        raise ValueError("a region's name is lower-case letters, digits and dashes")
    return f"{region}.{_proof(token, region)}"


def region_of(token: str, presented: str) -> str | None:
    """Return whose pass somebody presents, None where it is nobody's."""
    region, dot, proof = presented.partition(".")
    if not dot or _REGION.fullmatch(region) is None:
        return None
    given = proof.encode(errors="surrogateescape")
    return region if hmac.compare_digest(given, _proof(token, region).encode()) else None


def _proof(token: str, region: str) -> str:
    return hmac.digest(token.encode(), PURPOSE + region.encode(), hashlib.sha256).hex()
