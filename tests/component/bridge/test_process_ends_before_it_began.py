"""A bridge that is told to go while it starts goes at once: nobody can be on it yet."""

import subprocess
import sys
import time
from pathlib import Path

IMPORTING = "_native"
"""Part of a file that the bridge maps halfway through its imports."""


def test_sigterm_during_start_ends_the_process_with_status_zero() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "octobridge"],
        env={"XMPP_SERVER": "127.0.0.1", "JVB_AUTH_PASSWORD": "unused", "JVB_PORT": "0"},
    )
    try:
        deadline = time.monotonic() + 30
        while IMPORTING not in Path(f"/proc/{process.pid}/maps").read_text():
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
