"""Prosody, focus and a bridge as plain processes: `octodemo call` and several proofs use them."""

import subprocess
import sys

ONCE = """
import asyncio
from octodemo.local import local_platform

async def once():
    async with local_platform(("setpriv", "--pdeathsig", "KILL", "--"), "127.0.0.1") as platform:
        print("up:", *sorted(platform.processes))

asyncio.run(once())
"""


def test_it_comes_up_from_the_images_own_files() -> None:
    alone = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    up = f'ip link set lo up && exec "{sys.executable}" -c "$0"'
    result = subprocess.run(
        [*alone, "sh", "-c", up, ONCE], capture_output=True, text=True, timeout=180, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "up: bridge focus prosody" in result.stdout
