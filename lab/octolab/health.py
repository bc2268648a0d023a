"""Does the cluster work? Asked of the cluster itself, one question a function.

Each returns an empty string if all is well, else what is missing.
"""

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from octolab import control_plane, nodes, processes, wan
from octolab.api import Api, RefusedError
from octolab.errors import LabError
from octolab.layout import Layout, Node

__all__ = [
    "dead_components",
    "dns_trouble",
    "first_trouble",
    "metrics_trouble",
    "node_trouble",
    "verdict",
]

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
# A kubelet renews every 10 s; its node counts as Ready for 40 s after it died.
LEASE_FRESH = datetime.timedelta(seconds=25)
API_NAME = "kubernetes.default.svc.cluster.local"


def first_trouble(layout: Layout) -> str:
    """Return the first thing that is wrong with a lab, nothing if it works."""
    dead = dead_components(layout)
    if dead:
        return f"not running: {', '.join(dead)}"
    if not wan.is_right(layout):
        return "the network between regions isn't as it should be"
    api = Api(layout)
    return node_trouble(api, layout) or dns_trouble(layout) or metrics_trouble(api, layout)


def verdict(layout: Layout) -> str:
    """Return the first thing that is wrong, an API server that doesn't answer among them."""
    try:
        return first_trouble(layout)
    except LabError as error:
        return str(error)


def dead_components(layout: Layout) -> tuple[str, ...]:
    """Return the components that don't run."""
    wanted = list(control_plane.running_programs())
    for node in layout.nodes:
        wanted += nodes.running_programs(node)
    return tuple(
        component
        for component, program in wanted
        if not processes.is_running(layout, component, program)
    )


def node_trouble(api: Api, layout: Layout) -> str:
    """Return which nodes aren't Ready."""
    found = {item["metadata"]["name"]: item for item in items(api.get("/api/v1/nodes"))}
    leases = items(api.get(LEASES))
    now = datetime.datetime.now(datetime.UTC)
    fresh = {item["metadata"]["name"] for item in leases if is_fresh(item, now)}
    waiting = [
        node.name
        for node in layout.nodes
        if node.name not in fresh or not is_ready(found.get(node.name, {}))
    ]
    return f"not Ready: {', '.join(waiting)}" if waiting else ""


def metrics_trouble(api: Api, layout: Layout) -> str:
    """Return whether some node's CPU isn't known yet."""
    try:
        answer = api.get("/apis/metrics.k8s.io/v1beta1/nodes")
    except RefusedError as error:
        return f"metrics: {error}"
    measured = {item["metadata"]["name"] for item in items(answer)}
    missing = [node.name for node in layout.nodes if node.name not in measured]
    return f"no metrics of {', '.join(missing)}" if missing else ""


def dns_trouble(layout: Layout) -> str:
    """Return whether some node can't resolve a name by the cluster's DNS service."""
    for node in layout.nodes:
        answer = resolve(node, str(layout.dns_address), API_NAME)
        if answer != str(layout.api_service_address):
            return f"DNS from {node.name}: {answer or 'no answer'}"
    return ""


def resolve(node: Node, server: str, name: str) -> str:
    """Return the address of a name as a node sees it, asked from inside its namespace."""
    program = [sys.executable, "-I", str(Path(__file__).with_name("dns.py")), server, name]
    done = subprocess.run(
        ["nsenter", f"--net={node.namespace_path}", "--", *program],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return cast("list[dict[str, Any]]", answer.get("items") or [])


def is_ready(node: dict[str, Any]) -> bool:
    """Tell whether a node says it is Ready."""
    conditions = cast("list[dict[str, str]]", node.get("status", {}).get("conditions") or [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_fresh(lease: dict[str, Any], now: datetime.datetime) -> bool:
    """Tell whether a node's kubelet renewed its lease lately."""
    renewed = lease.get("spec", {}).get("renewTime")
    return bool(renewed) and now - datetime.datetime.fromisoformat(renewed) < LEASE_FRESH
