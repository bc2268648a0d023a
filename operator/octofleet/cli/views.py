"""How it looks in a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from octofleet.api.clusters import JitsiCluster
from octofleet.api.regions import OctoRegion
from octofleet.api.status import Condition, ConditionStatus, DecisionStatus, RegionStatus
from octofleet.cli.reading import Fleet
from octofleet.core import checkup

GOOD_WHEN: Final = {
    "Ready": ConditionStatus.TRUE,
    "Registered": ConditionStatus.TRUE,
    "MetricsAvailable": ConditionStatus.TRUE,
    "Degraded": ConditionStatus.FALSE,
    "ScalingLimited": ConditionStatus.FALSE,
}
"""Progressing and Draining are neither good nor bad."""

STYLES: Final = {
    "Ready": "green",
    "Draining": "yellow",
    "Evacuating": "yellow",
    "Unregistered": "red",
    "Failed": "red",
    "Lost": "red",
}


def fleet(found: Fleet) -> RenderableType:
    """Return clusters, their regions and bridges."""
    if not found.clusters and not found.regions:
        return Text("No JitsiCluster yet: kubectl apply -f examples/small.yaml")
    parts: list[RenderableType] = [_clusters(found.clusters)] if found.clusters else []
    for each in found.regions:
        parts += [Text(), _region_line(each), _bridges(each.status or RegionStatus())]
        parts += list(_troubles(_conditions(each)))
    return Group(*parts)


def region(found: OctoRegion) -> RenderableType:
    """Return why a region is as large as it is, and what isn't as it should be."""
    status = found.status or RegionStatus()
    parts: list[RenderableType] = [_region_line(found)]
    if status.last_decision is None:
        parts.append(Text("No decision yet: is the operator running?"))
    else:
        parts += [_decision(status.last_decision), _terms(status.last_decision)]
        parts += [
            Text(f"Not done ({each.reason}): {each.message}", style="yellow")
            for each in status.last_decision.refused
        ]
    parts += [_bridges(status)]
    troubles = list(_troubles(_conditions(found)))
    return Group(*parts, *(troubles or [Text("Every condition is as it should be.")]))


def _clusters(clusters: Sequence[JitsiCluster]) -> Table:
    table = Table("Cluster", "Domain", "Regions", "Bridges", "Participants", "Ready", box=None)
    for each in clusters:
        status = each.status
        name = f"{each.metadata.namespace}/{each.metadata.name}"
        if status is None:
            table.add_row(name, each.spec.domain, "-", "-", "-", "Unknown")
            continue
        table.add_row(
            name,
            each.spec.domain,
            str(status.regions),
            f"{status.ready_bridges}/{status.bridges}",
            str(status.participants),
            _verdict(status.conditions),
        )
    return table


def _region_line(found: OctoRegion) -> Text:
    status = found.status or RegionStatus()
    line = Text(f"{found.metadata.namespace}/{found.metadata.name}", style="bold")
    line.append(
        f"  region {found.spec.region} of {found.spec.cluster}:"
        f" {status.ready_replicas} ready of {status.desired_replicas} wanted,"
        f" {status.draining_replicas} draining,"
        f" {_shown(status.participants)} participants",
        style="not bold",
    )
    return line


def _bridges(status: RegionStatus) -> Table:
    table = Table("Bridge", "State", "Node", "Participants", "Stress", "CPU %", "", box=None)
    for each in status.bridges:
        table.add_row(
            each.name,
            Text(each.state, style=STYLES.get(each.state, "")),
            _shown(each.node),
            _shown(each.participants),
            _shown(each.stress),
            _shown(each.cpu),
            Text(each.message or ""),
        )
    return table


def _decision(decision: DecisionStatus) -> Text:
    line = Text(f"Wanted since {decision.at}: {decision.wanted} bridges")
    if decision.winner:
        line.append(f", decided by {decision.winner}")
    if decision.limited_by:
        line.append(f", limited by {decision.limited_by}", style="yellow")
    if decision.recommended not in (None, decision.wanted):
        line.append(f" (recommended: {decision.recommended})")
    line.append(f"\n{decision.message}")
    return line


def _terms(decision: DecisionStatus) -> Table:
    table = Table("Metric", "Now", "Target", "Asks for", "Why", box=None)
    for each in decision.terms:
        table.add_row(
            each.type,
            _shown(each.current),
            _shown(each.target),
            _shown(each.proposal),
            Text(each.message),
        )
    return table


def _conditions(found: OctoRegion) -> Sequence[Condition]:
    return found.status.conditions if found.status else ()


def _troubles(conditions: Sequence[Condition]) -> Iterator[Text]:
    for each in conditions:
        good = GOOD_WHEN.get(each.type)
        doubtful = good is not None and each.status is not good
        if doubtful or checkup.is_trouble(each):
            line = Text(f"{each.type}={each.status.value} ({each.reason}): ", style="red")
            yield line.append(each.message, style="default")


def _verdict(conditions: Sequence[Condition]) -> str:
    ready = next((each for each in conditions if each.type == "Ready"), None)
    if ready is None:
        return "Unknown"
    return "True" if ready.status is ConditionStatus.TRUE else f"{ready.status}: {ready.reason}"


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
