"""A watch on nodes: rings every region when one comes, goes, is cordoned, tainted or not ready.

Regions look every few seconds anyway; but a spot notice leaves two minutes, and a person who drains
a node waits for us. Of a node only a digest of what decisions depend on is kept.
"""

import hashlib
import json
from collections.abc import Callable

from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.following import follow
from octofleet.shell.kube import KubernetesCluster

__all__ = ["NodeWatch"]


class NodeWatch:
    """Every node of the cluster."""

    def __init__(self, cluster: KubernetesCluster, changed: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._changed = changed
        self._known: dict[str, bytes] = {}

    async def run(self) -> None:
        """Watch for ever."""
        await follow(
            self._cluster,
            kube.NODES,
            None,
            {},
            known=lambda: self._known,
            take_in=self._take_in,
            drop=self._drop,
        )

    def _take_in(self, kind: str, node: Document) -> str:
        name = documents.name_of(node)
        if kind == "DELETED":
            self._drop({name})
            return name
        digest = _digest(node)
        if self._known.get(name) != digest:
            self._known[name] = digest
            self._changed(name)
        return name

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
