"""A router in user space: joins namespaces by links that lose, delay, reorder and squeeze packets.

    python -m octolab.router        one JSON object a line in, one a line out

The first line names the ports; the answer says where their namespaces are:

    {"ports": [{"name": "browser", "address": "10.98.1.2/24"},
               {"name": "bridge", "address": "10.98.2.2/24"}], "seed": 7}
    {"ready": {"namespaces": {"browser": "/proc/42/fd/9", "bridge": "/proc/42/fd/11"}}}

Then, at any time, `{"shape": {"port": "browser", "direction": "down", "loss": 0.05}}` (down:
towards the namespace; up: from it; what isn't named is the default again) and `{"counts": {}}`.
Ports may have a `group`; a `Router` also shapes what passes from one group to another (`line`).
The router ends when its input does; devices and new namespaces end with it, even if it's killed.
In Python, `Router` does the same in a thread of its own. No TTL is counted down.
"""

import ipaddress
import json
import os
import select
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TextIO

from octolab.errors import UnmetError
from octolab.router_ports import HOST, Port, PortSettings, open_port
from octolab.router_shaping import Counts, Direction, Shape

__all__ = ["HOST", "Counts", "PortSettings", "Router", "Shape", "serve"]

BATCH: Final = 64
PACKET: Final = 65_536
LONGEST_SLEEP: Final = 0.5
Way = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class _Link:
    """A port with what happens to its packets each way."""

    port: Port
    up: Direction
    down: Direction


