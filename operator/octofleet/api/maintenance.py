"""When Prosody and Jicofo may be restarted: a restart of either ends every meeting."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from octofleet.api.hours import RecurringHours
from octofleet.api.kube import KubeModel, ListOf, Rule, rules

__all__ = ["Maintenance", "MaintenanceWindow", "Restarts"]


class Restarts(StrEnum):
    """What a restart of Prosody or Jicofo waits for."""

    WHEN_IDLE = "WhenIdle"
    IN_WINDOW = "InWindow"
    IMMEDIATELY = "Immediately"


class MaintenanceWindow(RecurringHours, frozen=True):
    """Hours in which Prosody and Jicofo may be restarted, whoever is in a meeting."""


class Maintenance(KubeModel, frozen=True):
    """When Prosody and Jicofo may be restarted for new settings: that ends every meeting."""

    model_config = rules(
        Rule(
            "!has(self.restarts) || self.restarts != 'InWindow'"
            " || (has(self.windows) && size(self.windows) > 0)",
            "maintenance.restarts InWindow needs a window: add one to maintenance.windows",
            ".windows",
        )
    )

    restarts: Restarts = Restarts.WHEN_IDLE
    """WhenIdle: once nobody is in a meeting, or in one of `windows`. InWindow: in `windows` alone.
    Immediately: at once, whoever is in a meeting. One that doesn't run, or hangs with nobody known
    to be in a meeting, is always restarted at once."""
    windows: Annotated[tuple[MaintenanceWindow, ...], Field(max_length=16), ListOf("atomic")] = ()
    """Hours in which they may be restarted even if that ends meetings."""
