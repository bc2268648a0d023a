"""`octofleet drain` and `undrain`: have one bridge emptied and replaced, or keep it after all.

The wish is noted on the bridge's pod; the operator carries it out, as carefully as its own.
"""

from octofleet.cli import reading
from octofleet.core import vacating
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.errors import FleetError, KubeError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["request", "take_back"]


async def request(api: KubernetesCluster, bridge: str, namespace: str | None, *, now: bool) -> str:
    """Note that a bridge is to go; return what happens next.

    Raises:
        FleetError: There is no such bridge, or the note can't be written.
    """
    place = await _place(api, bridge, namespace)
    await _note(api, bridge, place, vacating.NOW if now else vacating.PATIENTLY)
    people = "are moved at once" if now else "stay until they leave or drain.patience is over"
    return f"{place}/{bridge} drains: another is started, nobody new comes, people {people}"


async def take_back(api: KubernetesCluster, bridge: str, namespace: str | None) -> str:
    """Take such a note away; return what happens next.

    Raises:
        FleetError: There is no such bridge, or the note can't be removed.
    """
    place = await _place(api, bridge, namespace)
    await _note(api, bridge, place, None)
    return f"{place}/{bridge} serves again, unless it was empty and is shutting down already"


async def _note(api: KubernetesCluster, bridge: str, namespace: str, value: str | None) -> None:
    body = {"metadata": {"annotations": {naming.ANNOTATION_DRAIN_REQUEST: value}}}
    try:
        await api.merge(kube.PODS, namespace, bridge, body)
    except KubeError as error:
        raise FleetError(f"can't note it on pod {namespace}/{bridge}: {error}") from error


async def _place(api: KubernetesCluster, bridge: str, namespace: str | None) -> str:
    """Return the namespace of the bridge's pod."""
    try:
        pods = await api.list(kube.PODS, namespace, naming.any_bridge_labels())
    except KubeError as error:
        raise FleetError(f"can't list bridges' pods: {error}") from error
    metadata = [documents.dig(pod, "metadata") for pod in pods]
    known = [
        (documents.text(each, "namespace") or "", documents.text(each, "name") or "")
        for each in metadata
    ]
    return known[reading.the_one(bridge, known, "bridge", kind="bridge")][0]
