"""`octofleet rotate-credentials`: other passwords for bridges and the operator, without a break."""

from datetime import UTC, datetime

from octofleet.cli import reading
from octofleet.core.manifests import naming
from octofleet.shell import kube
from octofleet.shell.credentials import ANNOTATION_ROTATE
from octofleet.shell.kube import KubernetesCluster

__all__ = ["rotate"]


async def rotate(api: KubernetesCluster, cluster: str, namespace: str | None) -> str:
    """Ask for other passwords; return what happens next.

    Raises:
        FleetError: There is no such cluster, or it can't be changed.
    """
    where = (await reading.cluster(api, cluster, namespace)).metadata.namespace
    now = datetime.now(UTC).isoformat(timespec="seconds")
    notes = {ANNOTATION_ROTATE: now}
    await reading.change(api, kube.CLUSTERS, where, cluster, {"metadata": {"annotations": notes}})
    return (
        f"{where}/{cluster}: new bridges get accounts of their own and replace the others as in an"
        " upgrade; the accounts there are now stay good until no bridge uses them. Follow it with"
        f" kubectl wait jitsicluster/{cluster} -n {where} --for=condition=Credentials (Secret"
        f" {naming.secret_name(cluster)})"
    )