class Router:
    """See the module. A context manager: links stand inside, nothing is left after.

    Args:
        ports: Two or more.
        seed: Of all chance: the same seed and packets give the same losses.
    """

    def __init__(self, ports: Sequence[PortSettings], seed: int = 1) -> None:
        if len({port.name for port in ports}) != len(ports):
            raise ValueError("ports: two have the same name")
        self._settings = tuple(ports)
        self._seed = seed
        self._links: dict[str, _Link] = {}
        self._lines: dict[tuple[str, str], Direction] = {}
        self._groups = {port.name: port.group for port in ports}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._bell: tuple[int, int] = (-1, -1)
        self.unroutable = 0
        """Packets to nobody's address."""
        self.refused = 0
        """Packets that the namespace's device didn't take."""

    def __enter__(self) -> "Router":
        try:
            for number, settings in enumerate(self._settings):
                others = [each for each in self._settings if each is not settings]
                seeds = (self._seed << 8 | number << 1, self._seed << 8 | number << 1 | 1)
                up, down = (Direction(Shape(), seed) for seed in seeds)
                self._links[settings.name] = _Link(open_port(settings, others), up, down)
        except BaseException:
            self._close_ports()
            raise
        self._bell = os.pipe()
        self._thread = threading.Thread(target=self._run, name="router", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._ring()
        if self._thread is not None:
            self._thread.join()
        self._close_ports()
        for end in self._bell:
            os.close(end)

    def namespace(self, port: str) -> str:
        """Return the path by which `nsenter --net=PATH` enters a port's namespace."""
        return self._links[port].port.path

    def shape(self, port: str, way: Way, shape: Shape) -> None:
        """Change what happens to packets towards ("down") or from ("up") a port, from now on."""
        with self._lock:
            self._direction(port, way).reshape(shape, time.monotonic())
        self._ring()

    def line(self, origin: str, target: str, shape: Shape) -> None:
        """Change what happens between two groups, one way, from now on."""
        with self._lock:
            line = self._lines.get((origin, target))
            if line is None:
                seed = self._seed << 16 | len(self._lines)
                self._lines[origin, target] = Direction(shape, seed)
            else:
                line.reshape(shape, time.monotonic())
        self._ring()

    def line_counts(self) -> dict[tuple[str, str], Counts]:
        """Return what every line between groups did so far."""
        with self._lock:
            return {ends: Counts(**asdict(line.counts)) for ends, line in self._lines.items()}

    def counts(self, port: str, way: Way) -> Counts:
        """Return what one direction did so far."""
        with self._lock:
            return Counts(**asdict(self._direction(port, way).counts))

    def _direction(self, port: str, way: Way) -> Direction:
        link = self._links[port]
        return link.down if way == "down" else link.up

    def _ring(self) -> None:
        os.write(self._bell[1], b"!")

    def _close_ports(self) -> None:
        for link in self._links.values():
            link.port.close()
        self._links.clear()

    # ---- the router's own thread ----------------------------------------------------------

    def _run(self) -> None:
        table = _Table({name: link.port.settings for name, link in self._links.items()})
        by_device = {link.port.device: link for link in self._links.values()}
        waiting = [*by_device, self._bell[0]]
        while not self._stop.is_set():
            # select, since its timeout is finer than poll's milliseconds.
            ready = select.select(waiting, [], [], self._pause())[0]
            with self._lock:
                for descriptor in ready:
                    if descriptor == self._bell[0]:
                        os.read(descriptor, PACKET)
                    else:
                        self._read(by_device[descriptor])
                self._move(table)

    def _pause(self) -> float:
        with self._lock:
            ways = [way for link in self._links.values() for way in (link.up, link.down)]
            ends = [way.deadline() for way in (*ways, *self._lines.values())]
        return min(LONGEST_SLEEP, max(0.0, min(ends) - time.monotonic()))

    def _read(self, link: _Link) -> None:
        for _ in range(BATCH):
            try:
                packet = os.read(link.port.device, PACKET)
            except BlockingIOError:
                return
            link.up.offer(packet, time.monotonic())

    def _move(self, table: "_Table") -> None:
        now = time.monotonic()
        for origin, link in self._links.items():
            for packet in link.up.take(now):
                name = table.find(packet)
                if name is None:
                    self.unroutable += 1
                    continue
                line = self._lines.get((self._groups[origin], self._groups[name]))
                (line or self._links[name].down).offer(packet, now)
        for line in self._lines.values():
            for packet in line.take(now):
                name = table.find(packet)
                if name is not None:
                    self._links[name].down.offer(packet, now)
        for link in self._links.values():
            for packet in link.down.take(now):
                try:
                    os.write(link.port.device, packet)
                except OSError:
                    self.refused += 1


class _Table:
    """Which port an IP packet goes to: the one that owns the narrowest network around it."""

    def __init__(self, ports: dict[str, PortSettings]) -> None:
        rows = [(network, name) for name, port in ports.items() for network in port.networks]
        self._rows = sorted(rows, key=lambda row: -row[0].prefixlen)
        self._known: dict[bytes, str | None] = {}

    def find(self, packet: bytes) -> str | None:
        """Return the port's name; None: nobody's."""
        four = packet[:1] and packet[0] >> 4 == 4
        address = packet[16:20] if four else packet[24:40]
        if address not in self._known:
            if len(self._known) > 4096:
                self._known.clear()
            self._known[address] = self._look_up(address)
        return self._known[address]

    def _look_up(self, address: bytes) -> str | None:
        if len(address) not in (4, 16):
            return None
        target = ipaddress.ip_address(address)
        return next((name for network, name in self._rows if target in network), None)


def serve(lines: TextIO, out: TextIO) -> None:
    """Run a router as told line by line; see the module."""
    first = json.loads(lines.readline() or "null")
    ports = [_port(**port) for port in first["ports"]]
    with Router(ports, int(first.get("seed", 1))) as router:
        _say(out, {"ready": {"namespaces": {p.name: router.namespace(p.name) for p in ports}}})
        for line in lines:
            try:
                _say(out, _obey(router, [p.name for p in ports], json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                _say(out, {"error": f"{type(error).__name__}: {error}"})


def _port(name: str, address: str, namespace: str = "", owns: Sequence[str] = ()) -> PortSettings:
    return PortSettings(name, address, namespace, tuple(owns))


def _obey(router: Router, ports: list[str], command: dict[str, Any]) -> dict[str, Any]:
    if "shape" in command:
        wanted = dict(command["shape"])
        port, way = wanted.pop("port"), wanted.pop("direction")
        if way not in ("up", "down"):
            raise ValueError(f"direction: {way!r} is neither up nor down")
        router.shape(port, way, Shape(**wanted))
        return {"shaped": {"port": port, "direction": way}}
    if "counts" in command:
        ways: tuple[Way, Way] = ("up", "down")
        by_port = {p: {way: asdict(router.counts(p, way)) for way in ways} for p in ports}
        own = {"unroutable": router.unroutable, "refused": router.refused}
        return {"counts": {**by_port, "router": own}}
    raise ValueError("neither shape nor counts")


def _say(out: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    try:
        serve(sys.stdin, sys.stdout)
    except (UnmetError, ValueError, KeyError, TypeError) as problem:
        sys.exit(f"router: {problem}")
    except KeyboardInterrupt:
        pass
