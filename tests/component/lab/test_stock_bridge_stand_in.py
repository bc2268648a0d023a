"""What stands in for the stock videobridge in the lab is configured and ended as that one is.

All of it runs: the start script, the bridge, the file and the hook that the operator writes. People
on it come by Colibri over its REST.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.component.bridge.test_rest_conferences import NEW
from tests.component.control.apiserver import free_port
from tests.component.control.stock_hook import hook

from octofleet.core.manifests import inputs, jvb, naming

START = Path(__file__).parents[3] / "lab" / "images" / "bridge-stock" / "start.sh"
GENEROUS = 60.0
SETTINGS = inputs.BridgeSettings(
    cluster="meet",
    cluster_namespace="meet",
    region="eu",
    domains=inputs.Domains("meet.example.org"),
    workload=inputs.Workload("stock"),
    region_code="eu",
    shutdown_delay_seconds=1,
    sidecar_image="unused",
)


@dataclass(frozen=True)
class StandIn:
    """A running one."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    port: int

    async def answers(self) -> None:
        async with asyncio.timeout(GENEROUS):
            while True:
                assert self.process.returncode is None, "it ended by itself"
                try:
                    await self.http.get("/about/version")
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                return

    async def is_graceful(self) -> None:
        async with asyncio.timeout(GENEROUS):
            while not (await self.http.get("/colibri/stats")).json()["graceful_shutdown"]:  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.1)

    async def people(self) -> int:
        return int((await self.http.get("/colibri/stats")).json()["local_endpoints"])

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), GENEROUS)


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[StandIn]:
    port, config, run = free_port(), folder / "config", folder / "run"
    config.mkdir()
    run.mkdir()
    text = jvb.configuration(SETTINGS).replace(str(naming.BRIDGE_REST_PORT), str(port))
    (config / jvb.CONFIG_FILE).write_text(text)
    programs = Path(sys.executable).parent
    process = await asyncio.create_subprocess_exec(
        START,
        start_new_session=True,
        env={
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
            "PATH": f"{programs}:/usr/bin:/bin",
            "STAND_IN_CONFIG": str(config),
            "STAND_IN_RUN": str(run),
            "JVB_DISABLE_XMPP": "1",
            "JVB_PORT": str(free_port()),
            "OCTOBRIDGE_BIND_ADDRESSES": "127.0.0.1",
            "COLIBRI_REST_ENABLED": "1",
            "SHUTDOWN_REST_ENABLED": "1",
        },
    )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False
        ) as http:
            found = StandIn(process, http, port)
            await found.answers()
            (await http.post("/colibri/v2/conferences", json=NEW)).raise_for_status()
            yield found
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_the_hook_waits_for_its_people_and_then_it_ends_with_zero(tmp_path: Path) -> None:
    async with running(tmp_path) as bridge, hook(bridge.port) as hooked:
        await bridge.is_graceful()
        assert (await bridge.http.get("/colibri/drain")).json() == {"drain": True}
        assert (await bridge.people(), hooked.returncode) == (1, None)
        await bridge.http.patch("/colibri/v2/conferences/m", json={"expire": True})
        assert await bridge.ended() == 0
        assert await asyncio.wait_for(hooked.wait(), GENEROUS) == 0


async def test_without_the_hook_sigterm_leaves_its_people_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as bridge:
        assert (await bridge.http.get("/colibri/stats")).json()["region"] == "eu"
        with pytest.raises(OSError):  # noqa: PT011 - refused, in the words of the system
            await asyncio.open_connection("127.0.0.2", bridge.port)
        bridge.process.terminate()
        assert await bridge.ended() == 143
        with pytest.raises(httpx.TransportError):
            await bridge.people()
