"""Hours that come again: a cron expression in a time zone, and how long they last."""

from typing import Annotated

from pydantic import Field

from octofleet.api.kube import Duration, KubeModel, Rule, rules

__all__ = ["RecurringHours"]


class RecurringHours(KubeModel, frozen=True):
    """Hours that come again."""

    model_config = rules(
        Rule(
            "duration(self.duration) > duration('0s')"
            " && duration(self.duration) <= duration('168h')",
            "duration must be more than 0s and at most 168h",
            ".duration",
        )
    )

    cron: Annotated[str, Field(pattern=r"^\S+( +\S+){4}$", max_length=100)]
    """When it begins: minute, hour, day of month, month, day of week."""
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64)] = "UTC"
    """The time zone of `cron`, such as Europe/Berlin, with its daylight saving."""
    duration: Duration
    """How long it lasts."""
