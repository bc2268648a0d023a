"""`octofleet`, also `kubectl octofleet`: what runs, why it is so, and the operator itself.

kopf is imported only when the operator runs.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, TypeVar

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console, RenderableType

from octofleet.cli import credentials, doctor, draining, joining, reading, rollout, views
from octofleet.shell import settings
from octofleet.shell.errors import FleetError
from octofleet.shell.kube import KubernetesCluster

T = TypeVar("T")
Namespace = Annotated[str | None, Parameter(name=["--namespace", "-n"])]

app = App(name="octofleet", help="Jitsi at scale on Kubernetes: look at fleets, run the operator.")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with its status."""
    # What a library has to say on the way is no help to people; the error itself is.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        status = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except (CycloptsError, ValueError) as error:
        _complain(str(error))
        status = 2
    except ImportError as error:
        _complain(f"{error}: pip install 'octofleet[operator,simulate]'")
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status or 0)


@app.command
def status(*, namespace: Namespace = None) -> int:
    """Show clusters, regions and bridges: who is where, how loaded, what isn't well.

    Args:
        namespace: Only this namespace; otherwise all that you may see.
    """

    async def show(cluster: KubernetesCluster) -> RenderableType:
        return views.fleet(await reading.fleet(cluster, namespace))

    return _show(show)


@app.command
def explain(region: str, /, *, namespace: Namespace = None) -> int:
    """Say why a region has the size it has, what limits it and what to mend.

    Args:
        region: The OctoRegion's name.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def show(cluster: KubernetesCluster) -> RenderableType:
        return views.region(await reading.region(cluster, region, namespace))

    return _show(show)


@app.command
def drain(bridge: str, /, *, now: bool = False, namespace: Namespace = None) -> int:
    """Have one bridge emptied and replaced; nobody is dropped.

    Args:
        bridge: The bridge's (its pod's) name.
        now: Move its people at once instead of waiting for drain.patience.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def ask(cluster: KubernetesCluster) -> RenderableType:
        return await draining.request(cluster, bridge, namespace, now=now)

    return _show(ask)


@app.command
def undrain(bridge: str, /, *, namespace: Namespace = None) -> int:
    """Take `drain` back: the bridge serves again.

    Args:
        bridge: The bridge's (its pod's) name.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def ask(cluster: KubernetesCluster) -> RenderableType:
        return await draining.take_back(cluster, bridge, namespace)

    return _show(ask)


@app.command
def join_token(
    cluster: str,
    /,
    *,
    region: str | None = None,
    prosody: str | None = None,
    gateway: str | None = None,
    namespace: Namespace = None,
) -> int:
    """Print the Secret by which a region in another Kubernetes joins a cluster of this one.

    Apply it there, in the region's namespace, and name it in the OctoRegion's joinSecretRef. It
    holds passwords: treat it as one.

    Args:
        cluster: The JitsiCluster's name; the Secret's is the same.
        region: The spec.region of the OctoRegion it is for. Whoever holds it can have people moved
            off that region's bridges alone; left out, off any bridge of the cluster.
        prosody: HOST:PORT at which Prosody's client port is reached from there; not needed where
            its Service says so.
        gateway: HOST:PORT at which the gateway to Jicofo is reached from there, likewise.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def ask(api: KubernetesCluster) -> str:
        return await joining.join_token(api, cluster, namespace, (prosody, gateway), region)

    try:
        text = asyncio.run(_read(ask))
    except FleetError as error:
        _complain(str(error))
        return 1
    sys.stdout.write(text)
    return 0


@app.command
def rotate_credentials(cluster: str, /, *, namespace: Namespace = None) -> int:
    """Give bridges and the operator other passwords, with nobody's call broken.

    Args:
        cluster: The JitsiCluster's name.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def ask(api: KubernetesCluster) -> RenderableType:
        return await credentials.rotate(api, cluster, namespace)

    return _show(ask)


rollouts = App(name="rollout", help="See and steer the upgrade of a region's bridges.")
app.command(rollouts)


def _on_region(
    ask: Callable[[KubernetesCluster, str, str | None], Awaitable[RenderableType]], words: str
) -> None:
    """Make a command of something that is asked of one region."""

    def command(region: str, /, *, namespace: Namespace = None) -> int:
        async def show(cluster: KubernetesCluster) -> RenderableType:
            return await ask(cluster, region, namespace)

        return _show(show)

    command.__doc__ = f"""{words}

    Args:
        region: The OctoRegion's name.
        namespace: Its namespace; not needed while the name is unique.
    """
    rollouts.command(command, name=ask.__name__)


_on_region(rollout.status, "Show how far an upgrade is, and which releases run.")
_on_region(rollout.pause, "Begin nothing further until it is resumed.")
_on_region(rollout.resume, "Let it go on.")
_on_region(rollout.restart, "Replace every bridge, or try a release again that was given up.")
_on_region(rollout.undo, "Ask for the release before again.")


@rollouts.command(name="now")
def restart_now(cluster: str, /, *, namespace: Namespace = None) -> int:
    """Have Prosody and Jicofo restarted that wait for a quiet moment. Every meeting ends.

    Args:
        cluster: The JitsiCluster's name.
        namespace: Its namespace; not needed while the name is unique.
    """

    async def ask(api: KubernetesCluster) -> RenderableType:
        return await rollout.now(api, cluster, namespace)

    return _show(ask)


app.command(doctor.doctor)
# Loaded only when they run: they need numpy, which the operator doesn't. Their summaries stand
# here, so that `octofleet --help` needn't load them either.
for _name, _where, _summary in (
    ("simulate", "simulating:app", "Run fleets on paper: any load, our decisions and others'."),
    ("replay", "simulating:replay", "Replay a deployment's own history, under any policy."),
    ("plan", "planning:plan", "Say how many bridges, on which machines, and the yaml to apply."),
):
    app.command(f"octofleet.cli.{_where}", name=_name, help=_summary)


@app.command
def operator(
    *, namespace: Annotated[list[str] | None, Parameter(name=["--namespace", "-n"])] = None
) -> int:
    """Run the operator. Settings come from OCTOFLEET_* variables.

    Args:
        namespace: Watch only this namespace; may be given several times.
    """
    # Here and not above: people who only look shouldn't wait for kopf.
    from octofleet.shell import running

    chosen = settings.from_environment(os.environ)
    if namespace:
        chosen = replace(chosen, namespaces=tuple(namespace))
    try:
        return asyncio.run(running.run(chosen))
    except FleetError as error:
        _complain(str(error))
        return 1


def _show(read: Callable[[KubernetesCluster], Awaitable[RenderableType]]) -> int:
    try:
        Console().print(asyncio.run(_read(read)))
    except FleetError as error:
        _complain(str(error))
        return 1
    return 0


async def _read(read: Callable[[KubernetesCluster], Awaitable[T]]) -> T:
    cluster = await KubernetesCluster.connect()
    try:
        return await read(cluster)
    finally:
        await cluster.close()


def _complain(message: str) -> None:
    Console(stderr=True).print(f"octofleet: {message}", style="red", markup=False, soft_wrap=True)
