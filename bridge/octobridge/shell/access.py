"""Who may use the private routes: pure rules, so that they can be read at once.

With a token: whoever presents it, compared in constant time. Without one: only this machine.
"""

import hmac
import ipaddress

__all__ = ["may_use"]

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
    given = authorization or ""
    if not given.lower().startswith(_SCHEME):
        return False
    # What isn't UTF-8 in a header comes as surrogates.
    presented = given[len(_SCHEME) :].strip().encode(errors="surrogateescape")
    return hmac.compare_digest(presented, token.encode())


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ipaddress.ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
