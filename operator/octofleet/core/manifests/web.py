"""What a web client must know of the region it is served in: variables of the stock web image.

A web server beside the region's bridges takes them by `envFrom`. Its clients then tell Jicofo the
region, which is all that Jicofo knows of where people are.

Source: docker-jitsi-meet web/rootfs/defaults/settings-config.js.
"""

from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest, Owner


def build_web_settings(
    cluster: str, region: str, code: str, namespace: str, owner: Owner
) -> Manifest:
    """Return the ConfigMap of a region's web servers.

    Args:
        cluster: The JitsiCluster's name.
        region: The OctoRegion's name.
        code: What bridges publish as their region.
        namespace: The region's.
        owner: The OctoRegion.
    """
    labels = {
        **naming.recommended_labels("web", region, "web"),
        naming.LABEL_CLUSTER: cluster,
        naming.LABEL_REGION: region,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": naming.metadata(f"{region}-web", namespace, owner, labels),
        "data": {"DEPLOYMENTINFO_REGION": code, "DEPLOYMENTINFO_USERREGION": code},
    }
