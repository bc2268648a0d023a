"""The examples as they are, but for sizes: a lab's nodes share one machine."""

from typing import Any, Final

from octodemo.platform import manifest

__all__ = ["lab_sized"]

Object = dict[str, Any]
CONTROLLER: Final = {"requests": {"cpu": "50m", "memory": "96Mi"}}


def lab_sized(
    name: str, namespace: str, *, cpu: str = "50m", bridges: int | None = None
) -> list[Object]:
    """Return the objects of an example for a namespace, with requests that fit a lab.

    Args:
        name: The file's name.
        namespace: Where they go.
        cpu: What each bridge asks for.
        bridges: So many in every region, no more and no less; None: as the example says.
    """
    found = manifest(name)
    for one in found:
        one["metadata"]["namespace"] = namespace
        spec = one["spec"]
        if one["kind"] == "JitsiCluster":
            # Everything shares a few cores: a busy moment must not send people elsewhere.
            spec["octo"] = {**spec.get("octo", {}), "stressThreshold": "10"}
            controller = spec.setdefault("controller", {})
            for part in ("prosody", "jicofo", "web"):
                controller.setdefault(part, {})["resources"] = CONTROLLER
            continue
        # Where there are several, nobody opens a page.
        spec.pop("web", None)
        requests = {"cpu": cpu, "memory": "96Mi"}
        spec.setdefault("bridge", {})["resources"] = {"requests": requests}
        if bridges is not None:
            scaling = spec.setdefault("autoscaling", {})
            scaling |= {"minBridges": bridges, "maxBridges": bridges}
    return found
