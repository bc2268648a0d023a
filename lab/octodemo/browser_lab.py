"""Real browsers and bridge pods: the way from one to the other in the lab, and the proof of it.

The browsers live in namespaces of their own. A router in user space joins them to every node of
the lab, where it can cut a line, and to this machine, where a port is forwarded to the focus.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from rich.console import Console

from octodemo.browser import entering, play
from octodemo.kube import Cluster, CommandError
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator
from octodemo.wires import Wire, Wires, wired

__all__ = ["THIN", "WIDE", "prove_browser", "reaching"]

NAMESPACE: Final = "prove-browser"
REGION: Final = "meet-browser"
SIGNAL_PORT: Final = 8889
HOST: Final = "10.98.3.2"
WIDE: Final = Wire("wide", "10.98.1.2/24")
"""Where most browsers live."""
THIN: Final = Wire("thin", "10.98.2.2/24")
"""Where the one lives whose line may be cut."""
NAMESPACES: Final = Path("/run/netns")


async def prove_browser(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        BrowserFailedError: a bound doesn't hold.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        scaling = {**quick(100), "minBridges": 1, "maxBridges": 1}
        await cluster.apply(
            jitsi_cluster(NAMESPACE), octo_region(NAMESPACE, REGION, scaling, cpu="500m")
        )
        await platform.wait_ready(REGION, bridges=1)
        async with (
            reaching(platform) as (wires, url),
            entering(wires, url, (WIDE.name, THIN.name), console) as scene,
        ):
            outcome = await play(scene, THIN.name)
        outcome.check()
        return outcome.line()


@contextlib.asynccontextmanager
async def reaching(platform: Platform) -> AsyncGenerator[tuple[Wires, str]]:
    """Make namespaces for browsers that reach a platform; yield them and the page's URL."""
    nodes = await _nodes(platform.cluster)
    host = Wire("host", f"{HOST}/24", "host")
    async with (
        wired(WIDE, THIN, host, *nodes) as wires,
        _forwarded(platform) as url,
    ):
        yield wires, url


async def _nodes(cluster: Cluster) -> list[Wire]:
    """A wire into every node's network namespace, for the node's own address."""
    found: list[Wire] = []
    for number, node in enumerate(await cluster.items("/api/v1/nodes")):
        name = node["metadata"]["name"]
        addresses = (a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        if not (NAMESPACES / name).exists():
            raise CommandError(["octolab", "up"], 1, f"{name} is no node of a lab on this machine")
        own = f"{next(addresses)}/32"
        found.append(
            Wire(f"node{number}", f"10.98.{10 + number}.2/24", str(NAMESPACES / name), (own,))
        )
    return found


@contextlib.asynccontextmanager
async def _forwarded(platform: Platform) -> AsyncGenerator[str]:
    """Forward a port of this machine's end of the router to the focus; yield the page's URL."""
    process = await platform.cluster.start(
        "kubectl", "port-forward", "--namespace", platform.namespace, "--address", HOST,
        f"service/{platform.name}-jicofo", f":{SIGNAL_PORT}",
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise CommandError(["kubectl", "port-forward"], 1, "no output to read")
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        port = line.partition("->")[0].rpartition(":")[2].strip()
        if not port.isdigit():
            raise CommandError(["kubectl", "port-forward"], 1, line or "it ended")
        yield f"http://{HOST}:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
