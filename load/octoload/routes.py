"""Which of this machine's addresses to use, as the kernel's routes have it."""

import ipaddress
import socket
from urllib.parse import urlsplit

__all__ = ["is_local", "local_address_towards"]


def local_address_towards(url: str) -> str:
    """Return the local IP address from which a URL's host is reached; nothing is sent.

    Raises:
        ValueError: The URL has no host.
        OSError: The host can't be resolved or there's no route to it.
    """
    host = urlsplit(url).hostname
    if not host:
        raise ValueError(f"no host in {url!r}")
    family, kind, protocol, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def is_local(address: str) -> bool:
    """Return whether a socket can be bound to this IP address."""
    try:
        family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True
