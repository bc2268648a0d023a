"""The benchmark's rounds; run by bench_engine.py inside a network namespace.

The server is pinned to one core and the load, which encrypted everything beforehand, to another.
Rounds are interleaved and medians taken; a round in which any receiver missed a packet fails the
run, since silent loss looks like speed.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bridge_call

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parents[1] / "bridge" / "engine"
EXAMPLES = ENGINE / "target" / "release" / "examples"
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PACKETS_A_SECOND = 2_500
PAYLOAD_BYTES = 1_100
RECEIVERS = 9
MOST = 1.5


@dataclass(frozen=True)
class Sample:
    """One round of one server."""

    microseconds: float
    """CPU time of the server for each packet it sent."""


def pin(core: int) -> list[str]:
    """Return the prefix that keeps a command on our first or second core."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[min(core, len(cores) - 1)])]


def pinned(core: int, command: list[str]) -> subprocess.Popen[str]:
    """Start a process on one core, with pipes for its input and output."""
    return subprocess.Popen(
        pin(core) + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def line(process: subprocess.Popen[str]) -> str:
    """Read one line that the process must print."""
    assert process.stdout is not None
    text = process.stdout.readline().strip()
    if not text:
        raise SystemExit(f"bench: {process.args} ended early")
    return text


def measure(server: Callable[[list[str]], list[str]]) -> Sample:
    """Run one round; `server` makes the command from the ports of sender and receivers."""
    shape = [SECONDS, PACKETS_A_SECOND, PAYLOAD_BYTES, RECEIVERS, 0]
    with pinned(1, [str(EXAMPLES / "bench_load"), *map(str, shape)]) as load:
        ports = line(load).split()
        with pinned(0, server(ports)) as serving:
            port = line(serving)
            assert load.stdin is not None
            assert serving.stdin is not None
            load.stdin.write(f"{port}\n")
            load.stdin.close()
            seen = json.loads(line(load))
            serving.stdin.close()
            used = json.loads(line(serving))
    check(seen, used)
    return Sample(used["cpu_ns"] / used["sent"] / 1_000)


def check(seen: dict[str, list[int] | int], used: dict[str, int]) -> None:
    """Fail unless every receiver got every packet, authentic and once."""
    wanted = SECONDS * PACKETS_A_SECOND
    if seen["sent"] != wanted or seen["received"] != [wanted] * RECEIVERS:
        raise SystemExit(f"bench: packets were lost: wanted {wanted}, {seen}, server {used}")


def bare(ports: list[str]) -> list[str]:
    return [str(EXAMPLES / "bench_bare"), *ports[1:]]


def engine(ports: list[str]) -> list[str]:
    return [sys.executable, str(HERE / "engine_host.py"), *ports]


def engine_plain(ports: list[str]) -> list[str]:
    return [sys.executable, str(HERE / "engine_host.py"), "--plain", *ports]


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    rounds: dict[str, list[float]] = {"bare": [], "engine": [], "engine without GSO": []}
    for number in range(1, ROUNDS + 1):
        for name, server in zip(rounds, (bare, engine, engine_plain), strict=True):
            rounds[name].append(measure(server).microseconds)
        shown = ", ".join(f"{name} {samples[-1]:.2f}" for name, samples in rounds.items())
        print(f"round {number}: {shown} us a packet", flush=True)
    bare_us, engine_us, plain_us = (statistics.median(samples) for samples in rounds.values())
    bridge_us = bridge_call.measure_bridge(pin)
    ratio = engine_us / bare_us
    print(f"without GSO the engine takes {plain_us:.2f} us, {plain_us / bare_us:.2f} of bare")
    print(
        f"engine: bare_us={bare_us:.2f} engine_us={engine_us:.2f} "
        f"bridge_us={bridge_us:.2f} ratio={ratio:.2f}"
    )
    if ratio > MOST:
        raise SystemExit(1)


main()
