"""Which local addresses the bridge listens on when it isn't told."""

import ipaddress
from collections.abc import Sequence
from typing import Final

import ifaddr

__all__ = ["listened_on", "usable_addresses"]

_VIRTUAL: Final = ("docker", "veth", "virbr", "cni", "cali", "flannel", "kube-", "nodelocaldns")
"""Interfaces of the machine's own containers: their addresses repeat on every machine."""


def listened_on(named: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses to bind: those named, or every usable one.

    Nothing is ever bound to an unspecified address: answers must leave from the one that was
    reached, and candidates need real ones. Such a name stands for all usable addresses of its
    family.
    """
    if not named:
        return usable_addresses()
    found: list[str] = []
    for name in named:
        address = ipaddress.ip_address(name)
        usable = usable_addresses() if address.is_unspecified else (name,)
        found += [one for one in usable if ipaddress.ip_address(one).version == address.version]
    return tuple(dict.fromkeys(found))


def usable_addresses() -> tuple[str, ...]:
    """Return the addresses of real interfaces, IPv4 first; loopback only when there is no other.

    Link-local addresses are left out: clients elsewhere can't use them.
    """
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        if adapter.nice_name.startswith(_VIRTUAL):
            continue
        for entry in adapter.ips:
            # ifaddr gives IPv6 as (address, flow info, scope id).
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            found.append(ipaddress.ip_address(text.partition("%")[0]))
    usable = [a for a in dict.fromkeys(found) if not (a.is_loopback or a.is_link_local)]
    usable.sort(key=lambda address: address.version)
    return tuple(str(address) for address in usable) or ("127.0.0.1",)
