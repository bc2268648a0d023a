"""What the commands show, read from the API server; every failure is one line that helps."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from octofleet.api.clusters import JitsiCluster
from octofleet.api.regions import OctoRegion
from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import Absent, FleetError, KubeError
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.resources import fault_of

NAMED = 20
"""As many are named where one wasn't found."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """All there is."""

    clusters: Sequence[JitsiCluster]
    regions: Sequence[OctoRegion]


async def fleet(api: KubernetesCluster, namespace: str | None) -> Fleet:
    """Return every cluster and region.

    Raises:
        FleetError: They can't be read; the message says what to do.
    """
    clusters = [_cluster(each) for each in await _list(api, kube.CLUSTERS, namespace)]
    regions = [_region(each) for each in await _list(api, kube.REGIONS, namespace)]
    return Fleet(clusters, regions)


async def region(api: KubernetesCluster, name: str, namespace: str | None) -> OctoRegion:
    """Return one region.

    Raises:
        FleetError: There is none, or more than one; the message says which there are.
    """
    return _region(await resource(api, kube.REGIONS, name, namespace))


async def cluster(api: KubernetesCluster, name: str, namespace: str | None) -> JitsiCluster:
    """Return one cluster.

    Raises:
        FleetError: There is none, or more than one; the message says which there are.
    """
    return _cluster(await resource(api, kube.CLUSTERS, name, namespace))


async def resource(
    api: KubernetesCluster, kind: Kind, name: str, namespace: str | None
) -> Document:
    """Return one region or cluster as it stands.

    Raises:
        FleetError: There is none, or more than one; the message says which there are.
    """
    found = await _list(api, kind, namespace)
    known = [
        (documents.text(each, "metadata", "namespace") or "", documents.name_of(each))
        for each in found
    ]
    what = "region" if kind == kube.REGIONS else "cluster"
    return found[the_one(name, known, what, kind=kind.name)]


async def change(
    api: KubernetesCluster, kind: Kind, namespace: str, name: str, patch: Document
) -> None:
    """Change one.

    Raises:
        FleetError: The API server refuses, or can't be asked.
    """
    try:
        await api.merge(kind, namespace, name, patch)
    except KubeError as error:
        raise FleetError(f"can't change {namespace}/{name}: {error}") from error


def the_one(name: str, known: Sequence[tuple[str, str]], what: str, *, kind: str) -> int:
    """Return which of the known (namespace, name) is meant by a name.

    Raises:
        FleetError: None is, or more than one; the message says which there are.
    """
    found = [at for at, (_, each) in enumerate(known) if each == name]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(known[at][0] for at in found)
        raise FleetError(f"{what} {name} exists in {places}: choose one with --namespace")
    names = ", ".join(sorted("/".join(each) for each in known)[:NAMED])
    raise FleetError(f"no {kind} {name}; there is {names or 'none at all'}")


async def _list(api: KubernetesCluster, kind: Kind, namespace: str | None) -> list[Document]:
    try:
        return await api.list(kind, namespace)
    except Absent as error:
        raise FleetError(
            "Octofleet's CRDs aren't installed in this cluster: helm install octofleet"
        ) from error
    except KubeError as error:
        raise FleetError(f"can't list {kind.plural}: {error}") from error


def _cluster(document: Document) -> JitsiCluster:
    try:
        return JitsiCluster.understood(document)
    except ValidationError as error:
        raise _strange(error) from error


def _region(document: Document) -> OctoRegion:
    try:
        return OctoRegion.understood(document)
    except ValidationError as error:
        raise _strange(error) from error


def _strange(error: ValidationError) -> FleetError:
    return FleetError(f"{fault_of(error)}; is this command older than the operator?")
