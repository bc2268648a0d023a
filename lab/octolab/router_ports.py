"""A router's ports: each a TUN device in a network namespace, held by this process alone.

A new namespace has no name: it lives by a descriptor of this process and by the processes in it,
so that nothing is left after a crash. The device goes when its descriptor does. Others enter by
`Port.path` (nsenter --net=PATH).
"""

import ctypes
import fcntl
import ipaddress
import os
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from octolab import shell
from octolab.errors import UnmetError

__all__ = ["HOST", "Port", "PortSettings", "open_port"]

HOST: Final = "host"
"""Stands for this process' own namespace."""
DEVICE: Final = Path("/dev/net/tun")
TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
CLONE_NEWNET: Final = 0x40000000
QUEUE: Final = 2000
"""Packets that the kernel holds towards us, so that a pause of ours isn't a loss."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class PortSettings:
    """One port.

    Attributes:
        name: Its name, also the device's: at most 15 letters, digits, dashes.
        address: The namespace's address on the device, with its network: 10.98.1.2/24.
        namespace: Empty: a new one; `HOST`; or a path such as /run/netns/lab-node1.
        owns: More networks that are reached through this port.
        group: Ports of one group leave one another alone: no routes between them. Empty: none.
        borrowed: The address is on another device of the namespace, and stays there alone.
    """

    name: str
    address: str
    namespace: str = ""
    owns: Sequence[str] = ()
    group: str = ""
    borrowed: bool = False

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > 15 or not self.name.replace("-", "").isalnum():
            raise ValueError(f"name: {self.name!r} isn't a device's name")
        for network in self.networks:
            if network.prefixlen == 0:
                raise ValueError(f"port {self.name}: {network} is everything")

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every network behind this port."""
        return (
            ipaddress.ip_interface(self.address).network,
            *(ipaddress.ip_network(each) for each in self.owns),
        )


@dataclass(frozen=True, slots=True)
class Port:
    """An open port; `close` it once."""

    settings: PortSettings
    device: int
    """The TUN's descriptor: reads what leaves the namespace, writes what enters it."""
    space: int
    """The namespace's descriptor."""

    @property
    def path(self) -> str:
        """Where others enter its namespace, while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.space}"

    def close(self) -> None:
        """Let go of device and namespace."""
        os.close(self.device)
        os.close(self.space)


def open_port(settings: PortSettings, others: Sequence[PortSettings]) -> Port:
    """Make the namespace if it's a new one, the device in it, address and routes.

    A new namespace sends everything to the router; another one only what `others` own that aren't
    of the port's group.
    """
    if os.geteuid() != 0:
        raise UnmetError("router: must be root, to make network devices")
    make_device()
    port = _enter(settings)
    try:
        inside = [] if settings.borrowed else [_address(settings)]
        inside.append(f"link set {settings.name} txqueuelen {QUEUE} up")
        source = f" src {settings.address.partition('/')[0]}" if settings.borrowed else ""
        inside += [
            f"route replace {each} dev {settings.name}{source}"
            for each in _routes(settings, others)
        ]
        if not settings.namespace:
            inside.insert(0, "link set lo up")
        enter = ["nsenter", f"--net={port.path}", "--"]
        shell.run([*enter, "ip", "-batch", "-"], text="\n".join(inside) + "\n")
    except BaseException:
        port.close()
        raise
    return port


def make_device() -> None:
    """Make /dev/net/tun where a container lacks it."""
    if not DEVICE.exists():
        DEVICE.parent.mkdir(exist_ok=True)
        os.mknod(DEVICE, 0o20600, os.makedev(10, 200))


def _address(settings: PortSettings) -> str:
    first_use = " nodad" if ":" in settings.address else ""
    return f"address add {settings.address} dev {settings.name}{first_use}"


def _routes(settings: PortSettings, others: Sequence[PortSettings]) -> list[str]:
    version = ipaddress.ip_interface(settings.address).version
    if not settings.namespace:
        return ["default" if version == 4 else "::/0"]
    far = [other for other in others if not settings.group or other.group != settings.group]
    return [str(n) for other in far for n in other.networks if n.version == version]


def _enter(settings: PortSettings) -> Port:
    """Open the device in its namespace, from a thread that goes there and ends."""
    made: list[Port] = []
    failed: list[OSError] = []

    def work() -> None:
        try:
            made.append(_open_here(settings))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise UnmetError(f"router: port {settings.name}: {failed[0]}") from failed[0]
    return made[0]


def _open_here(settings: PortSettings) -> Port:
    # Python has unshare and setns from 3.12 on only.
    libc = ctypes.CDLL(None, use_errno=True)
    if not settings.namespace:
        _check(libc.unshare(CLONE_NEWNET))
    elif settings.namespace != HOST:
        there = os.open(settings.namespace, os.O_RDONLY)
        try:
            _check(libc.setns(there, CLONE_NEWNET))
        finally:
            os.close(there)
    device = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
    try:
        wanted = struct.pack("16sH22x", settings.name.encode(), IFF_TUN | IFF_NO_PI)
        fcntl.ioctl(device, TUNSETIFF, wanted)
        space = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    except OSError:
        os.close(device)
        raise
    return Port(settings, device, space)


def _check(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
