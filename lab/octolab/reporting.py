"""What `octolab status` says: parts that run, nodes, and whether the whole works."""

import dataclasses
import json

from rich.console import RenderableType
from rich.table import Table

from octolab import cluster, control_plane, health, nodes, processes, wan
from octolab.layout import Layout, Node

__all__ = ["Part", "Report", "as_json", "as_tables", "report_on"]


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One component and its process, None if it doesn't run."""

    component: str
    pid: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class NodeReport:
    """One node."""

    name: str
    address: str
    region: str
    zone: str
    pods: str


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A lab as it is now."""

    name: str
    kubeconfig: str
    server: str
    trouble: str
    nodes: tuple[NodeReport, ...]
    parts: tuple[Part, ...]

    @property
    def works(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.trouble


def report_on(name: str) -> Report:
    """Return a lab's state, asked of its processes and of the cluster."""
    planned = cluster.stored(name)
    return Report(
        name=name,
        kubeconfig=str(planned.kubeconfig),
        server=planned.server,
        trouble=health.verdict(planned),
        nodes=tuple(node_report(node) for node in planned.nodes),
        parts=tuple(parts_of(planned)),
    )


def node_report(node: Node) -> NodeReport:
    """Return what is fixed about a node."""
    return NodeReport(node.name, str(node.address), node.region, node.zone, str(node.pod_network))


def parts_of(planned: Layout) -> list[Part]:
    """Return every component with its process."""
    wanted: list[tuple[str, str | None]] = [
        *control_plane.running_programs(),
        *wan.running_programs(planned),
    ]
    for node in planned.nodes:
        wanted += nodes.running_programs(node)
    return [
        Part(component, next(processes.find(planned.name, component, program), None))
        for component, program in wanted
    ]


def as_json(report: Report) -> str:
    """Return a report as JSON, with `works` spelled out."""
    return json.dumps({**dataclasses.asdict(report), "works": report.works}, indent=2)


def as_tables(report: Report) -> list[RenderableType]:
    """Return a report for the terminal."""
    members = Table("node", "address", "region", "zone", "pods", title=f"lab {report.name}")
    for node in report.nodes:
        members.add_row(node.name, node.address, node.region, node.zone, node.pods)
    parts = Table("component", "process")
    for part in report.parts:
        parts.add_row(part.component, str(part.pid) if part.pid else "[red]dead[/red]")
    verdict = "[green]works[/green]" if report.works else f"[red]{report.trouble}[/red]"
    return [members, parts, verdict, f"export KUBECONFIG={report.kubeconfig}"]
