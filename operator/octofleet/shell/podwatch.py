"""A watch on bridge pods alone: rings their region's bell and knows which nodes are taken.

kopf would watch every pod of the cluster; this asks the server for ours. Of a pod only region,
node and phase are kept.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from octofleet.core.manifests import naming
from octofleet.shell import documents, kube, pods
from octofleet.shell.bells import Bells, Key
from octofleet.shell.documents import Document
from octofleet.shell.following import follow
from octofleet.shell.kube import KubernetesCluster


@dataclass(frozen=True, slots=True)
class _Place:
    region: str
    node: str | None
    over: bool


class PodWatch:
    """All bridge pods the operator may see."""

    def __init__(self, cluster: KubernetesCluster, bells: Bells, regions: str) -> None:
        self._cluster = cluster
        self._bells = bells
        self._kind = regions
        self._places: dict[tuple[str, str], _Place] = {}

    def nodes_of_others(self, namespace: str, region: str) -> frozenset[str]:
        """Return nodes that carry a bridge of another region than this one."""
        return frozenset(
            place.node
            for (where, _), place in self._places.items()
            if place.node and not place.over and (where, place.region) != (namespace, region)
        )

    async def run(self, namespaces: Sequence[str]) -> None:
        """Watch for ever, every namespace or the given ones."""
        async with asyncio.TaskGroup() as group:
            for namespace in namespaces or (None,):
                group.create_task(self._follow(namespace))

    async def _follow(self, namespace: str | None) -> None:
        await follow(
            self._cluster,
            kube.PODS,
            namespace,
            naming.any_bridge_labels(),
            known=lambda: [key for key in self._places if namespace in (None, key[0])],
            take_in=self._take_in,
            drop=self._drop,
        )

    def _take_in(self, kind: str, pod: Document) -> tuple[str, str]:
        key = (
            documents.text(pod, "metadata", "namespace") or "",
            documents.name_of(pod),
        )
        region = documents.texts(pod, "metadata", "labels").get(naming.LABEL_REGION, "")
        if kind == "DELETED":
            self._places.pop(key, None)
        else:
            over = pods.has_ended(pod)
            self._places[key] = _Place(region, documents.text(pod, "spec", "nodeName"), over)
        if region:
            self._bells.ring(Key(self._kind, key[0], region))
        return key

    def _drop(self, keys: set[tuple[str, str]]) -> None:
        for key in keys:
            self._places.pop(key, None)
