"""A workload as a person writes it: who meets when, on what bridges, and what goes wrong.

The fields and their units are in docs/explanation/simulator.md; names are camelCase, as in the
resources. `load` reads one from YAML.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from octofleet.api.kube import KubeModel
from octofleet.simulate.media import MEDIA

__all__ = [
    "BridgeType",
    "Burst",
    "Classes",
    "DescriptionError",
    "Fault",
    "Meetings",
    "Placement",
    "Region",
    "Webinars",
    "Workload",
    "load",
    "parse",
]


def _known_media(name: str) -> str:
    if name not in MEDIA:
        raise ValueError(f"{name!r} is none of {', '.join(MEDIA)}")
    return name


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} isn't known") from error
    return name


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _some_hour(hours: tuple[float, ...]) -> tuple[float, ...]:
    if not sum(hours):
        raise ValueError("at least one hour must weigh something")
    return hours


Hours = Annotated[float, Field(ge=0, le=24)]
MediaName = Annotated[str, AfterValidator(_known_media)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Moment = Annotated[str, AfterValidator(_moment)]
Weight = Annotated[float, Field(ge=0)]
OFFICE = (0, 0, 0, 0, 0, 0, 1, 4, 9, 10, 10, 8, 5, 8, 10, 9, 6, 3, 1, 1, 1, 0, 0, 0)


class DescriptionError(ValueError):
    """A workload isn't understood."""


class BridgeType(KubeModel, frozen=True):
    """The machine a bridge runs on."""

    name: str = "standard"
    cores: Annotated[float, Field(gt=0)] = 4
    packet_rate: Annotated[float, Field(gt=0)] = 45_000
    """Packets a second at which its stress is 1."""
    idle_stress: Annotated[float, Field(ge=0, lt=0.5)] = 0.01
    person_stress: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """What a person costs besides their packets: control, keys, statistics."""
    price: Annotated[float, Field(ge=0)] = 0.20
    """Of an hour."""
    start_seconds: Annotated[float, Field(gt=0)] = 240
    """From the decision until Jicofo lists it, on average."""
    start_spread: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Its standard deviation, as a fraction."""


class Region(KubeModel, frozen=True):
    """Where people and bridges are."""

    name: str
    time_zone: TimeZone = "UTC"
    share: Annotated[float, Field(ge=0)] = 1
    """Of the meetings, against the other regions' shares."""
    zones: Annotated[int, Field(ge=1, le=10)] = 3


class Meetings(KubeModel, frozen=True):
    """Meetings of all sizes over the day."""

    kind: Literal["meetings"] = "meetings"
    per_day: Annotated[int, Field(ge=0)]
    """Of a full day, in all regions together."""
    hours: Annotated[
        tuple[Weight, ...], Field(min_length=24, max_length=24), AfterValidator(_some_hour)
    ] = OFFICE
    """How often one starts in each hour of the local day, against the others."""
    weekend: Annotated[float, Field(ge=0)] = 0.08
    """Of a working day's."""
    on_the_hour: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Share that starts at a full or half hour."""
    size: Annotated[float, Field(ge=2)] = 6
    """People, on average."""
    tail: Annotated[float, Field(gt=1, le=20)] = 2.5
    """Exponent of the Pareto distribution of sizes: the smaller, the more huge ones."""
    largest: Annotated[int, Field(ge=2, le=5000)] = 300
    minutes: Annotated[float, Field(gt=0)] = 42
    ramp_seconds: Annotated[float, Field(ge=0)] = 90
    """Within which people join, on average after the start."""
    media: MediaName = "meeting"
    visitors_from_afar: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of people who join from another region."""


class Classes(KubeModel, frozen=True):
    """Rooms that open early and fill at once."""

    kind: Literal["classes"] = "classes"
    rooms: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=1)] = 24
    starts: tuple[Hours, ...] = (8, 9, 10, 11, 13, 14)
    """Hours of the local day."""
    minutes: Annotated[float, Field(gt=0)] = 45
    early_seconds: Annotated[float, Field(ge=0)] = 900
    """How long before the start the teachers open their rooms, at most."""
    fill_seconds: Annotated[float, Field(ge=1)] = 90
    media: MediaName = "class"


