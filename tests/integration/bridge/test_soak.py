"""The soak's quick form: hundreds of people in twenty seconds leave nothing behind."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]


async def test_people_who_come_and_go_leave_nothing_behind() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "tests/bench/bench_soak.py",
        # How many it gets done is for the long form to judge, on a machine of its own.
        *("--quick", "--seconds", "20", "--warm-up", "8", "--least", "0.3"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(150):
            output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output
    found = re.search(r"^soak: joins=(\d+) rss_growth_mb=(-?[\d.]+) fds_growth=0$", output, re.M)
    assert found is not None, output
    assert int(found[1]) >= 300
