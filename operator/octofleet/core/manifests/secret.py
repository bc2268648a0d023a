"""Credentials of a cluster: made once and kept for good.

Passwords that change under running bridges would throw every one of them out of the brewery,
so whatever the Secret already holds stays; only missing keys are filled.
"""

from collections.abc import Mapping

from octofleet.core.manifests import naming
from octofleet.core.manifests.naming import Manifest, Owner


def missing_keys(existing: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys that `existing` (base64 data) lacks or holds empty."""
    return tuple(key for key in naming.SECRET_KEYS if not existing.get(key))


def build_secret(
    cluster: str, namespace: str, owner: Owner, fresh: Mapping[str, str]
) -> Manifest | None:
    """Return the Secret with the missing keys from `fresh`, None when nothing is missing.

    Args:
        cluster: Name of the JitsiCluster.
        namespace: Where it lives.
        owner: The JitsiCluster.
        fresh: New passwords in clear, one for each missing key.
    """
    if not fresh:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": naming.metadata(
            naming.secret_name(cluster),
            namespace,
            owner,
            naming.controller_labels(cluster, "credentials"),
        ),
        "stringData": dict(fresh),
    }
