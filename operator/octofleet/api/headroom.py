"""Room kept ahead of need: for joins that are expected, and for hours that are known."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, WithJsonSchema

from octofleet.api.hours import RecurringHours
from octofleet.api.kube import KubeModel, ListOf, Rule, rules

__all__ = ["HeadroomSettings", "RegionLoss", "ScheduleWindow", "Windows"]

Joins = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": "^(P[0-9]{2}|[0-9]{1,6})$",
            "maxLength": 6,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
"""A number of joins, or a percentile of those that were seen, such as P99."""


class RegionLoss(StrEnum):
    """Whether room is kept for the people of another region that is lost."""

    COVERED = "Covered"
    IGNORED = "Ignored"


class HeadroomSettings(KubeModel, frozen=True):
    """Room kept for those who join before another bridge could help."""

    model_config = rules(
        Rule(
            "!has(self.joins) || string(self.joins).matches('^(P(5[0-9]|[6-9][0-9])|[0-9]+)$')",
            "headroom.joins must be a number, or P50 to P99",
            ".joins",
        )
    )

    joins: Joins | None = None
    """P99 (the default): as many as nearly never more join within the measured time that a bridge
    takes to start. A number: that many, always."""
    spare_bridges: Annotated[int, Field(ge=0, le=100)] | None = None
    """Bridges beyond that, for one that fails; none by default."""
    region_loss: RegionLoss | None = None
    """Covered: also room for the loss of another region of the cluster, for this one's share of the
    people of the fullest of them. Ignored (the default): none for that."""


class ScheduleWindow(RecurringHours, frozen=True):
    """Hours in which there are so many bridges at least."""

    min_bridges: Annotated[int, Field(ge=1, le=1000)]
    """Fewest bridges meanwhile; they are started ahead, and go one by one afterwards."""


Windows = Annotated[tuple[ScheduleWindow, ...], Field(max_length=16), ListOf("atomic")]
