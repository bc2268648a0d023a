"""Proving a bridge: a pod of synthetic participants holds a call on it, and its end says how.

Nothing is remembered: the pods of the attempts have fixed names, and how they ended is read off
them. They belong to the bridge's pod and go with it.
"""

import contextlib
from dataclasses import dataclass
from typing import Final

from octofleet.core.manifests import naming, trial
from octofleet.core.manifests.inputs import BridgeSettings
from octofleet.core.observation import Bridge
from octofleet.shell import documents, kube, pods
from octofleet.shell.documents import Document
from octofleet.shell.errors import Conflict
from octofleet.shell.kube import KubernetesCluster

__all__ = ["DEFAULT_LOAD_IMAGE", "Prover", "Verdict"]

DEFAULT_LOAD_IMAGE: Final = "docker.io/octofleet/load:dev"
ATTEMPTS: Final = 2
WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a bridge by now."""

    passed: bool | None
    """None: nothing yet."""
    message: str = ""


class Prover:
    """Tries calls on bridges."""

    def __init__(self, api: KubernetesCluster, image: str) -> None:
        self._api = api
        self._image = image

    async def verdict(self, bridge: Bridge, namespace: str, settings: BridgeSettings) -> Verdict:
        """Return how the call went, having begun it if it wasn't.

        A verdict stands for as long as nothing is taken away: asked again, it is the same.

        Raises:
            KubeError: The API server can't be asked, or refuses the pod.
        """
        said = ""
        for attempt in range(1, ATTEMPTS + 1):
            name = trial.trial_name(bridge.name, attempt)
            pod = await self._api.get(kube.PODS, name, namespace)
            if pod is None:
                return await self._begin(name, bridge, namespace, settings, said)
            if not _is_of(pod, bridge):
                # Of another bridge that had this name.
                await self._remove(pod, namespace)
                return Verdict(None, said)
            if not pods.has_ended(pod):
                return Verdict(None, said)
            code, said = _end(pod)
            if code == 0:
                return Verdict(passed=True, message=said)
            if code == trial.TRIAL_IMPOSSIBLE:
                await self._remove(pod, namespace)
                return Verdict(None, said)
        return Verdict(passed=False, message=said)

    async def clear(self, bridge: Bridge, namespace: str) -> None:
        """Take the trials of a proven bridge away.

        To be called once the verdict has been noted on the bridge: until then its trial is the
        only thing that knows it. One that is left over goes with the bridge.

        Raises:
            KubeError: The API server can't be asked, or refuses.
        """
        for attempt in range(1, ATTEMPTS + 1):
            pod = await self._api.get(kube.PODS, trial.trial_name(bridge.name, attempt), namespace)
            if pod is not None and _is_of(pod, bridge):
                await self._remove(pod, namespace)

    async def _begin(
        self, name: str, bridge: Bridge, namespace: str, settings: BridgeSettings, said: str
    ) -> Verdict:
        owner = naming.Owner("Pod", bridge.name, bridge.uid, "v1")
        node, image = bridge.node or "", self._image
        body = trial.build_trial(name, namespace, owner, bridge.nickname, node, settings, image)
        # One of that name may still be going: the next look tries again.
        with contextlib.suppress(Conflict):
            await self._api.create(kube.PODS, namespace, body)
        return Verdict(None, said)

    async def _remove(self, pod: Document, namespace: str) -> None:
        name = documents.name_of(pod)
        uid = documents.uid_of(pod)
        await self._api.delete(kube.PODS, namespace, name, uid)


def _is_of(pod: Document, bridge: Bridge) -> bool:
    owners = documents.items(pod, "metadata", "ownerReferences")
    return any(each.get("uid") == bridge.uid for each in owners)


def _end(pod: Document) -> tuple[int, str]:
    """Return the exit code of a trial and its last words."""
    why = documents.text(pod, "status", "reason")
    if why is not None:
        # Evicted, or out of time: what its container ended with says nothing of the bridge.
        return trial.TRIAL_IMPOSSIBLE, f"the trial ended early: {why}"[:WORDS]
    end = pods.ending(pod)
    if end is not None:
        return end.code, (end.message or end.reason or "")[:WORDS]
    return trial.TRIAL_IMPOSSIBLE, "the trial ended early: its pod failed"
