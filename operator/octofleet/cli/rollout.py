"""`octofleet rollout`: how far an upgrade of a region's bridges is; pause, resume, redo, undo it.

Also whether Prosody and Jicofo of its cluster wait to be restarted, and not to wait any longer.

What is asked for is written on the resource; the operator carries it out. An undo writes the
earlier release's settings into `spec.bridge`, as `kubectl rollout undo` writes a Deployment's
template: whoever keeps the resource in Git changes it there, too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from rich.console import Group, RenderableType
from rich.table import Table

from octofleet.api.bridges import BridgeSettings
from octofleet.api.controller import ANNOTATION_RESTART_NOW
from octofleet.api.effective import ANNOTATION_RESTARTED_AT, ANNOTATION_UPGRADES_PAUSED
from octofleet.api.status import ConditionStatus
from octofleet.cli import reading
from octofleet.core import releases
from octofleet.core.conditions import ConditionType
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import FleetError, KubeError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["now", "pause", "restart", "resume", "status", "undo"]

UNKNOWN: Final = "-"
UPGRADED: Final = ConditionType.UPGRADED
RESTART_PENDING: Final = ConditionType.RESTART_PENDING


@dataclass(frozen=True, slots=True)
class _Place:
    namespace: str
    name: str
    region: Document
    pods: list[Document]


async def status(api: KubernetesCluster, region: str, namespace: str | None) -> RenderableType:
    """Return how far the region's upgrade is.

    Raises:
        FleetError: There is no such region, or it can't be read.
    """
    place = await _place(api, region, namespace)
    wanted = documents.text(place.region, "status", "rollout", "release") or ""
    table = Table("release", "bridges", "image", "", box=None, pad_edge=False)
    for name, pods in _by_release(place.pods).items():
        image = documents.text(documents.items(pods[0], "spec", "containers")[0], "image")
        which = "wanted" if name == wanted else ""
        table.add_row(name or UNKNOWN, str(len(pods)), image or UNKNOWN, which)
    told: list[RenderableType] = [
        f"{place.namespace}/{place.name}: {_sentence(place.region, UPGRADED)}",
        table,
    ]
    above = await _cluster_of(api, place)
    if above is not None and documents.condition(above, RESTART_PENDING):
        where = f"{place.namespace}/{documents.name_of(above)}"
        told.append(f"{where}: {_sentence(above, RESTART_PENDING)}")
    return Group(*told)


async def pause(api: KubernetesCluster, region: str, namespace: str | None) -> str:
    """Have the region's upgrades wait; return what happens next."""
    place = await _place(api, region, namespace)
    await _note(api, place, {ANNOTATION_UPGRADES_PAUSED: "true"})
    return f"{place.namespace}/{place.name}: no further bridge is replaced until it is resumed"


async def resume(api: KubernetesCluster, region: str, namespace: str | None) -> str:
    """Let them go on; return what happens next."""
    place = await _place(api, region, namespace)
    await _note(api, place, {ANNOTATION_UPGRADES_PAUSED: None})
    return f"{place.namespace}/{place.name}: upgrades go on"


async def restart(api: KubernetesCluster, region: str, namespace: str | None) -> str:
    """Have every bridge replaced as by an upgrade; return what happens next.

    Also what to do when an upgrade failed for a reason that has passed.
    """
    place = await _place(api, region, namespace)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    await _note(api, place, {ANNOTATION_RESTARTED_AT: now})
    return f"{place.namespace}/{place.name}: every bridge is replaced, one proven before the others"


async def undo(api: KubernetesCluster, region: str, namespace: str | None) -> str:
    """Ask for the release before again; return what happens next.

    Raises:
        FleetError: No bridge tells of an earlier release.
    """
    place = await _place(api, region, namespace)
    wanted = documents.text(place.region, "status", "rollout", "release") or ""
    text = _earlier(place.pods, wanted)
    if text is None:
        raise FleetError(
            "no bridge of an earlier release is left, nor one that tells of it: apply the"
            " earlier OctoRegion (or JitsiCluster) instead"
        )
    body = {"spec": {"bridge": _settings(text)}}
    await _write(api, place, body)
    return f"{place.namespace}/{place.name}: spec.bridge is as in release {releases.name_of(text)}"


