"""Sockets, threads and descriptors come and go as asked."""

import errno
import gc
import os
import socket
import subprocess
import sys

import pytest
from tests.unit.engine.peers import Peer, Server, connect, eventually

from octoengine import Command, Engine, Event


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> list[str]:
    names: list[str] = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm") as comm:
            names.append(comm.read().strip())
    return names


def test_close_ends_the_thread_and_gives_everything_back() -> None:
    before = descriptors()
    engine = Engine()
    engine.bind("127.0.0.1")
    # A thread takes its name a moment after its start, and its /proc entry outlives it as long.
    eventually(lambda: "octoengine" in threads())
    engine.close()
    engine.close()
    eventually(lambda: "octoengine" not in threads())
    assert descriptors() == before
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit([])


def test_an_engine_nobody_holds_is_closed() -> None:
    before = descriptors()
    engine = Engine()
    engine.bind("127.0.0.1")
    del engine
    gc.collect()
    assert descriptors() == before


def test_engines_are_independent() -> None:
    engines = [Engine() for _ in range(5)]
    ports = {engine.bind("127.0.0.1")[1] for engine in engines}
    assert len(ports) == 5
    engines[0].close()
    assert engines[1].stats().uptime_ns > 0
    for engine in engines:
        engine.close()


def test_a_taken_port_is_an_os_error() -> None:
    engine = Engine()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="in use") as raised:
            engine.bind("127.0.0.1", taken.getsockname()[1])
        assert raised.value.errno == errno.EADDRINUSE
    engine.close()


def test_an_unbound_port_is_free_at_once(server: Server) -> None:
    server.engine.unbind(server.socket)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", server.port))


def test_ipv6_works_beside_ipv4(server: Server) -> None:
    _, port = server.engine.bind("::1")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(("::1", 0))
        number, _ = server.engine.bind("::1")
        server.engine.submit(
            [Command.SendDatagram(number, "::1", peer.getsockname()[1], b"over v6")]
        )
        peer.settimeout(20)
        assert peer.recv(100) == b"over v6"
        peer.sendto(b"\x00" * 19, ("::1", port))
    eventually(lambda: server.counters["datagrams_dropped_malformed_stun"] == 1)


def test_a_refused_datagram_is_told_once_a_second(server: Server) -> None:
    connect(server, 1)
    # A broadcast address, which the kernel refuses to sockets that didn't ask for it.
    server.engine.submit(
        [Command.SelectAddress(1, server.socket, "255.255.255.255", 9)]
        + [Command.SendData(1, b"x") for _ in range(10)]
    )
    eventually(lambda: server.counters["datagrams_dropped_send_failed"] == 10)
    (event,) = server.engine.poll()
    assert isinstance(event, Event.SendFailed)
    assert event.transport == 1
    assert event.errno in {errno.EACCES, errno.ENETUNREACH}


def test_commands_about_the_unknown_are_ignored_and_counted(server: Server) -> None:
    server.engine.submit([Command.RemoveTransport(404), Command.Subscribe(1, 2, 3)])
    peer = Peer(server, 1)
    server.engine.submit([*peer.commands(), *peer.commands(), Command.RemoveSource(1, 5)])
    counters = server.counters
    assert counters["commands_ignored_unknown_transport"] == 3
    assert counters["commands_ignored_duplicate"] == 1
    assert counters["commands_ignored_unknown_source"] == 1
    assert server.engine.transport_stats([404]) == []


def test_a_fork_of_the_process_ends_without_the_thread() -> None:
    program = """
import os
from octoengine import Engine
engine = Engine()
engine.bind("127.0.0.1")
child = os.fork()
if child == 0:
    engine.close()
    os._exit(7)
_, status = os.waitpid(child, 0)
engine.stats()
engine.close()
assert os.waitstatus_to_exitcode(status) == 7
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=30, check=False)
    assert done.returncode == 0


def test_an_engine_open_at_exit_does_not_hang_the_process() -> None:
    program = "from octoengine import Engine\nengine = Engine()\nengine.bind('127.0.0.1')"
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)
