"""`octofleet plan`: from users, meetings and regions to a size and the yaml to apply."""

import sys
from typing import Annotated, Any

import yaml
from cyclopts import Parameter
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from octofleet.simulate import sizing_guide
from octofleet.simulate.media import MEDIA
from octofleet.simulate.sizing_guide import Demand, Option

__all__ = ["documents", "plan"]


def plan(
    *,
    users: int,
    meeting_size: int = 8,
    region: Annotated[list[str] | None, Parameter(name=["--region", "-r"])] = None,
    media: str = "meeting",
    domain: str = "meet.example.org",
    yaml_only: Annotated[bool, Parameter(name="--yaml")] = False,
) -> int:
    """Say how many bridges, on which machines, and write the yaml to apply.

    Args:
        users: People in meetings at the same time, at the busy hour.
        meeting_size: People in a typical meeting.
        region: A region's name; may be given several times. Users are spread evenly.
        media: How they meet: meeting, class, webinar, voice or gallery.
        domain: Of the deployment.
        yaml_only: Print the yaml and nothing else.
    """
    if users < 1:
        raise ValueError("--users must be at least 1")
    if media not in MEDIA:
        raise ValueError(f"--media must be one of {', '.join(MEDIA)}")
    demand = Demand(users, meeting_size, media, tuple(region or ["default"]))
    chosen = sizing_guide.recommended(demand)
    text = yaml.safe_dump_all(documents(chosen, domain), sort_keys=False)
    if yaml_only:
        sys.stdout.write(text)
        return 0
    Console().print(
        Group(_summary(demand, chosen), _options(demand, chosen), Text("Apply this:"), Text(text))
    )
    return 0


def documents(option: Option, domain: str) -> list[dict[str, Any]]:
    """Return the resources of an option."""
    cores = option.machine.cores
    size = sizing_guide.size_of(option.bridges, len(option.regions))
    cluster: dict[str, Any] = {
        "apiVersion": "octofleet.io/v1alpha1",
        "kind": "JitsiCluster",
        "metadata": {"name": "meet"},
        "spec": {
            "domain": domain,
            "size": size,
            "bridge": {
                "resources": {
                    "requests": {"cpu": str(max(1, cores - 1))},
                    "limits": {"cpu": str(cores)},
                }
            },
            "autoscaling": {
                "metrics": [{"type": "Stress", "target": {"averageValue": "0.7"}}],
                "headroom": {"joins": "P99", "spareBridges": 1},
                "rebalancing": "Auto",
            },
        },
    }
    regions: list[dict[str, Any]] = [
        {
            "apiVersion": "octofleet.io/v1alpha1",
            "kind": "OctoRegion",
            "metadata": {"name": each.name},
            "spec": {
                "clusterRef": {"name": "meet"},
                "region": each.name,
                "replicas": each.bridges,
                "autoscaling": {
                    "minBridges": min(2, each.bridges),
                    "maxBridges": each.peak_bridges,
                },
            },
        }
        for each in option.regions
    ]
    return [cluster, *regions]


def _summary(demand: Demand, option: Option) -> Text:
    size = sizing_guide.size_of(option.bridges, len(option.regions))
    where = ", ".join(f"{each.name}: {each.bridges}" for each in option.regions)
    return Text(
        f"{demand.users} people in meetings of {demand.meeting_size}: 1 controller and"
        f" {option.bridges} bridges of {option.machine.name} ({where}), size {size}.\n"
        f"A person is {option.stress_each:.4f} stress; at the peak bridges are at"
        f" {sizing_guide.FILL} with one to spare. One that fails interrupts"
        f" {100 * option.lost_at_once:.0f}% of the people, for seconds.\n"
    )


def _options(demand: Demand, chosen: Option) -> Table:
    table = Table("Machine", "Bridges", "Price an hour", "A failure interrupts", "", box=None)
    for each in sizing_guide.options(demand):
        table.add_row(
            each.machine.name,
            str(each.bridges),
            f"{each.price:.2f}",
            f"{100 * each.lost_at_once:.0f}%",
            "chosen" if each.machine is chosen.machine else "",
        )
    return table
