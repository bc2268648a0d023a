"""The hook that runs before a stock bridge is ended, as a process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from octofleet.core.manifests.jvb import pre_stop


@asynccontextmanager
async def hook(port: int) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run it against the bridge whose REST listens at a port of loopback."""
    process = await asyncio.create_subprocess_exec("/bin/bash", "-c", pre_stop(port))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
