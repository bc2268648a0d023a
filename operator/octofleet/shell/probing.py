"""Probes bridges from other nodes: one at a time a region, few at once, cleaned up.

It runs beside the reconciles and never holds one up. What it finds is noted on the bridge's pod,
so that the next operator needn't ask again.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from jitsiwire.colibri2 import ConferenceModified, ConferenceModify
from octofleet.api.effective import EffectiveRegion
from octofleet.core import lifecycle, probing
from octofleet.core.limits import limits_of
from octofleet.core.manifests import naming, prober
from octofleet.core.observation import Bridge, Probe, Snapshot, Timestamp
from octofleet.shell import documents, kube, pods
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import Conflict, FleetError, KubeError, Unreachable
from octofleet.shell.kube import KubernetesCluster

__all__ = ["Asking", "Prober"]

AT_ONCE: Final = 4
LOOK_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 75.0

_log = structlog.get_logger()


class Asking(Protocol):
    """Whoever may speak Colibri to bridges."""

    async def ask(
        self, cluster: ClusterName, nickname: str, request: ConferenceModify
    ) -> ConferenceModified:
        """Return a bridge's answer; `Unreachable` without one."""
        ...


@dataclass(frozen=True, slots=True)
class _Errand:
    namespace: str
    cluster: ClusterName
    bridge: Bridge


class Prober:
    """Probes the bridges of all regions."""

    def __init__(
        self, api: KubernetesCluster, asking: Asking, image: str, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._asking = asking
        self._image = image
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def consider(self, region: EffectiveRegion, snapshot: Snapshot) -> None:
        """Begin a probe if one of the region's bridges is due for it, and return at once."""
        busy = region.uid in self._tasks or len(self._tasks) >= AT_ONCE
        if busy or not region.bridge.probes or not snapshot.cluster.exists:
            return
        now = snapshot.taken_at
        judged = lifecycle.judged(snapshot, now, limits_of(region.autoscaling))
        bridge = probing.due(judged, snapshot, now)
        if bridge is None:
            return
        errand = _Errand(region.namespace, ClusterName(region.namespace, region.cluster), bridge)
        task = asyncio.create_task(self._run(errand), name=f"probe {bridge.name}")
        self._tasks[region.uid] = task
        task.add_done_callback(lambda _: self._tasks.pop(region.uid, None))

    async def close(self) -> None:
        """End the probes under way and what they made."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, errand: _Errand) -> None:
        """Probe a bridge and note what came of it; nothing that goes wrong goes any further."""
        log = _log.bind(bridge=f"{errand.namespace}/{errand.bridge.name}")
        try:
            found = await self._probe(errand)
        except FleetError as error:
            found = Probe(self._now(), failure=str(error))
        try:
            await self._note(errand, found)
        except FleetError as error:
            log.debug("Could not note a probe", error=str(error))
            return
        log.debug("Probed", answered=found.answered, silent=found.silent, failure=found.failure)

    async def _probe(self, errand: _Errand) -> Probe:
        meeting = f"octofleet-probe-{secrets.token_hex(8)}"
        nickname = errand.bridge.nickname
        reply = await self._asking.ask(errand.cluster, nickname, probing.allocation(meeting))
        try:
            ice = probing.offered(reply)
            if ice is None:
                return Probe(self._now(), failure="it offers a client no way to connect")
            last_words = await self._send(errand, probing.question(ice))
        finally:
            with contextlib.suppress(Unreachable):
                await self._asking.ask(errand.cluster, nickname, probing.expiry(meeting))
        return last_words

    async def _send(self, errand: _Errand, question: str) -> Probe:
        """Have a pod ask; return what it found."""
        bridge = errand.bridge
        body = prober.build_prober(
            bridge.name, bridge.uid, bridge.node or "", errand.namespace, self._image, question
        )
        made = await self._create(errand.namespace, body)
        try:
            return await self._until_done(errand)
        finally:
            uid = documents.uid_of(made)
            with contextlib.suppress(KubeError):
                await self._api.delete(
                    kube.PODS, errand.namespace, prober.prober_name(bridge.name), uid
                )

    async def _create(self, namespace: str, body: Document) -> Document:
        try:
            return await self._api.create(kube.PODS, namespace, body)
        except Conflict:
            # Left by an operator that was killed: it has asked long ago.
            name = documents.name_of(body)
            left = await self._api.get(kube.PODS, name, namespace)
            if documents.text(left, "metadata", "labels", "app.kubernetes.io/component") == "probe":
                uid = documents.uid_of(left)
                await self._api.delete(kube.PODS, namespace, name, uid)
            raise

    async def _until_done(self, errand: _Errand) -> Probe:
        name = prober.prober_name(errand.bridge.name)
        deadline = self._clock() + PATIENCE_SECONDS
        while self._clock() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            pod = await self._api.get(kube.PODS, name, errand.namespace)
            if pod is None:
                return Probe(self._now(), failure="its pod was deleted by someone else")
            if pods.has_ended(pod):
                return self._judged(pod)
        return Probe(self._now(), failure=f"pod {name} didn't end in time: kubectl describe it")

    def _judged(self, pod: Document) -> Probe:
        end = pods.ending(pod)
        if end is not None and end.code == 0 and end.message is not None:
            return probing.result(end.message, self._now())
        why = documents.text(pod, "status", "reason") or "its pod failed"
        return Probe(self._now(), failure=why)

    async def _note(self, errand: _Errand, found: Probe) -> None:
        body: Document = {
            "metadata": {
                "uid": errand.bridge.uid,
                "annotations": {naming.ANNOTATION_PROBE: probing.written(found)},
            }
        }
        await self._api.merge(kube.PODS, errand.namespace, errand.bridge.name, body)

    def _now(self) -> Timestamp:
        return Timestamp(self._clock())
