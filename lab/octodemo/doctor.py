"""Proof: `octofleet doctor` is silent about a healthy platform and names each classic mistake.

Every mistake is really made, must be found by its name, and is taken back, after which the doctor
must be silent again. Ends in `doctor: healthy_rc=0 sick=N/N`.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from octodemo.doctor_mistakes import MISTAKES, Mistake, Patient
from octodemo.kube import Cluster, CommandError
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator, until

__all__ = ["prove_doctor"]

NAMESPACE: Final = "prove-doctor"
REGIONS: Final = ("eu", "us")
ZONE: Final = "topology.kubernetes.io/zone"
PLACE: Final = "kubernetes.io/hostname"
FOUND_SECONDS: Final = 240.0
WELL_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one visit to the doctor came to."""

    status: int
    names: tuple[str, ...]
    text: str


async def prove_doctor(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: something wasn't found, or a healthy platform isn't called healthy.
    """
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        patient = await _healthy(platform)
        first = await _until_well(cluster, console)
        found = [await _suffer(patient, each, console) for each in MISTAKES]
    line = f"doctor: healthy_rc={first.status} sick={sum(found)}/{len(MISTAKES)}"
    if not all(found):
        raise AssertionError(f"{line}: not found or not healed: {_missed(found)}")
    return line


async def _healthy(platform: Platform) -> Patient:
    """Set up two regions in two zones, everyone in one private network: nothing is wrong."""
    nodes = await platform.cluster.items("/api/v1/nodes")
    places = _apart(nodes)
    meet = jitsi_cluster(platform.namespace)
    meet["spec"]["bridge"] = {"addresses": {"audience": "PrivateNetwork"}}
    regions: list[dict[str, Any]] = []
    for name, (node, _) in zip(REGIONS, places, strict=True):
        scaling = {**quick(mode="External"), "minBridges": 1}
        region = octo_region(platform.namespace, name, scaling, replicas=1, region=name)
        region["spec"]["bridge"]["nodeSelector"] = {PLACE: node}
        regions.append(region)
    await platform.cluster.apply(meet, *regions)
    for name in REGIONS:
        await platform.wait_ready(name, bridges=1, seconds=240)
    (first, _), (second, zone) = places
    return Patient(platform, REGIONS[1], second, zone, other_node=first)


def _apart(nodes: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return two nodes and their zones, which differ."""
    zones: dict[str, str] = {}
    for node in nodes:
        zones.setdefault(node["metadata"]["labels"].get(ZONE, ""), node["metadata"]["name"])
    if len(zones) < 2:
        raise AssertionError("the proof needs nodes in two zones")
    first, second, *_ = zones.items()
    return (first[1], first[0]), (second[1], second[0])


async def _suffer(patient: Patient, mistake: Mistake, console: Console) -> bool:
    """Make a mistake, see the doctor, take it back; return whether it was named and healed."""
    console.print(f"{mistake.name}: {mistake.words}", markup=False)
    cluster = patient.platform.cluster
    try:
        await mistake.make(patient)
        await _until(cluster, mistake.name, lambda seen: mistake.name in seen.names, FOUND_SECONDS)
        was_found = True
    except (AssertionError, CommandError, TimeoutError) as failed:
        console.print(f"not found: {failed}", style="red", markup=False)
        was_found = False
    finally:
        await mistake.undo(patient)
    try:
        await _until_well(cluster, console)
    except TimeoutError as late:
        console.print(f"not healed: {late}", style="red", markup=False)
        return False
    return was_found


async def _until_well(cluster: Cluster, console: Console) -> Finding:
    seen = await _until(cluster, "nothing wrong", lambda seen: seen.status == 0, WELL_SECONDS)
    console.print("  the doctor finds nothing", style="green")
    return seen


async def _until(
    cluster: Cluster, what: str, fits: Callable[[Finding], bool], seconds: float
) -> Finding:
    last: list[Finding] = []

    async def probe() -> Finding | None:
        last[:] = [await _visit(cluster)]
        return last[0] if fits(last[0]) else None

    try:
        return await until(what, probe, seconds=seconds, every=3)
    except TimeoutError as late:
        raise TimeoutError(f"{late}; last: {last[0].text if last else 'nothing'}") from late


async def _visit(cluster: Cluster) -> Finding:
    """Run the command as a person would; return what it says."""
    command = str(Path(sys.executable).parent / "octofleet")
    process = await asyncio.create_subprocess_exec(
        command, "doctor", "--json", "--namespace", NAMESPACE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=cluster.environment,
    )  # fmt: skip
    out, err = await process.communicate()
    status = process.returncode or 0
    if status == 2:
        return Finding(status, (), err.decode())
    complaints = json.loads(out)["complaints"]
    names = tuple(each["name"] for each in complaints)
    text = "; ".join(f"{each['where']} {each['name']}: {each['message']}" for each in complaints)
    return Finding(status, names, text)


def _missed(found: Sequence[bool]) -> str:
    return ", ".join(
        mistake.name for mistake, named in zip(MISTAKES, found, strict=True) if not named
    )
