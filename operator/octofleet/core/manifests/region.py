"""The default region of a cluster that has none: fleets are always OctoRegions."""

from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest, Owner

DEFAULT_REGION = "default"


def build_default_region(cluster: str, namespace: str, owner: Owner) -> Manifest:
    """Return an OctoRegion named like its cluster that takes every default from it."""
    return {
        "apiVersion": naming.API_VERSION,
        "kind": "OctoRegion",
        "metadata": naming.metadata(
            cluster, namespace, owner, naming.controller_labels(cluster, "region")
        ),
        "spec": {"clusterRef": {"name": cluster}, "region": DEFAULT_REGION},
    }
