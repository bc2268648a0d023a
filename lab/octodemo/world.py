"""A platform across a lab's regions: people in each, what passes between, who is where.

The lab must be one of several regions with a network between them (`octolab up --rtt …`), on this
machine: what passed is told by its router, and a bridge is killed by killing its process.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from octodemo.crowd import Crowd, start_crowd
from octodemo.examples import lab_sized
from octodemo.kube import Cluster, CommandError
from octodemo.platform import Platform, condition, fresh_platform, until

__all__ = ["REGIONS", "World", "bytes_between", "standing"]

REGIONS: Final[tuple[str, ...]] = ("eu", "us", "asia")
REGION_LABEL: Final = "topology.kubernetes.io/region"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """A platform that stands, with a crowd in every region."""

    platform: Platform
    crowds: dict[str, Crowd]
    served: tuple[str, ...]
    """Regions that have bridges."""

    async def reset(self) -> None:
        """Begin a new accounting window everywhere."""
        await asyncio.gather(*(crowd.reset() for crowd in self.crowds.values()))

    async def reports(self) -> dict[str, Object]:
        """Return every region's accounting."""
        found = await asyncio.gather(*(crowd.report() for crowd in self.crowds.values()))
        return dict(zip(self.crowds, found, strict=True))

    async def near(self) -> float:
        """Return the share of people whose bridge is in their own region, by the focus' word."""
        debug = await self._debug()
        regions = {
            jid.rpartition("/")[2]: seen["region"]
            for jid, seen in debug["bridge_selector"]["bridge"].items()
        }
        people = [
            (room["chat_room"]["members"][one]["region"], regions.get(placed["bridge"]))
            for room in debug["focus_manager"].values()
            for one, placed in room["colibri_session_manager"]["participants"].items()
        ]
        return sum(own == there for own, there in people) / len(people) if people else 0.0

    async def _debug(self) -> Object:
        path = self.platform.jicofo("debug")
        return await self.platform.cluster.request("GET", path, params={"full": "true"})

    async def linked(self) -> None:
        """Wait until the operator says that all bridges that share a meeting are linked."""

        async def said() -> bool | None:
            found = condition(await self.platform.jitsi(), "Meshed")
            return True if found and found["reason"] == "AllLinked" else None

        await until("Meshed: AllLinked", said, seconds=90, every=1)

    async def links(self) -> list[Object]:
        """Return what the operator measures between regions."""
        return (await self.platform.jitsi()).get("status", {}).get("links", [])

    async def kill_bridges(self, region: str) -> int:
        """Kill every bridge of a region at once; return how many people were on them."""
        pods = [
            pod
            for pod in await self.platform.bridge_pods()
            if pod["metadata"]["labels"]["octofleet.io/region"] == region
        ]
        names = [pod["metadata"]["annotations"]["octofleet.io/nickname"] for pod in pods]
        told = await asyncio.gather(
            *(crowd.killed(name) for crowd in self.crowds.values() for name in names)
        )
        for pod in pods:
            _kill(pod["metadata"]["uid"])
        return sum(told)


@contextlib.asynccontextmanager
async def standing(
    cluster: Cluster, namespace: str, *, relays: bool, bridges: int = 1
) -> AsyncGenerator[World]:
    """Run examples/global.yaml with crowds everywhere; without relays, all bridges in one region.

    Raises:
        CommandError: The cluster isn't a lab of these regions.
    """
    await _check(cluster)
    async with fresh_platform(cluster, namespace) as platform:
        objects = lab_sized("global.yaml", namespace, bridges=bridges)
        if not relays:
            objects = [one for one in objects if one["metadata"]["name"] in ("meet", REGIONS[0])]
            objects[0]["spec"]["octo"]["relays"] = "Disabled"
        served = REGIONS if relays else REGIONS[:1]
        await cluster.apply(*objects)
        crowds: dict[str, Crowd] = dict(
            zip(REGIONS, await _crowds(cluster, namespace), strict=True)
        )
        for region in served:
            await platform.wait_ready(region, bridges=bridges)
        yield World(platform, crowds, served)


async def _crowds(cluster: Cluster, namespace: str) -> list[Crowd]:
    return await asyncio.gather(
        *(
            start_crowd(
                cluster, namespace, name=f"octoload-{region}", node_selector={REGION_LABEL: region}
            )
            for region in REGIONS
        )
    )


async def _check(cluster: Cluster) -> None:
    nodes = await cluster.items("/api/v1/nodes")
    there = {one["metadata"]["labels"].get(REGION_LABEL) for one in nodes}
    if not set(REGIONS) <= there:
        wanted = ["octolab", "up", "--regions", ",".join(REGIONS), "--rtt", "…"]
        raise CommandError(wanted, 1, f"the cluster has no nodes in each of {REGIONS}")


async def bytes_between(cluster: Cluster) -> dict[str, int]:
    """Return how many bytes passed from region to region so far, counted by the lab's router."""
    lab = (await cluster.kubectl("config", "current-context")).strip()
    command = [sys.executable, "-m", "octolab", "wan", "--name", lab]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await process.communicate()
    if process.returncode:
        raise CommandError(command, process.returncode or 1, wrong.decode(errors="replace"))
    return {ends: int(seen["forwarded_bytes"]) for ends, seen in json.loads(said).items()}


def _kill(pod: str) -> None:
    """Kill all processes of a pod on this machine, found by the cgroup that its kubelet made."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            mine = f"pod{pod}" in (entry / "cgroup").read_text()
            program = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        # The pod's own namespace is held by another process, whose end would be another fault.
        if mine and b"pause" not in program:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
