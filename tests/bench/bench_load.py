"""Twenty calls of ten on two cores, load included: does everything arrive, and in time?

    .venv/bin/python tests/bench/bench_load.py

Starts `tests.bench.load_run` in namespaces of its own, which go with the last process in them.
LOAD_CALLS and LOAD_SECONDS (the window) make it smaller or longer.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("load: must be root, to make a network namespace")
    os.chdir(Path(__file__).resolve().parents[2])
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    # Two cores, whatever the machine has.
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
    command = [*inside, "taskset", "-c", cores, sys.executable, "-m", "tests.bench.load_run"]
    os.execvp(command[0], command)


main()
