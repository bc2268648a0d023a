"""Who may use the private routes: pure rules, so that they can be read at once.

With a token: whoever presents it, compared in constant time. Without one: only this machine.
"""

import hmac
import ipaddress

__all__ = ["may_use", "presented"]

_SCHEME = "bearer "


def may_use(token: str | None, authorization: str | None, peer: str | None) -> bool:
    """Whether a request may use a private route.

    Args:
        token: The one set, if any.
        authorization: The request's header.
        peer: The address it comes from.
    """
    if token is None:
        return _is_loopback(peer)
    # What isn't UTF-8 in a header comes as surrogates.
    given = presented(authorization).encode(errors="surrogateescape")
    return hmac.compare_digest(given, token.encode())


def presented(authorization: str | None) -> str:
    """Return the token in a request's header, "" where there is none."""
    given = authorization or ""
    return given[len(_SCHEME) :].strip() if given.lower().startswith(_SCHEME) else ""


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ipaddress.ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
