"""What a whole bridge costs per packet it sends, in a call of ten who all send audio and video.

Real Prosody, real focus, real bridge process with ICE and DTLS, synthetic participants on the
same machine: the bridge alone on one core, everything else on another.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.prosody import Prosody

PARTICIPANTS = 10
# Ten of these and their audio come to about 2,500 packets a second in, 22,500 out.
VIDEO_BPS = 1_700_000
STAY_SECONDS = 25
WINDOW_SECONDS = 8
PATIENCE_SECONDS = 30
BRIDGE, FOCUS = "http://127.0.0.1:8080", "http://127.0.0.1:8888"
SIGNAL = "ws://127.0.0.1:8889/signal"


@dataclass(frozen=True)
class Reading:
    """A bridge process at one moment."""

    cpu_seconds: float
    packets_sent: int

    @staticmethod
    def of(process: subprocess.Popen[bytes]) -> "Reading":
        # The published statistics are some seconds old; the engine's counters are not.
        counters = fetch(f"{BRIDGE}/debug")["engine"]
        # Fields 14 and 15 of stat, after the name in brackets: user and system time.
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return Reading(ticks / os.sysconf("SC_CLK_TCK"), int(counters["packets_sent"]))


def measure_bridge(pin: Callable[[int], list[str]]) -> float:
    """Return the bridge's CPU-microseconds per packet sent; `pin` makes a command prefix."""
    with (
        tempfile.TemporaryDirectory() as home,
        prosody(Path(home)) as server,
        started([*pin(0), *module("octobridge")], bridge_environ(server)) as bridge,
        started([*pin(1), *module("octoload", "focus")], focus_environ(server)),
    ):
        until(
            "the focus sees the bridge",
            lambda: fetch(f"{FOCUS}/debug")["bridge_selector"]["bridge"],
        )
        return in_a_call(pin, bridge)


def in_a_call(pin: Callable[[int], list[str]], bridge: "subprocess.Popen[bytes]") -> float:
    command = module("octoload", "join", "--focus", SIGNAL, "--conference", "bench", "--json")
    for option, value in {
        "participants": PARTICIPANTS,
        "seconds": STAY_SECONDS,
        "bitrate": VIDEO_BPS,
        "address": "127.0.0.1",
    }.items():
        command += [f"--{option}", str(value)]
    with started([*pin(1), *command], os.environ.copy(), stdout=subprocess.PIPE) as load:
        until("everyone is in the call", everyone_is_in)
        time.sleep(2)
        before = Reading.of(bridge)
        time.sleep(WINDOW_SECONDS)
        after = Reading.of(bridge)
        assert load.stdout is not None
        check(load.stdout.read().decode())
    packets = after.packets_sent - before.packets_sent
    return (after.cpu_seconds - before.cpu_seconds) / packets * 1e6


def everyone_is_in() -> bool:
    stats = fetch(f"{BRIDGE}/colibri/stats")
    return stats["local_endpoints"] == PARTICIPANTS


def check(report: str) -> None:
    """Fail unless everyone got practically everything."""
    total = json.JSONDecoder().raw_decode(report)[0]["total"]
    if total["dropped"] or total["admitted"] != PARTICIPANTS or total["loss_fraction"] > 0.001:
        raise SystemExit(f"bench: the call went wrong: {total}")
    print(
        f"call of {PARTICIPANTS}: {total['packets_received']} packets received, "
        f"{total['packets_lost']} lost, delay {total['delay_ms_mean']:.2f} ms",
        flush=True,
    )


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def bridge_environ(server: Prosody) -> dict[str, str]:
    return (
        os.environ
        | server.environ("jvb")
        | {
            "JVB_MUC_NICKNAME": "bench",
            "OCTOBRIDGE_BIND_ADDRESSES": "127.0.0.1",
            "OCTOBRIDGE_REST_ADDRESS": "127.0.0.1",
            "COLIBRI_REST_ENABLED": "1",
        }
    )


def focus_environ(server: Prosody) -> dict[str, str]:
    return os.environ | server.environ("focus") | {"JICOFO_ENABLE_REST": "1"}


@contextmanager
def prosody(home: Path) -> Generator[Prosody]:
    server = Prosody(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def started(
    command: list[str], environ: dict[str, str], stdout: int = subprocess.DEVNULL
) -> "Generator[subprocess.Popen[bytes]]":
    """Run a process; end it afterwards, for good if it won't."""
    process = subprocess.Popen(command, env=environ, stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            # A bridge that is asked to end waits for its call to do so.
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def fetch(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def until(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, ValueError, KeyError):
            # Not listening yet.
            pass
        time.sleep(0.2)
    raise SystemExit(f"bench: it didn't happen in {PATIENCE_SECONDS} s: {what}")
