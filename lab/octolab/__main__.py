"""The command line: octolab provision, need, up, down, status, kubeconfig, wan, link and more."""

import json as json_
import sys
from collections.abc import Collection
from pathlib import Path

from cyclopts import App
from rich.console import Console

from octolab import cluster, joined, machine, provision, reporting, strikes, wan
from octolab.cache import Cache
from octolab.errors import LabError
from octolab.layout import DEFAULT_NAME
from octolab.progress import Progress

app = App(name="octolab", help="A real multi-node Kubernetes on one Linux machine.")
console = Console(highlight=False)


@app.command
def up(
    *,
    nodes: int | None = None,
    regions: str | None = None,
    rtt: str | None = None,
    loss: str | None = None,
    bare: bool = False,
    name: str = DEFAULT_NAME,
    network: str | None = None,
) -> None:
    """Bring the lab up; mend it if parts of it are dead; do nothing if it works.

    Builds what it needs first, and hands images that changed to the nodes.

    Args:
        nodes: How many nodes (default 3).
        regions: Regions given to the nodes in turn, joined by commas (default eu).
        rtt: How far regions are from one another, as eu-us=80ms,eu-asia=220ms; none: all near.
        loss: What is lost between regions, each way, as eu-asia=0.5%.
        bare: Only the cluster, without the product's images.
        name: Prefix of everything the lab makes, so that two labs can stand side by side.
        network: A private /16 for nodes, pods and services (default 10.77.0.0/16).
    """
    named = tuple(regions.split(",")) if regions else None
    choice = cluster.Choice(name, network, nodes, named, rtt, loss)
    steps, cache = Progress(console), Cache.of_user()
    wanted = provision.CLUSTER if bare else (*provision.CLUSTER, *provision.PRODUCT)
    provision.provision(cache, steps, wanted)
    machine.allow_watches()
    with cluster.locked(name):
        planned = cluster.up(choice, supplies(cache, wanted), steps)
    console.print(f"export KUBECONFIG={planned.kubeconfig}")


@app.command(name="provision")
def provision_(*images: str, programs: bool = False) -> None:
    """Install tools and build programs and images: only what is missing or has changed.

    Args:
        images: Which images (default all): pause coredns metrics-server prosody web operator
            bridge load.
        programs: Only the programs (Kubernetes, Helm, …), no image.
    """
    chosen = () if programs else images or (*provision.CLUSTER, *provision.PRODUCT)
    provision.provision(Cache.of_user(), Progress(console), chosen)


@app.command
def need(*packages: str) -> None:
    """Install Debian packages that only some scenarios need, such as chromium.

    Args:
        packages: Their names.
    """
    machine.install_packages(Progress(console), packages)


@app.command
def down(*, name: str = DEFAULT_NAME) -> None:
    """Take the lab down and count what is left of it."""
    machine.check_root()
    with cluster.locked(name):
        left = cluster.down(name)
    console.print(str(left))
    if not left.clean:
        sys.exit(1)


@app.command
def status(*, name: str = DEFAULT_NAME, json: bool = False) -> None:
    """Show what of the lab runs and whether it works; exit 1 if it doesn't.

    Args:
        name: The lab's name.
        json: Print it as JSON.
    """
    machine.check_root()
    report = reporting.report_on(name)
    if json:
        sys.stdout.write(reporting.as_json(report) + "\n")
    else:
        for part in reporting.as_tables(report):
            console.print(part, soft_wrap=True)
    if not report.works:
        sys.exit(1)


@app.command
def kubeconfig(*, name: str = DEFAULT_NAME) -> None:
    """Print the path of the administrator's kubeconfig."""
    sys.stdout.write(f"{cluster.stored(name).kubeconfig}\n")


@app.command(name="wan")
def wan_(*, name: str = DEFAULT_NAME) -> None:
    """Print as JSON what passed between regions so far, in packets and bytes.

    Args:
        name: The lab's name.
    """
    sys.stdout.write(json_.dumps(wan.counts(cluster.stored(name))) + "\n")


@app.command
def link(
    other: str, /, *, name: str = DEFAULT_NAME, cut: bool = False, remove: bool = False
) -> None:
    """Join two labs by a cable, so that nodes and pods of one reach those of the other.

    Args:
        other: The other lab's name.
        name: The one's.
        cut: Cut the cable that is there: packets vanish. Without it, one that is cut is mended.
        remove: Take it away.
    """
    machine.check_root()
    one, far = cluster.stored(name), cluster.stored(other)
    if remove:
        joined.part(one, far)
    elif cut:
        joined.cut(one)
    else:
        joined.join(one, far)


@app.command
def strike(component: str, /, *, down: float = 5.0, name: str = DEFAULT_NAME) -> None:
    """Kill a component of the lab, and start it again a while later.

    Args:
        component: kube-apiserver, or kubelet-NODE.
        down: Seconds it stays dead.
        name: The lab's name.
    """
    machine.check_root()
    with cluster.locked(name):
        strikes.strike(cluster.stored(name), Cache.of_user(), component, down)


@app.command(name="load-images")
def load_images(*images: str, name: str = DEFAULT_NAME) -> None:
    """Build the images whose inputs changed and hand them to the running nodes.

    Pods that run keep what they run: delete them, or restart their Deployment.

    Args:
        images: Which images (default all of the product): prosody web operator bridge load
            bridge-stock bridge-next bridge-mute.
        name: The lab's name.
    """
    steps, cache = Progress(console), Cache.of_user()
    planned, wanted = cluster.stored(name), images or provision.PRODUCT
    provision.provision(cache, steps, wanted)
    with cluster.locked(name):
        cluster.load_images(planned, supplies(cache, wanted), steps)


@app.command
def save(folder: Path, /, *images: str) -> None:
    """Build images and write each as an archive, for another cluster to load.

    Args:
        folder: Where the archives go.
        images: Which images (default all of the product): prosody web operator bridge load
            bridge-stock bridge-next bridge-mute.
    """
    cache, wanted = Cache.of_user(), images or provision.PRODUCT
    provision.provision(cache, Progress(console), wanted)
    folder.mkdir(parents=True, exist_ok=True)
    references = provision.references(wanted)
    for image in cache.layout.images():
        if image.name in references:
            target = folder / f"{image.name.rpartition('/')[2].partition(':')[0]}.tar"
            with target.open("wb") as file:
                cache.layout.write_archive([image], (), file)
            console.print(str(target))


def supplies(cache: Cache, wanted: Collection[str]) -> cluster.Supplies:
    """Return what nodes get, given the short names of images."""
    return cluster.Supplies(cache, provision.references(wanted))


def main() -> None:
    """Run the command line; an expected failure is one line and an exit code."""
    try:
        app()
    except LabError as error:
        Console(stderr=True, highlight=False).print(
            f"octolab: {error}", markup=False, soft_wrap=True
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("octolab: interrupted; the same command goes on from here\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
