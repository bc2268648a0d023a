"""CPU per forwarded packet: the bare loop, the engine, a whole bridge, in one run.

    .venv/bin/python tests/bench/bench_engine.py

Builds what it needs and starts the rounds in a network namespace of their own. The kernel removes
the namespace with the last process in it, and every process ends with this one's, so that a crash
leaves nothing. BENCH_ROUNDS and BENCH_SECONDS (a round) make it longer or shorter.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ["cargo", "build", "--quiet", "--release", "--examples", "--no-default-features"]


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("bench: must be root, to make a network namespace")
    subprocess.run(EXAMPLES, cwd=ROOT / "bridge" / "engine", check=True)
    os.chdir(ROOT)
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    command = [*inside, sys.executable, "-m", "tests.bench.rounds"]
    os.execvp(command[0], command)


main()
