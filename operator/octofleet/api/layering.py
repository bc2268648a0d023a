"""How layers of settings lie over one another, and what the sizes put at the bottom.

Later layers win, objects field by field, lists as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from octofleet.api.bridges import ResourceList, ResourceRequirements
from octofleet.api.clusters import Size
from octofleet.api.kube import KubeModel
from octofleet.api.quantities import quantity

__all__ = ["SIZES", "Layer", "SizeDefaults", "laid_over", "layer_of", "merged_resources"]

Layer = Mapping[str, Any]  # a resource's part as JSON


@dataclass(frozen=True, slots=True)
class SizeDefaults:
    """What a size says where nobody else does."""

    min_bridges: int
    max_bridges: int
    bridge: ResourceRequirements
    stock_bridge: ResourceRequirements
    """The same for the stock videobridge, whose Java needs more memory."""
    controller: ResourceRequirements
    """For each of Prosody and Jicofo."""
    web: ResourceRequirements
    web_replicas: int


def _resources(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> ResourceRequirements:
    return ResourceRequirements(
        requests=ResourceList(cpu=cpu, memory=memory),
        limits=ResourceList(cpu=cpu_limit, memory=memory_limit),
    )


SIZES: Final = {
    Size.SMALL: SizeDefaults(
        2,
        5,
        bridge=_resources("500m", "256Mi", "2", "1Gi"),
        stock_bridge=_resources("500m", "1Gi", "2", "2Gi"),
        controller=_resources("100m", "128Mi", "1", "512Mi"),
        web=_resources("50m", "64Mi", "500m", "256Mi"),
        web_replicas=1,
    ),
    Size.MEDIUM: SizeDefaults(
        5,
        20,
        bridge=_resources("2", "1Gi", "4", "2Gi"),
        stock_bridge=_resources("2", "2Gi", "4", "4Gi"),
        controller=_resources("500m", "512Mi", "2", "2Gi"),
        web=_resources("100m", "128Mi", "1", "512Mi"),
        web_replicas=2,
    ),
    Size.LARGE: SizeDefaults(
        10,
        100,
        bridge=_resources("4", "2Gi", "8", "4Gi"),
        stock_bridge=_resources("4", "4Gi", "8", "8Gi"),
        controller=_resources("2", "2Gi", "4", "8Gi"),
        web=_resources("250m", "256Mi", "2", "1Gi"),
        web_replicas=3,
    ),
}


def merged_resources(
    defaults: ResourceRequirements, own: ResourceRequirements | None
) -> ResourceRequirements:
    """Return the requirements merged; a request never exceeds its limit.

    A default request may be above a limit that a person set, and a default limit below a
    request: the person's word moves the default.
    """
    said = {} if own is None else layer_of(own)
    merged = laid_over(layer_of(defaults), said)
    requests, limits = merged.get("requests", {}), merged.get("limits", {})
    for resource in requests.keys() & limits.keys():
        if quantity(requests[resource]) <= quantity(limits[resource]):
            continue
        if resource in said.get("limits", {}) and resource not in said.get("requests", {}):
            requests[resource] = limits[resource]
        else:
            limits[resource] = requests[resource]
    return ResourceRequirements.model_validate(merged)


def layer_of(model: KubeModel) -> dict[str, Any]:
    """Return what a part of a resource says, without what it leaves out."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def laid_over(*layers: Layer) -> dict[str, Any]:
    """Return the layers merged, later ones over earlier ones, objects field by field."""
    out: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping):
                below = out.get(key, {})
                out[key] = laid_over(below, cast(Layer, value))  # JSON objects have text keys
            else:
                out[key] = value
    return out
