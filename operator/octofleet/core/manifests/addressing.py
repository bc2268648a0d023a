"""How a bridge pod learns which addresses to advertise.

What is the same on every node stands in the pod from the start. What depends on the node is
written on the pod by the operator once the scheduler has chosen: an init container waits for it,
and the bridge's variables read it, so that any image of a bridge is served alike. A pod that is
told nothing starts nothing: nobody is given an address that leads nowhere.
"""

from octofleet.core.manifests import containers, naming
from octofleet.core.manifests.inputs import BridgeSettings
from octofleet.core.manifests.naming import Manifest

__all__ = ["annotations", "fields", "plain", "waiting"]

VOLUME = "address"
FOLDER = "/octofleet/address"
# A shell as a container's first process ignores SIGTERM unless it is told otherwise.
WAIT = f"trap 'exit 0' TERM INT; until [ -s {FOLDER}/source ]; do sleep 0.2; done"


def annotations(settings: BridgeSettings) -> dict[str, str]:
    """Return what the pod is made with; nothing where that waits for the node."""
    if settings.address_source is None:
        return {}
    return {
        naming.ANNOTATION_ADVERTISE: settings.advertise,
        naming.ANNOTATION_ADDRESS_SOURCE: settings.address_source,
    }


def plain(settings: BridgeSettings) -> dict[str, str]:
    """Return the variables that are the same on every node."""
    found: dict[str, str] = {}
    if settings.stun_servers:
        found["JVB_STUN_SERVERS"] = ",".join(settings.stun_servers)
    if settings.address_source is not None or not settings.stun_servers:
        found["JVB_DISABLE_STUN"] = "0" if settings.stun_servers else "1"
    if settings.address_source is not None and settings.advertise:
        found["JVB_ADVERTISE_IPS"] = settings.advertise
    return found


def fields(settings: BridgeSettings) -> list[Manifest]:
    """Return the variables that are read off the pod when the bridge starts."""
    if settings.address_source is not None:
        return []
    found = [_note("JVB_ADVERTISE_IPS", naming.ANNOTATION_ADVERTISE)]
    if settings.stun_servers:
        found.append(_note("JVB_DISABLE_STUN", naming.ANNOTATION_DISABLE_STUN))
    return found


def waiting(settings: BridgeSettings) -> Manifest:
    """Return the pod spec's fields that have it wait for its address, if it must."""
    if settings.address_source is not None:
        return {}
    source = {"fieldPath": _path(naming.ANNOTATION_ADDRESS_SOURCE), "apiVersion": "v1"}
    wait = {
        **containers.container(naming.ADDRESS_CONTAINER, settings.workload, [], []),
        "command": ["/bin/sh", "-c", WAIT],
        "volumeMounts": [{"name": VOLUME, "mountPath": FOLDER, "readOnly": True}],
    }
    wait.pop("args", None)
    wait.pop("ports", None)
    wait.pop("env", None)
    return {
        "initContainers": [wait],
        "volumes": [
            {"name": VOLUME, "downwardAPI": {"items": [{"path": "source", "fieldRef": source}]}}
        ],
    }


def _note(name: str, annotation: str) -> Manifest:
    return containers.field_variable(name, _path(annotation))


def _path(annotation: str) -> str:
    return f"metadata.annotations['{annotation}']"