class Webinars(KubeModel, frozen=True):
    """Few large events a week."""

    kind: Literal["webinars"] = "webinars"
    per_week: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=2, le=5000)] = 400
    minutes: Annotated[float, Field(gt=0)] = 60
    ramp_seconds: Annotated[float, Field(gt=0)] = 600
    starts: tuple[Hours, ...] = (10, 14, 16)
    media: MediaName = "webinar"


class Burst(KubeModel, frozen=True):
    """Many join one meeting at once."""

    kind: Literal["burst"] = "burst"
    day: Annotated[int, Field(ge=0)]
    """Counted from the start of what is measured."""
    hour: Hours
    joins: Annotated[int, Field(ge=1)] = 92
    seconds: Annotated[float, Field(gt=0)] = 31
    minutes: Annotated[float, Field(gt=0)] = 45
    media: MediaName = "gallery"


class Fault(KubeModel, frozen=True):
    """Something that goes wrong."""

    kind: Literal["bridge", "zone", "metrics", "jicofo"]
    """bridge: the busiest dies. zone: all bridges of a zone die. metrics: no readings come.
    jicofo: Jicofo's REST doesn't answer."""
    day: Annotated[int, Field(ge=0)]
    hour: Hours
    """Of the day, UTC."""
    minutes: Annotated[float, Field(ge=0)] = 0
    """How long it lasts, for metrics and jicofo."""
    region: str | None = None
    """Only there; otherwise in the first."""


class Placement(KubeModel, frozen=True):
    """How Jicofo is set up."""

    strategy: Literal["RegionBased", "Single", "IntraRegion"] = "RegionBased"
    relays: bool = True
    """A meeting may be on several bridges."""
    max_bridge_participants: int = 80
    region_groups: tuple[tuple[str, ...], ...] = ()


Calls = Annotated[Meetings | Classes | Webinars | Burst, Field(discriminator="kind")]


class Workload(KubeModel, frozen=True):
    """A load, what carries it and how it is sized."""

    name: str
    start: Moment = "2026-03-23T00:00:00+00:00"
    """A Monday; what is measured begins here."""
    days: Annotated[float, Field(gt=0, le=60)] = 7
    warmup_days: Annotated[float, Field(ge=0, le=30)] = 7
    """Simulated before, with the same habits, and not measured."""
    seed: int = 1
    presence_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    decision_seconds: Annotated[float, Field(gt=0, le=300)] = 30
    regions: Annotated[tuple[Region, ...], Field(min_length=1)] = (Region(name="eu"),)
    bridge: BridgeType = BridgeType()
    placement: Placement = Placement()
    calls: Annotated[tuple[Calls, ...], Field(min_length=1)]
    faults: tuple[Fault, ...] = ()
    min_bridges: Annotated[int, Field(ge=1)] = 2
    max_bridges: Annotated[int, Field(ge=1)] = 100
    """In each region, for every policy."""
    autoscaling: Mapping[str, Any] = Field(default_factory=dict)
    """Octofleet's settings, as in an OctoRegion."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [each.name for each in self.regions]
        grouped = [name for group in self.placement.region_groups for name in group]
        hit = [each.region for each in self.faults if each.region is not None]
        for name in (*grouped, *hit):
            if name not in names:
                raise ValueError(f"region {name!r} is none of {', '.join(names)}")
        if len(set(names)) < len(names):
            raise ValueError("two regions have the same name")
        if self.min_bridges > self.max_bridges:
            raise ValueError("minBridges must not be more than maxBridges")
        return self


def load(path: Path) -> Workload:
    """Read a workload from a YAML file.

    Raises:
        DescriptionError: It can't be read or isn't one.
    """
    try:
        found: object = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DescriptionError(f"{path}: {error}") from error
    return parse(found, str(path))


def parse(found: object, where: str = "workload") -> Workload:
    """Return the workload in a document.

    Raises:
        DescriptionError: It isn't one; the message names the field.
    """
    try:
        return Workload.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(each) for each in first["loc"])
        raise DescriptionError(f"{where}: {field or 'all of it'}: {first['msg']}") from error
