"""Releases of a region's bridges: what people set, as a text, and the name that follows from it.

The text is kept on every bridge's pod, so that bridges of an earlier release can be made again as
long as one of them is there, and nothing else has to be remembered. It holds what people set, with
nothing inherited any more, and leaves out what is as by default: an operator that knows a new
field doesn't take every bridge for outdated. How long bridges may drain isn't part of it: that
concerns their end alone, and changes with the next bridge.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError

from octofleet.api.bridges import BridgeDefaults
from octofleet.api.effective import DEFAULT_BRIDGE_IMAGE, EffectiveRegion, bridge_from
from octofleet.api.kube import KubeModel
from octofleet.api.regions import Placement
from octofleet.core.manifests import accounts
from octofleet.core.manifests.inputs import Home

__all__ = ["Made", "made_from", "name_of", "settings_of", "text_of"]


@dataclass(frozen=True, slots=True)
class Made:
    """From what a bridge is made."""

    region: EffectiveRegion
    domain: str


def text_of(region: EffectiveRegion, domain: str, home: Home | None = None) -> str:
    """Return the release that is wanted of a region's bridges.

    Args:
        region: The region.
        domain: The cluster's.
        home: Where the cluster is, when in another Kubernetes: one that has moved makes bridges
            outdated, though none is ever made for where it was.
    """
    found: dict[str, Any] = {
        "bridge": settings_of(region),
        "domain": domain,
        "region": region.region,
    }
    if placement := _told(region.placement):
        found["placement"] = placement
    if region.bridge.relays:
        found["relays"] = True
    if region.bridge.sidecar_image is not None:
        found["sidecar"] = region.bridge.sidecar_image
    if region.bridge.accounts != accounts.FIRST:
        found["accounts"] = region.bridge.accounts
    if region.upgrades.restarted_at:
        found["restartedAt"] = region.upgrades.restarted_at
    if home is not None:
        found["home"] = f"{home.prosody_host}:{home.prosody_port}"
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def settings_of(region: EffectiveRegion) -> dict[str, Any]:
    """Return what is set of the region's bridges, in the shape of `spec.bridge`."""
    said = _told(region.bridge.said)
    # It says what is asked of bridges from outside, and makes none of them another.
    said.pop("probe", None)
    return said


def name_of(text: str) -> str:
    """Return a release's name."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def made_from(region: EffectiveRegion, text: str) -> Made | None:
    """Return the region and domain as they were in a release; None where it isn't understood."""
    try:
        found = cast(dict[str, Any], json.loads(text))
        said = BridgeDefaults.model_validate(found["bridge"])
        where = Placement.model_validate(found.get("placement", {}))
        sidecar = str(found.get("sidecar", DEFAULT_BRIDGE_IMAGE))
        code, domain = str(found["region"]), str(found["domain"])
        generation = int(found.get("accounts", accounts.FIRST))
    except (ValueError, ValidationError, KeyError, TypeError, RecursionError):
        return None
    relays = found.get("relays") is True
    bridge = replace(bridge_from(said, where, sidecar), relays=relays, accounts=generation)
    return Made(replace(region, bridge=bridge, placement=where, region=code), domain)


def _told(said: KubeModel) -> dict[str, Any]:
    return said.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
