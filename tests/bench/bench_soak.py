"""People join a bridge and leave it, fifty a second for ten minutes: what does that leave behind?

    .venv/bin/python tests/bench/bench_soak.py            # ten minutes
    .venv/bin/python tests/bench/bench_soak.py --seconds 20 --warm-up 8

Runs everything (Prosody, the bridge, the people) in a network namespace of its own, on its
loopback. The kernel removes the namespace with the last process in it, and every process ends
with this one's, so that a crash leaves nothing.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python only knows this folder

from tests.bench.ahead import AHEAD  # noqa: E402


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("soak: must be root, to make a network namespace")
    os.chdir(ROOT)
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    # In the quick form nobody judges how many join, so it needs no precedence.
    ahead = () if "--quick" in sys.argv else AHEAD
    command = [*ahead, *inside, sys.executable, "-m", "tests.bench.soak", *sys.argv[1:]]
    os.execvp(command[0], command)


main()
