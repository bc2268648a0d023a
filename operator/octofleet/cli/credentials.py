"""`octofleet rotate-credentials`: other passwords for bridges and the operator, without a break."""

from datetime import UTC, datetime

from octofleet.cli import reading
from octofleet.core.manifests import naming
from octofleet.shell import kube
from octofleet.shell.credentials import ANNOTATION_ROTATE
from octofleet.shell.errors import FleetError, KubeError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["rotate"]


async def rotate(api: KubernetesCluster, cluster: str, namespace: str | None) -> str:
    """Ask for other passwords; return what happens next.

    Raises:
        FleetError: There is no such cluster, or it can't be changed.
    """
    every = (await reading.fleet(api, namespace)).clusters
    known = [(each.metadata.namespace, each.metadata.name) for each in every]
    where, name = known[reading.the_one(cluster, known, "cluster", kind="JitsiCluster")]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    body = {"metadata": {"annotations": {ANNOTATION_ROTATE: now}}}
    try:
        await api.merge(kube.CLUSTERS, where, name, body)
    except KubeError as error:
        raise FleetError(f"can't change {where}/{name}: {error}") from error
    return (
        f"{where}/{name}: new bridges get accounts of their own and replace the others as in an"
        " upgrade; the accounts there are now stay good until no bridge uses them. Follow it with"
        f" kubectl wait jitsicluster/{name} -n {where} --for=condition=Credentials (Secret"
        f" {naming.secret_name(name)})"
    )
