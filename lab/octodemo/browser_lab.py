"""The proof with real browsers, through a bridge pod in the lab.

The browsers live in namespaces of their own. A router in user space joins them to the bridge's
node, where it can cut a line, and to this machine, where a port is forwarded to the focus.
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
from octodemo.platform import Platform, fresh_namespace, install_operator
from octodemo.wires import Wire, wired

__all__ = ["prove_browser"]

NAMESPACE: Final = "prove-browser"
REGION: Final = "meet-browser"
SIGNAL_PORT: Final = 8889
HOST: Final = "10.98.3.2"
WIDE: Final = Wire("wide", "10.98.1.2/24")
THIN: Final = Wire("thin", "10.98.2.2/24")


async def prove_browser(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        BrowserFailedError: a bound doesn't hold.
    """
    await install_operator(cluster)
    platform = Platform(cluster, NAMESPACE)
    await fresh_namespace(cluster, NAMESPACE)
    scaling = {**quick(100), "minBridges": 1, "maxBridges": 1}
    await cluster.apply(
        jitsi_cluster(NAMESPACE), octo_region(NAMESPACE, REGION, scaling, cpu="500m")
    )
    try:
        await platform.wait_ready(REGION, bridges=1)
        node, address = await _where_the_bridge_is(platform)
        console.print(f"A bridge on {node} at {address}")
        host = Wire("host", f"{HOST}/24", "host")
        bridge = Wire("bridge", "10.98.4.2/24", node, (f"{address}/32",))
        async with (
            wired(WIDE, THIN, host, bridge) as wires,
            _forwarded(cluster) as url,
            entering(wires, url, (WIDE.name, THIN.name), console) as scene,
        ):
            outcome = await play(scene, THIN.name)
        outcome.check()
        return outcome.line()
    finally:
        await platform.remove()


async def _where_the_bridge_is(platform: Platform) -> tuple[str, str]:
    """The network namespace of the bridge's node, and its address there."""
    (pod,) = await platform.bridge_pods()
    path = Path("/run/netns") / pod["spec"]["nodeName"]
    if not path.exists():
        raise CommandError(["octolab", "up"], 1, f"{path} is no node of the lab on this machine")
    return str(path), pod["status"]["hostIP"]


@contextlib.asynccontextmanager
async def _forwarded(cluster: Cluster) -> AsyncGenerator[str]:
    """Forward a port of this machine's end of the router to the focus; yield the page's URL."""
    process = await cluster.start(
        "kubectl", "port-forward", "--namespace", NAMESPACE, "--address", HOST,
        "service/meet-jicofo", f":{SIGNAL_PORT}",
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