async def now(api: KubernetesCluster, cluster: str, namespace: str | None) -> str:
    """Have Prosody and Jicofo wait no longer; return what happens next.

    Raises:
        FleetError: There is no such cluster, it can't be changed, or nothing of it waits.
    """
    found = await reading.resource(api, kube.CLUSTERS, cluster, namespace)
    where = documents.text(found, "metadata", "namespace") or ""
    waiting = documents.condition(found, RESTART_PENDING)
    if waiting.get("status") != ConditionStatus.TRUE:
        told = _sentence(found, RESTART_PENDING)
        raise FleetError(f"{where}/{cluster}: nothing waits: {told}")
    # The moment at which it began to wait: what waits later on isn't meant, whatever our clock.
    notes = {ANNOTATION_RESTART_NOW: waiting.get("lastTransitionTime")}
    await reading.change(api, kube.CLUSTERS, where, cluster, {"metadata": {"annotations": notes}})
    return f"{where}/{cluster}: Prosody and Jicofo get their new settings now; every meeting ends"


async def _cluster_of(api: KubernetesCluster, place: _Place) -> Document | None:
    """Return the region's cluster, None where it isn't here or may not be read."""
    name = documents.text(place.region, "spec", "clusterRef", "name")
    try:
        return None if name is None else await api.get(kube.CLUSTERS, name, place.namespace)
    except KubeError:
        return None


def _sentence(thing: Document, kind: ConditionType) -> str:
    found = documents.condition(thing, kind)
    return f"{found.get('reason')}: {found.get('message')}" if found else "nothing is known yet"


def _by_release(pods: list[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for pod in pods:
        labels = documents.texts(pod, "metadata", "labels")
        found.setdefault(labels.get(naming.LABEL_RELEASE, ""), []).append(pod)
    return dict(sorted(found.items()))


def _earlier(pods: list[Document], wanted: str) -> str | None:
    """Return the text of the release before the wanted one: a bridge's own, or what it followed."""
    newest = sorted(
        pods,
        key=lambda pod: documents.text(pod, "metadata", "creationTimestamp") or "",
        reverse=True,
    )
    notes = [documents.texts(pod, "metadata", "annotations") for pod in newest]
    for key in (naming.ANNOTATION_SETTINGS, naming.ANNOTATION_PREVIOUS):
        for each in notes:
            text = each.get(key)
            if text is not None and releases.name_of(text) != wanted:
                return text
    return None


def _settings(text: str) -> Mapping[str, Any]:
    """Return a release's settings as a merge patch of `spec.bridge`: the rest is taken out."""
    try:
        found = cast("dict[str, Any]", json.loads(text))
        said = cast("dict[str, Any]", found["bridge"])
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError("what the earlier release was made from isn't understood") from error
    aliases = [field.alias or name for name, field in BridgeSettings.model_fields.items()]
    return {alias: said.get(alias) for alias in aliases if alias != "probe"}


async def _note(api: KubernetesCluster, place: _Place, values: Mapping[str, str | None]) -> None:
    await _write(api, place, {"metadata": {"annotations": dict(values)}})


async def _write(api: KubernetesCluster, place: _Place, body: Document) -> None:
    await reading.change(api, kube.REGIONS, place.namespace, place.name, body)


async def _place(api: KubernetesCluster, region: str, namespace: str | None) -> _Place:
    found = await reading.resource(api, kube.REGIONS, region, namespace)
    where = documents.text(found, "metadata", "namespace") or ""
    labels = {**naming.any_bridge_labels(), naming.LABEL_REGION: region}
    try:
        pods = await api.list(kube.PODS, where, labels)
    except KubeError as error:
        raise FleetError(f"can't list bridges' pods: {error}") from error
    return _Place(where, region, found, pods)
