"""The router between real namespaces: packets really pass, and nothing is left behind."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octolab.router import PortSettings, Router, Shape

LEFT, RIGHT = "10.98.1.2", "10.98.2.2"
PORTS = (PortSettings("p4left", f"{LEFT}/24"), PortSettings("p4right", f"{RIGHT}/24"))
# Sends numbered datagrams one after another to an echo, prints the answers' numbers in order.
ASK = """
import socket, sys, time
count, gap = int(sys.argv[1]), float(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.connect((sys.argv[3], 9000))
for number in range(count):
    s.send(number.to_bytes(4, "big") + bytes(996))
    time.sleep(gap)
s.settimeout(1)
try:
    while True:
        print(int.from_bytes(s.recv(2000)[:4], "big"))
except TimeoutError:
    pass
"""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind((sys.argv[1], 9000))
print("up", flush=True)
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(data, peer)
"""


def inside(namespace: str, program: str, *arguments: object) -> list[str]:
    enter = ["nsenter", f"--net={namespace}", "setpriv", "--pdeathsig", "KILL", "--"]
    return [*enter, sys.executable, "-c", program, *map(str, arguments)]


def ask(namespace: str, count: int, gap: float = 0.0, to: str = RIGHT) -> list[int]:
    done = subprocess.run(
        inside(namespace, ASK, count, gap, to), capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


def echoing(namespace: str, address: str = RIGHT) -> "subprocess.Popen[str]":
    process = subprocess.Popen(inside(namespace, ECHO, address), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.fixture
def router() -> Iterator[Router]:
    with Router(PORTS, seed=5) as made:
        process = echoing(made.namespace("p4right"))
        try:
            yield made
        finally:
            process.kill()
            process.communicate()


def test_datagrams_pass_both_ways_and_are_counted(router: Router) -> None:
    assert ask(router.namespace("p4left"), 200, 0.001) == list(range(200))
    assert router.counts("p4left", "up").forwarded >= 200
    assert router.counts("p4right", "down").forwarded >= 200
    assert router.counts("p4left", "down").lost == 0


def test_losses_and_reordering_are_what_was_asked_for(router: Router) -> None:
    router.shape("p4right", "down", Shape(loss=0.2))
    router.shape("p4left", "down", Shape(delay_ms=20, reorder=0.1, reorder_ms=10))
    came = ask(router.namespace("p4left"), 600, 0.001)
    lost = router.counts("p4right", "down").lost
    assert 60 < lost < 180
    assert len(came) == 600 - lost
    assert sorted(came) != came
    assert router.counts("p4left", "down").reordered > 0


def test_a_rate_may_be_cut_and_lifted_while_packets_flow(router: Router) -> None:
    router.shape("p4right", "down", Shape(rate_bps=80_000, queue_bytes=3_000))
    assert len(ask(router.namespace("p4left"), 100)) < 10
    assert router.counts("p4right", "down").overflowed > 80
    router.shape("p4right", "down", Shape())
    assert ask(router.namespace("p4left"), 50, 0.001) == list(range(50))


def test_a_round_trip_takes_both_delays(router: Router) -> None:
    router.shape("p4left", "up", Shape(delay_ms=30))
    router.shape("p4left", "down", Shape(delay_ms=30))
    program = (
        "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5);"
        f"b=time.monotonic(); s.sendto(b'hi',('{RIGHT}',9000)); s.recv(9);"
        "print(time.monotonic()-b)"
    )
    command = inside(router.namespace("p4left"), program)
    took = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(took) >= 0.06


def test_a_namespace_that_stands_already_can_be_joined_and_is_left_as_it_was() -> None:
    holder = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        space = f"/proc/{holder.pid}/ns/net"
        wait_until(lambda: os.readlink(space) != os.readlink("/proc/self/ns/net"))
        joined = PortSettings("p4node", "10.98.3.2/24", space, owns=("10.97.0.11/32",))
        subprocess.run(["nsenter", f"--net={space}", "ip", "link", "set", "lo", "up"], check=True)
        own = ["nsenter", f"--net={space}", "ip", "address", "add", "10.97.0.11/32", "dev", "lo"]
        subprocess.run(own, check=True)
        with Router((PORTS[0], joined)) as router:
            process = echoing(router.namespace("p4node"), "10.97.0.11")
            assert ask(router.namespace("p4left"), 20, 0.001, "10.97.0.11") == list(range(20))
            process.kill()
            process.communicate()
        links = subprocess.run(
            ["nsenter", f"--net={space}", "ip", "-o", "link"], capture_output=True, check=True
        )
        assert b"p4node" not in links.stdout
    finally:
        holder.kill()
        holder.wait()


def conversation() -> "subprocess.Popen[str]":
    """A router as a process of its own, told by lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "octolab.router"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    return process


def say(process: "subprocess.Popen[str]", line: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(line) + "\n")
    assert select.select([process.stdout], [], [], 20)[0]
    return json.loads(process.stdout.readline())


def test_a_killed_router_leaves_neither_device_nor_namespace() -> None:
    ports = [
        {"name": "p4far", "address": f"{LEFT}/24"},
        {"name": "p4here", "address": f"{RIGHT}/24", "namespace": "host"},
    ]
    with conversation() as process:
        spaces = say(process, {"ports": ports})["ready"]["namespaces"]
        assert Path("/sys/class/net/p4here").exists()
        inner = os.stat(spaces["p4far"]).st_ino
        shaped = say(process, {"shape": {"port": "p4far", "direction": "up", "loss": 0.5}})
        assert shaped == {"shaped": {"port": "p4far", "direction": "up"}}
        assert (
            "loss"
            in say(process, {"shape": {"port": "p4far", "direction": "up", "loss": 2}})["error"]
        )
        assert set(say(process, {"counts": {}})["counts"]) == {"p4far", "p4here", "router"}
        process.send_signal(signal.SIGKILL)
    assert not Path("/sys/class/net/p4here").exists()
    assert inner not in namespaces_in_use()


def namespaces_in_use() -> set[int]:
    """Inodes of the namespaces that processes are in."""
    found: set[int] = set()
    for space in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(space.stat().st_ino)
        except OSError:
            continue
    return found


def test_a_router_ends_with_its_input() -> None:
    with conversation() as process:
        say(process, {"ports": [{"name": "p4one", "address": f"{LEFT}/24"}]})
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_addresses_of_nobody_are_counted(router: Router) -> None:
    before = router.unroutable
    program = (
        "import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
        "s.sendto(b'x',('192.0.2.1',9))"
    )
    subprocess.run(inside(router.namespace("p4left"), program), check=True)
    wait_until(lambda: router.unroutable > before)
