"""What a web server must know of its cluster and of the region it is served in.

Variables of the stock web image: all it needs but what is the user's own, as certificates. A web
server beside the region's bridges takes them by `envFrom`. Its clients then tell Jicofo the region,
which is all that Jicofo knows of where people are.

Source: docker-jitsi-meet web/rootfs/defaults/{settings-config.js,system-config.js,meet.conf}.
"""

from octofleet.core.manifests import containers, naming
from octofleet.core.manifests.inputs import Domains
from octofleet.core.manifests.naming import Manifest, Owner

__all__ = ["build_web_settings"]


def build_web_settings(
    cluster: str,
    region: str,
    code: str,
    namespace: str,
    owner: Owner,
    domains: Domains | None = None,
    *,
    at_home: bool = True,
) -> Manifest:
    """Return the ConfigMap of a region's web servers.

    Args:
        cluster: The JitsiCluster's name.
        region: The OctoRegion's name.
        code: What bridges publish as their region.
        namespace: The region's.
        owner: The OctoRegion.
        domains: The cluster's; None while it isn't there.
        at_home: The cluster is in this Kubernetes, so that its Prosody is reached by its Service.
    """
    labels = {
        **naming.recommended_labels("web", region, "web"),
        naming.LABEL_CLUSTER: cluster,
        naming.LABEL_REGION: region,
    }
    where = {"DEPLOYMENTINFO_REGION": code, "DEPLOYMENTINFO_USERREGION": code}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": naming.metadata(f"{region}-web", namespace, owner, labels),
        "data": where | ({} if domains is None else _cluster(cluster, namespace, domains, at_home)),
    }


def _cluster(cluster: str, namespace: str, domains: Domains, at_home: bool) -> dict[str, str]:
    """Return what is the same for all of a cluster's web servers."""
    told = {
        **containers.STOCK_INIT,
        **domains.variables(),
        "PUBLIC_URL": f"https://{domains.main}",
    }
    if at_home:
        # Elsewhere only Prosody's port for bridges is reached, not its HTTP.
        prosody = naming.service_host(naming.prosody_name(cluster), namespace)
        told["XMPP_BOSH_URL_BASE"] = f"http://{prosody}:{naming.PROSODY_HTTP_PORT}"
    return told
