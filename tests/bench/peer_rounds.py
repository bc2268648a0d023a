"""The rounds of the comparison with other servers; run by bench_peers.py inside its namespaces.

Every server runs all the time, idle but for its turn. A round has each of them once, in turn, then
the bare loop: the load joins, warms it up and measures a window. A turn in which some receiver
missed packets counts for nothing and is said: silent loss looks like speed.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench import peer_servers
from tests.bench.ahead import AHEAD
from tests.bench.peer_servers import ADDRESS, DEVICE, PROGRAMS, Server

ROUNDS = int(os.environ.get("PEERS_ROUNDS", "3"))
SECONDS = float(os.environ.get("PEERS_SECONDS", "5"))
WARM_SECONDS = 2.0
PACKETS_A_SECOND = 2_500
RECEIVERS = 9
COMPLETE = 0.995
MOST = 1.5
SPARE_ROUNDS = 3
"""So many more rounds replace turns that don't count."""
IDLE = 0.02
"""A server whose turn it isn't takes at most this share of a core."""


@dataclass(frozen=True)
class Work:
    """What everyone is asked to do."""

    name: str
    kind: str
    size: int
    calls: int = 1


WORKS = (
    Work("one to nine, 1100 bytes", "video", 1100),
    Work("one to nine, 120 bytes", "audio", 120),
    Work("ten calls of ten, 1100 bytes", "video", 1100, calls=10),
)
first_call = count(1, 10)


def pin(core: int) -> list[str]:
    """Return the prefix that keeps a command on our first or second core, ahead of all others."""
    cores = sorted(os.sched_getaffinity(0))
    return [*AHEAD, "taskset", "-c", str(cores[min(core, len(cores) - 1)])]


def turn(server: Server, work: Work, idle: list[Server]) -> float | str:
    """Return the server's CPU-microseconds per packet that arrived, or why it doesn't count."""
    command = [*pin(1), str(PROGRAMS / "load"), "-server", server.name, "-url", server.url]
    command += ["-address", ADDRESS, "-kind", work.kind, "-size", str(work.size)]
    command += ["-calls", str(work.calls), "-receivers", str(RECEIVERS), "-window", f"{SECONDS}s"]
    command += ["-rate", str(PACKETS_A_SECOND), "-first", str(next(first_call))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        if load.stdout.readline() != "ready\n":
            return "the load could not join"
        time.sleep(WARM_SECONDS)
        load.stdin.write("\n")
        load.stdout.readline()
        before, idle_before = server.cpu_seconds(), sum(each.cpu_seconds() for each in idle)
        text = load.stdout.readline()
        used = server.cpu_seconds() - before
        idle_used = sum(each.cpu_seconds() for each in idle) - idle_before
        load.stdin.close()
        load.wait(20)
    seen = json.loads(text)
    share = min(seen["received"]) * work.calls / seen["sent"]
    if share < COMPLETE or seen["sent"] < COMPLETE * SECONDS * PACKETS_A_SECOND:
        return f"{seen['sent']} packets were sent, a receiver got {share:.2%} of its share"
    if idle_used > IDLE * SECONDS * len(idle):
        return f"the idle servers took {idle_used:.2f} s"
    return used / sum(seen["received"]) * 1e6


def compare(work: Work, servers: list[Server]) -> dict[str, list[float]]:
    """Run the rounds of one work."""
    names = [server.name for server in servers] + ["bare"]
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(1, ROUNDS + SPARE_ROUNDS + 1):
        for name in names:
            if len(found[name]) >= ROUNDS:
                continue
            with ExitStack() as stack:
                if name == "bare":
                    loop = peer_servers.bare(pin, work.calls, RECEIVERS)
                    server = stack.enter_context(loop)
                else:
                    server = next(each for each in servers if each.name == name)
                result = turn(server, work, [each for each in servers if each is not server])
            if isinstance(result, str):
                print(f"  round {number}: {name} doesn't count: {result}", flush=True)
            else:
                found[name].append(result)
        shown = (f"{name} {samples[-1]:.2f}" for name, samples in found.items() if samples)
        print(f"  round {number}: {', '.join(shown)}", flush=True)
        if all(len(samples) >= ROUNDS for samples in found.values()):
            return found
    missing = [name for name, samples in found.items() if len(samples) < ROUNDS]
    raise SystemExit(f"peers: too few rounds count for {', '.join(missing)}")


def main() -> None:
    for command in (
        f"link add {DEVICE} type veth peer name media1",
        f"address add {ADDRESS}/24 dev {DEVICE}",
        f"link set {DEVICE} up",
        "link set media1 up",
        "link set lo up",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    medians: dict[Work, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers: list[Server] = []
        for start in (
            peer_servers.octo,
            peer_servers.janus,
            peer_servers.livekit,
            peer_servers.pion,
        ):
            home = Path(folder) / start.__name__
            home.mkdir()
            servers.append(stack.enter_context(start(pin, home)))
        for work in WORKS:
            print(f"{work.name}: CPU-microseconds per forwarded packet", flush=True)
            found = compare(work, servers)
            medians[work] = {name: statistics.median(found[name]) for name in found}
    report(medians)


def report(medians: dict[Work, dict[str, float]]) -> None:
    names = list(next(iter(medians.values())))
    print(f"\n{'medians':30}" + "".join(f"{name:>9}" for name in names) + "  octo/bare")
    good = True
    for work, row in medians.items():
        figures = "".join(f"{row[name]:9.2f}" for name in names)
        print(f"{work.name:30}{figures}{row['octo'] / row['bare']:11.2f}")
        lowest = row["octo"] == min(row[name] for name in names if name != "bare")
        good = good and lowest and row["octo"] <= MOST * row["bare"]
    means = {name: statistics.mean(row[name] for row in medians.values()) for name in names}
    print("peers: " + " ".join(f"{name}={mean:.2f}" for name, mean in means.items()))
    if not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
