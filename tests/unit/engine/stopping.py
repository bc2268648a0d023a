"""An engine in a process of its own, which can be stopped: what a container without CPU is like."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.unit.engine.peers import Peer

HOST = """
import json, sys
from octoengine import Command, Engine

engine = Engine()
socket, port = engine.bind("127.0.0.1")
print(json.dumps([socket, port]), flush=True)

def decode(value):
    if isinstance(value, list):
        return [tuple(each) for each in value]
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value

for line in sys.stdin:
    commands = json.loads(line)
    if commands:
        engine.submit([getattr(Command, name)(*map(decode, rest)) for name, *rest in commands])
    stats = engine.stats()
    print(json.dumps([stats.counters, stats.queue_fill]), flush=True)
"""


@dataclass
class StoppingServer:
    """An engine elsewhere, with one socket."""

    process: subprocess.Popen[str]
    socket: int = 0
    port: int = 0
    peers: list[Peer] = field(default_factory=list[Peer])

    def submit(self, *commands: tuple[Any, ...]) -> tuple[dict[str, int], float]:
        """Have commands applied, each its name and arguments; return counters and queue fill."""
        assert self.process.stdin is not None
        encoded = json.dumps(commands, default=lambda value: {"hex": value.hex()})
        self.process.stdin.write(f"{encoded}\n")
        self.process.stdin.flush()
        counters, fill = self.read()
        return counters, fill

    def read(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    @property
    def counters(self) -> dict[str, int]:
        return self.submit()[0]

    @property
    def queue_fill(self) -> float:
        return self.submit()[1]

    def connect(self, number: int, *, sink: bool = False) -> Peer:
        """Return a peer that is this transport, all of one group."""
        peer = Peer(self, number)
        self.submit(
            ("AddTransport", number, 1, 0, sink),
            ("SelectAddress", number, self.socket, "127.0.0.1", peer.port),
            ("SetKeys", number, peer.profile, peer.sends, peer.receives),
        )
        return peer

    @contextmanager
    def stopped(self) -> Generator[None]:
        """Give it no CPU for as long as the context is open."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 30
            while _state(self.process.pid) != "T":
                assert time.monotonic() < deadline, "it doesn't stop"
                time.sleep(0.005)
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


@contextmanager
def stopping_server() -> Generator[StoppingServer]:
    """Have such an engine for as long as the context is open."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOST]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ) as process:
        server = StoppingServer(process)
        try:
            server.socket, server.port = server.read()
            yield server
        finally:
            process.kill()
            for peer in server.peers:
                peer.close()
