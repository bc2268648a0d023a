"""Credentials of a cluster: what its Secret holds.

Passwords that change under running bridges would throw every one of them out of the brewery,
so whatever the Secret already holds stays: missing keys are filled, and a rotation puts another
generation beside the first.
"""

from collections.abc import Mapping

from octofleet.core.manifests import accounts, naming
from octofleet.core.manifests.naming import Manifest, Owner

__all__ = [
    "ANNOTATIONS",
    "ANNOTATION_ROTATED",
    "ANNOTATION_SWITCHED_AT",
    "build_secret",
    "lacking",
    "missing_keys",
]

ANNOTATION_ROTATED = f"{naming.GROUP}/rotated"
"""On the Secret: the last request for other passwords that was taken up."""
ANNOTATION_SWITCHED_AT = f"{naming.GROUP}/switched-at"
"""On the Secret: since when the current generation is that."""
ANNOTATIONS = (ANNOTATION_ROTATED, ANNOTATION_SWITCHED_AT)


def missing_keys(existing: Mapping[str, str]) -> tuple[str, ...]:
    """Return the passwords that `existing` (in clear) lacks or holds empty."""
    keys = (naming.KEY_JICOFO_PASSWORD, *accounts.keys(accounts.current(existing)))
    return tuple(key for key in keys if not existing.get(key))


def lacking(existing: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, str]:
    """Return what has to be written: passwords that are missing, and what follows from them all.

    Args:
        existing: What the Secret holds, in clear.
        fresh: New passwords, one for each missing key.
    """
    follows = accounts.current_values({**existing, **fresh})
    changed = {key: value for key, value in follows.items() if existing.get(key) != value}
    return {**fresh, **changed}


def build_secret(
    cluster: str,
    namespace: str,
    owner: Owner,
    values: Mapping[str, str],
    notes: Mapping[str, str] | None = None,
) -> Manifest | None:
    """Return the Secret with these values, None when there are none to write.

    Args:
        cluster: Name of the JitsiCluster.
        namespace: Where it lives.
        owner: The JitsiCluster.
        values: In clear.
        notes: Annotations.
    """
    if not values:
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
            notes,
        ),
        "stringData": dict(values),
    }
