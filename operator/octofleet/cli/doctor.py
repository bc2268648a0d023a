"""`octofleet doctor`: everything that isn't as it should be, by name and with the fix.

It only reads, and is as useful before anything is installed as after.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from octofleet.cli import reading
from octofleet.core import checkup
from octofleet.core.checkup import Complaint
from octofleet.shell import checkup as looking
from octofleet.shell.errors import FleetError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["doctor", "examine"]

SICK = 1
UNKNOWN = 2


def doctor(
    *,
    namespace: Annotated[str | None, Parameter(name=["--namespace", "-n"])] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Find what is wrong with Octofleet, its resources and what they stand on, with the fix.

    Exits with 1 when something is wrong, with 0 when nothing is, with 2 when the cluster can't
    be asked. Changes nothing.

    Args:
        namespace: Only this namespace, which may still be empty; otherwise all that you may see.
        as_json: Print JSON: {"healthy": …, "complaints": [{"where", "name", "message"}, …]}.
    """
    try:
        found = asyncio.run(_examined(namespace))
    except FleetError as error:
        Console(stderr=True).print(f"octofleet: {error}", style="red", markup=False)
        return UNKNOWN
    if as_json:
        Console().print_json(_as_json(found))
    else:
        _print(found)
    return SICK if found else 0


async def examine(api: KubernetesCluster, namespace: str | None) -> list[Complaint]:
    """Return everything that is wrong, most general first.

    Raises:
        FleetError: The cluster can't be read; the message says what to do.
    """
    missing = await looking.crds_are_there(api, namespace)
    if missing:
        named = [namespace] if namespace else []
        operator = await looking.operator_complaints(api, ())
        return [*missing, *operator, *await looking.place_complaints(api, named)]
    fleet = await reading.fleet(api, namespace)
    used = {each.metadata.namespace for each in (*fleet.clusters, *fleet.regions)}
    namespaces = sorted(used | ({namespace} if namespace else set()))
    return [
        *await looking.operator_complaints(api, namespaces),
        *await looking.place_complaints(api, namespaces),
        *checkup.of_resources(fleet.clusters, fleet.regions),
        *await looking.web_complaints(api, fleet.clusters),
    ]


async def _examined(namespace: str | None) -> list[Complaint]:
    api = await KubernetesCluster.connect()
    try:
        return await examine(api, namespace)
    finally:
        await api.close()


def _as_json(found: Sequence[Complaint]) -> str:
    return json.dumps({"healthy": not found, "complaints": [asdict(each) for each in found]})


def _print(found: Sequence[Complaint]) -> None:
    console = Console()
    if not found:
        console.print("Nothing is wrong.", style="green")
        return
    table = Table("Where", "What", "Why, and what to do", show_lines=True, box=None)
    for each in found:
        table.add_row(each.where, f"[red]{each.name}[/red]", _plain(each.message))
    console.print(table)
    console.print(f"{len(found)} found", style="red")


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
