"""Octo: meetings on several bridges, joined by relays."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from octofleet.api.kube import KubeModel, Quantity

__all__ = ["BRIDGE_HOLDS", "Octo", "Relays"]

BRIDGE_HOLDS: Final = 80
"""People of one meeting on one bridge, by Jicofo's default."""


class Relays(StrEnum):
    """Whether a meeting may be on several bridges."""

    AUTO = "Auto"
    ENABLED = "Enabled"
    DISABLED = "Disabled"


class Octo(KubeModel, frozen=True):
    """Meetings on several bridges, joined by relays."""

    relays: Relays = Relays.AUTO
    """Auto: where the cluster has several regions, or where the largest meeting is more than a
    bridge takes. Enabled: always. Disabled: a meeting is on one bridge, wherever its people are."""
    largest_meeting: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """People in the largest meeting that is expected."""
    participants_per_bridge: Annotated[int, Field(ge=1, le=100_000)] = BRIDGE_HOLDS
    """People of one meeting that a bridge takes before another one is taken, where relays are
    on."""
    stress_threshold: Quantity = "0.8"
    """From this stress on Jicofo takes a bridge for overloaded and places people on others.
    The operator's own decisions follow it."""
