"""prove-load's quick form: two calls of ten, counted to the last packet."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]


async def test_everything_that_is_sent_arrives() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "tests/bench/bench_load.py",
        cwd=ROOT,
        env=os.environ | {"LOAD_CALLS": "2", "LOAD_SECONDS": "4"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(110):
            output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    # How long packets took is for the long form to judge, on a machine of its own.
    found = re.search(r"^load: participants=20 out_pps=(\d+) loss=0 p99_ms=[\d.]+$", output, re.M)
    assert found is not None, output
    assert int(found[1]) > 0.9 * 5400
