"""`python -m octodemo SCENARIO`: scenarios on the lab or on the current kubecontext."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cyclopts import App
from rich.console import Console

from octodemo.browser_lab import prove_browser
from octodemo.chaos import prove_chaos
from octodemo.chromium import BrowserError
from octodemo.crashpoints import prove_crashpoints
from octodemo.demo import DemoFailedError, run_demo
from octodemo.doctor import prove_doctor
from octodemo.drain import prove_drain
from octodemo.hpa import prove_hpa
from octodemo.kube import Cluster, CommandError, connect
from octodemo.labmatch import WORKLOAD, prove_labmatch
from octodemo.lesson import prove_class
from octodemo.local import try_a_call
from octodemo.loss import prove_loss
from octodemo.regions import prove_regionloss, prove_regions
from octodemo.relay import enter_a_namespace, prove_relay
from octodemo.restart import prove_restart
from octodemo.setups import prove_setups
from octodemo.twocluster import prove_twocluster
from octodemo.upgrade import prove_upgrade
from octodemo.wires import WiresError

app = App(name="octodemo", help="Show and prove Octofleet on a real cluster.")
Scenario = Callable[[Cluster, Console], Awaitable[str]]
FAILURES = (
    AssertionError,
    BrowserError,
    CommandError,
    DemoFailedError,
    TimeoutError,
    WiresError,
)


def _run(scenario: Scenario, kubeconfig: str | None) -> int:
    async def inside(console: Console) -> str:
        async with connect(kubeconfig) as cluster:
            return await scenario(cluster, console)

    return _play(inside)


def _play(scenario: Callable[[Console], Awaitable[str]]) -> int:
    console = Console()
    # Ended from outside, a scenario still takes its proxy and what it made away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    async def inside() -> str:
        return await scenario(console)

    try:
        print(asyncio.run(inside()))  # noqa: T201 - the line is the scenario's product
    except FAILURES as failed:
        for failure in _with_causes(failed):
            console.print(f"failed: {failure}", style="red", markup=False)
        return 1
    return 0


def _with_causes(failed: BaseException) -> list[BaseException]:
    """Return what went wrong in order: cleaning up may fail because of the first."""
    found: list[BaseException] = [failed]
    while (before := found[0].__cause__ or found[0].__context__) is not None:
        found.insert(0, before)
    return found


@app.command(name="class")
def class_(*, kubeconfig: str | None = None) -> int:
    """Prove that a class of 120 that is too much for one bridge is held by several."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_class(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def demo(*, kubeconfig: str | None = None) -> int:
    """Run the main job live; without KUBECONFIG on the current kubecontext."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return (await run_demo(cluster, console)).line()

    return _run(scenario, kubeconfig)


@app.command
def browser(*, kubeconfig: str | None = None) -> int:
    """Prove that real browsers get what they ask for through a bridge pod of the lab."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_browser(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def loss() -> int:
    """Prove that a browser's call holds across a network that loses packets; needs no cluster."""
    return _play(prove_loss)


@app.command
def call() -> int:
    """Run a platform on this machine to try a call in a browser; needs no cluster."""
    return _play(try_a_call)


@app.command
def doctor(*, kubeconfig: str | None = None) -> int:
    """Prove that `octofleet doctor` names each classic mistake, and no other."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_doctor(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def drain(*, kubeconfig: str | None = None) -> int:
    """Prove that `kubectl drain` of a node with calls drops nobody."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_drain(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def hpa(*, kubeconfig: str | None = None) -> int:
    """Prove that a real HorizontalPodAutoscaler sizes a region."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_hpa(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def relay() -> int:
    """Prove that a meeting on three bridges costs one copy each; needs no cluster."""
    enter_a_namespace()
    return _play(prove_relay)


@app.command
def crashpoints(*, kubeconfig: str | None = None) -> int:
    """Prove that an operator killed after each of its writes is gone on with."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_crashpoints(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def upgrade(*, kubeconfig: str | None = None) -> int:
    """Prove that bridges change their version without a drop, and go back when it's unfit."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_upgrade(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def chaos(
    *,
    kubeconfig: str | None = None,
    seed: int | None = None,
    lab: str = "octo",
    seconds: float = 600.0,
) -> int:
    """Prove that calls go on whatever dies; only in a LAB, whose processes are killed, too."""
    chosen = seed if seed is not None else int(time.time())

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_chaos(cluster, console, seed=chosen, lab=lab, seconds=seconds)

    return _run(scenario, kubeconfig)


@app.command
def labmatch(*, kubeconfig: str | None = None, workload: Path = WORKLOAD) -> int:
    """Prove that the simulator tells what real bridges do under the same WORKLOAD."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_labmatch(cluster, console, workload)

    return _run(scenario, kubeconfig)


@app.command
def regions(*, kubeconfig: str | None = None, picture: Path | None = None) -> int:
    """Prove what bridges and relays in every region bring to people there.

    Args:
        kubeconfig: Of a lab of three regions with a network between them.
        picture: Where to draw what was measured.
    """

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_regions(cluster, console, picture)

    return _run(scenario, kubeconfig)


@app.command
def regionloss(*, kubeconfig: str | None = None) -> int:
    """Prove that people are back soon when all bridges of their region are killed."""

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_regionloss(cluster, console)

    return _run(scenario, kubeconfig)


@app.command
def restart(*, kubeconfig: str | None = None, seed: int | None = None) -> int:
    """Prove that the operator may be killed at any moment."""
    chosen = seed if seed is not None else int(time.time())

    async def scenario(cluster: Cluster, console: Console) -> str:
        return await prove_restart(cluster, console, seed=chosen)

    return _run(scenario, kubeconfig)


@app.command
def setups() -> int:
    """Prove what one small bridge, five, and three regions hold; needs no cluster."""
    enter_a_namespace()
    return _play(prove_setups)


@app.command
def twocluster(*, home: str = "octo", far: str = "octoc") -> int:
    """Prove that a region in another Kubernetes serves, is evacuated and survives a cut link.

    Args:
        home: The lab with the platform.
        far: The lab with the region that joins it.
    """

    async def scenario(console: Console) -> str:
        return await prove_twocluster(home, far, console)

    return _play(scenario)


if __name__ == "__main__":
    sys.exit(app())
