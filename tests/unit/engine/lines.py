"""Lines between two engines that lose packets, or carry only so much."""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

LONGEST_QUEUE = 0.3
ROOM = 8 << 20
TICK = 0.02


def keep_all(_: bytes) -> bool:
    """Lose nothing."""
    return False


def make_room(side: socket.socket) -> None:
    """Let the socket hold what comes while the machine does something else."""
    try:
        # Beyond what everyone may ask for; the module doesn't name the option.
        side.setsockopt(socket.SOL_SOCKET, 33, ROOM)
    except PermissionError:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)


class Line:
    """Passes datagrams between two ends; the way from the first to the second is the poor one."""

    def __init__(self, lose: Callable[[bytes], bool] = keep_all, rate: float = 1e9) -> None:
        self.lost = 0
        self.rate = rate
        """Bits a second from the first end to the second; what waits too long is lost."""
        self._lose = lose
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for side in self._sockets:
            side.bind(("127.0.0.1", 0))
            make_room(side)
        self.ports = [int(side.getsockname()[1]) for side in self._sockets]
        self.targets = [0, 0]
        self._running = True
        self._queue: deque[tuple[float, bytes]] = deque()
        self._free = 0.0
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._running = False
        self._thread.join()
        for side in self._sockets:
            side.close()

    def _run(self) -> None:
        while self._running:
            now = time.monotonic()
            while self._queue and self._queue[0][0] <= now:
                self._sockets[1].sendto(self._queue.popleft()[1], ("127.0.0.1", self.targets[1]))
            wait = min(TICK, self._queue[0][0] - now) if self._queue else TICK
            readable, _, _ = select.select(self._sockets, [], [], wait)
            for side in readable:
                self._pass(side)

    def _pass(self, side: socket.socket) -> None:
        datagram = side.recv(2_048)
        if side is self._sockets[1]:
            self._sockets[0].sendto(datagram, ("127.0.0.1", self.targets[0]))
            return
        now = time.monotonic()
        start = max(now, self._free)
        if self._lose(datagram) or start - now > LONGEST_QUEUE:
            self.lost += 1
            return
        self._free = start + len(datagram) * 8 / self.rate
        self._queue.append((self._free, datagram))
