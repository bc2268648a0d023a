"""The run of bench_load.py: a real Prosody, focus and bridge, and synthetic participants.

Each call has ten participants: three speak (50 packets/s), everyone shows a picture (15 packets/s
of 1,000 bytes). What must arrive follows from that; what is short of it is loss.
"""

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import bridge_call
from tests.bench.ahead import AHEAD
from tests.bench.bridge_call import BRIDGE, fetch, module, prosody, started, until

CALLS = int(os.environ.get("LOAD_CALLS", "20"))
SECONDS = float(os.environ.get("LOAD_SECONDS", "20"))
PARTICIPANTS, SPEAKERS = 10, 3
AUDIO_PACKETS_A_SECOND, VIDEO_PACKETS_A_SECOND = 50, 15
VIDEO_BYTES = 1_000
JOIN_SECONDS = 2.0
"""Over which a call's participants join."""
PATIENCE_SECONDS = 90.0
EXPECTED = (
    CALLS
    * (PARTICIPANTS - 1)
    * (SPEAKERS * AUDIO_PACKETS_A_SECOND + PARTICIPANTS * VIDEO_PACKETS_A_SECOND)
)
ENOUGH = 0.95
MOST_P99_MS = 50.0
CONTROL = "http://127.0.0.1:8890"


@dataclass(frozen=True)
class Outcome:
    """What the window showed."""

    participants: int
    out_pps: float
    loss: int
    p99_ms: float
    bridge_cpu: float
    load_cpu: float

    @property
    def is_good(self) -> bool:
        return (
            self.participants == CALLS * PARTICIPANTS
            and self.out_pps >= ENOUGH * EXPECTED
            and self.loss == 0
            and self.p99_ms <= MOST_P99_MS
        )

    def line(self) -> str:
        return (
            f"load: participants={self.participants} out_pps={self.out_pps:.0f} "
            f"loss={self.loss} p99_ms={self.p99_ms:.1f}"
        )


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as home, prosody(Path(home)) as server:
        environ = bridge_call.bridge_environ(server)
        load = module("octoload", "serve", "--focus", bridge_call.SIGNAL, "--address", "127.0.0.1")
        with (
            started([*AHEAD, *module("octobridge")], environ) as bridge,
            started(module("octoload", "focus"), bridge_call.focus_environ(server)),
            started([*AHEAD, *load], os.environ.copy()) as crowd,
        ):
            until("the focus sees the bridge", bridge_is_known)
            until("the load listens", lambda: fetch(f"{CONTROL}/healthz"))
            join()
            outcome = measured(bridge, crowd)
    print(
        f"expected {EXPECTED} packets/s; bridge {outcome.bridge_cpu:.2f} cores, "
        f"load generator {outcome.load_cpu:.2f} cores",
        flush=True,
    )
    print(outcome.line(), flush=True)
    if not outcome.is_good:
        raise SystemExit(1)


def bridge_is_known() -> object:
    return fetch(f"{bridge_call.FOCUS}/debug")["bridge_selector"]["bridge"]


def join() -> None:
    """Let everybody in, call by call: first those who speak, then the others."""
    for number in range(1, CALLS + 1):
        call = {
            "name": f"load-{number}",
            "bitrate": VIDEO_PACKETS_A_SECOND * VIDEO_BYTES * 8,
            "frames_per_second": VIDEO_PACKETS_A_SECOND,
            "ramp": JOIN_SECONDS / 2,
            "feedback": True,
        }
        post("/calls", call | {"participants": SPEAKERS})
        time.sleep(JOIN_SECONDS / 2)
        post("/calls", call | {"participants": PARTICIPANTS, "audio": False})
        time.sleep(JOIN_SECONDS / 2)
        print(f"call {number}: {connected()} connected", flush=True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while connected() < CALLS * PARTICIPANTS and time.monotonic() < deadline:
        time.sleep(1)
    # Whoever came last has its streams by now.
    time.sleep(5)


def connected() -> int:
    with urllib.request.urlopen(f"{CONTROL}/calls", timeout=20) as answer:
        return sum(call["connected"] for call in json.load(answer))


def measured(bridge: "subprocess.Popen[bytes]", load: "subprocess.Popen[bytes]") -> Outcome:
    post("/reset", {})
    before, cpu, began = sent(), [cpu_seconds(p) for p in (bridge, load)], time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - began
    after = sent()
    used = [cpu_seconds(p) - first for p, first in zip((bridge, load), cpu, strict=True)]
    report = fetch(f"{CONTROL}/report")
    return Outcome(
        participants=connected(),
        out_pps=(after - before) / passed,
        loss=report["total"]["packets_lost"],
        p99_ms=report["delay_ms_p99"],
        bridge_cpu=used[0] / passed,
        load_cpu=used[1] / passed,
    )


def sent() -> int:
    return int(fetch(f"{BRIDGE}/debug")["engine"]["packets_sent"])


def cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def post(path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(CONTROL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()


if __name__ == "__main__":
    main()
