"""A watch on nodes: rings every region when one comes, goes, is cordoned, tainted or not ready.

Regions look every few seconds anyway; but a spot notice leaves two minutes, and a person who drains
a node waits for us. Of a node only a digest of what decisions depend on is kept.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Final

import structlog

from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["NodeWatch"]

RETRY_SECONDS: Final = 2.0

_log = structlog.get_logger()


class NodeWatch:
    """Every node of the cluster."""

    def __init__(self, cluster: KubernetesCluster, changed: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._changed = changed
        self._known: dict[str, bytes] = {}

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            try:
                await self._once()
            except KubeError as error:
                _log.warning("Could not watch nodes", error=str(error))
            # As with pods: a server that ends each watch at once must not be hammered.
            await asyncio.sleep(RETRY_SECONDS)

    async def _once(self) -> None:
        """Follow one watch to its end; a node that it doesn't show at first is gone."""
        seen: set[str] = set()
        stale = set(self._known)
        async for kind, node in self._cluster.watch(kube.NODES, None, {}):
            if kind == "ERROR":
                return
            name = documents.text(node, "metadata", "name") or ""
            seen.add(name)
            if kind != "ADDED":
                # What there is comes first, at once: by the first change all has been seen.
                self._drop(stale - seen)
                stale.clear()
            self._take_in(kind, name, node)

    def _take_in(self, kind: str, name: str, node: Document) -> None:
        if kind == "DELETED":
            self._drop({name})
            return
        digest = _digest(node)
        if self._known.get(name) != digest:
            self._known[name] = digest
            self._changed(name)

    def _drop(self, names: set[str]) -> None:
        for name in names:
            if self._known.pop(name, None) is not None:
                self._changed(name)


def _digest(node: Document) -> bytes:
    """Return what changes when anything does that decisions depend on; heartbeats don't."""
    conditions = documents.items(node, "status", "conditions")
    told = {
        "labels": documents.texts(node, "metadata", "labels"),
        "notes": documents.texts(node, "metadata", "annotations"),
        "unschedulable": documents.truth(node, "spec", "unschedulable"),
        "taints": documents.items(node, "spec", "taints"),
        "addresses": documents.items(node, "status", "addresses"),
        "conditions": [(each.get("type"), each.get("status")) for each in conditions],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()
