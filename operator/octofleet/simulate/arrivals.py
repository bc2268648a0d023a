"""From a workload's habits to a trace: who joins when. Seeded, so the same again and again.

Times of day are local to a region, with its daylight saving.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from octofleet.simulate.description import Burst, Classes, Meetings, Region, Webinars, Workload
from octofleet.simulate.media import MEDIA
from octofleet.simulate.traces import Trace, build

__all__ = ["SECONDS_A_DAY", "measured_from", "trace_of"]

SECONDS_A_DAY: Final = 86_400.0
WEEKEND: Final = (5, 6)
_MEDIA: Final = {name: index for index, name in enumerate(MEDIA)}

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Columns:
    """Participants as they are made up, meeting by meeting."""

    joined: list[Floats] = field(default_factory=list[Floats])
    left: list[Floats] = field(default_factory=list[Floats])
    conference: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    region: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    media: list[int] = field(default_factory=list[int])

    def add(self, joined: Floats, left: Floats, region: int, media: str) -> None:
        """Add a meeting."""
        self.joined.append(joined)
        self.left.append(np.maximum(left, joined + 1))
        self.conference.append(np.full(len(joined), len(self.media), dtype=np.int64))
        self.region.append(np.full(len(joined), region, dtype=np.int64))
        self.media.append(_MEDIA[media])


def measured_from(workload: Workload) -> float:
    """Return when what is measured begins, seconds since the epoch."""
    found = datetime.fromisoformat(workload.start)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def trace_of(workload: Workload) -> Trace:
    """Return the load that a workload describes, warm-up included."""
    rng = np.random.default_rng(workload.seed)
    columns = _Columns()
    for calls in workload.calls:
        match calls:
            case Meetings():
                _meetings(columns, workload, calls, rng)
            case Classes():
                _classes(columns, workload, calls, rng)
            case Webinars():
                _webinars(columns, workload, calls, rng)
            case Burst():
                _burst(columns, workload, calls, rng)
    end = measured_from(workload) + workload.days * SECONDS_A_DAY
    return _within(columns, workload, end)


def _within(columns: _Columns, workload: Workload, end: float) -> Trace:
    if not columns.joined:
        columns.add(np.array([], dtype=np.float64), np.array([], dtype=np.float64), 0, "meeting")
    joined, left = np.concatenate(columns.joined), np.concatenate(columns.left)
    conference, region = np.concatenate(columns.conference), np.concatenate(columns.region)
    inside = joined < end
    return build(
        joined[inside],
        left[inside],
        conference[inside],
        region[inside],
        np.array(columns.media, dtype=np.int64),
        tuple(each.name for each in workload.regions),
    )


def _days(workload: Workload, region: Region) -> list[tuple[float, int]]:
    """Return the local midnights of all days, each with its weekday."""
    zone = ZoneInfo(region.time_zone)
    first = datetime.fromtimestamp(measured_from(workload), UTC).date()
    start = first - timedelta(days=int(workload.warmup_days))
    number = int(np.ceil(workload.warmup_days + workload.days))
    dates = [start + timedelta(days=n) for n in range(number)]
    return [
        (datetime(day.year, day.month, day.day, tzinfo=zone).timestamp(), day.weekday())
        for day in dates
    ]


def _shares(workload: Workload) -> list[float]:
    total = sum(each.share for each in workload.regions) or 1.0
    return [each.share / total for each in workload.regions]


def _meetings(
    columns: _Columns, workload: Workload, calls: Meetings, rng: np.random.Generator
) -> None:
    weights = np.array(calls.hours, dtype=np.float64)
    weights /= weights.sum()
    for index, (region, share) in enumerate(zip(workload.regions, _shares(workload), strict=True)):
        for midnight, weekday in _days(workload, region):
            factor = calls.weekend if weekday in WEEKEND else 1.0
            number = int(rng.poisson(calls.per_day * share * factor))
            hours = rng.choice(24, size=number, p=weights)
            minutes = rng.uniform(0, 60, size=number)
            sharp = rng.random(number) < calls.on_the_hour
            minutes[sharp] = np.where(rng.random(int(sharp.sum())) < 0.65, 0.0, 30.0)
            starts = midnight + hours * 3600.0 + minutes * 60.0
            for start, size in zip(starts, _sizes(calls, number, rng), strict=True):
                _meeting(columns, calls, index, float(start), int(size), rng, len(workload.regions))


def _sizes(calls: Meetings, number: int, rng: np.random.Generator) -> Floats:
    """Return heavy-tailed sizes of the wanted mean, at least 2."""
    scale = (calls.size - 2) * (calls.tail - 1)
    return np.minimum(
        2 + np.floor(rng.pareto(calls.tail, size=number) * scale + 0.5), calls.largest
    )


def _meeting(
    columns: _Columns,
    calls: Meetings,
    region: int,
    start: float,
    size: int,
    rng: np.random.Generator,
    regions: int,
) -> None:
    length = calls.minutes * 60 * float(rng.lognormal(-0.125, 0.5))
    joined = start - 60 + rng.exponential(calls.ramp_seconds + 60, size=size)
    early = rng.random(size) < 0.1
    left = start + length + rng.exponential(25.0, size=size)
    left[early] = joined[early] + rng.random(int(early.sum())) * length
    columns.add(joined, left, region, calls.media)
    if calls.visitors_from_afar and regions > 1:
        afar = rng.random(size) < calls.visitors_from_afar
        columns.region[-1][afar] = rng.integers(0, regions, size=int(afar.sum()))


def _classes(
    columns: _Columns, workload: Workload, calls: Classes, rng: np.random.Generator
) -> None:
    for index, (region, share) in enumerate(zip(workload.regions, _shares(workload), strict=True)):
        for midnight, weekday in _days(workload, region):
            if weekday in WEEKEND:
                continue
            for hour in calls.starts:
                start = midnight + hour * 3600.0
                for _ in range(round(calls.rooms * share)):
                    _class(columns, calls, index, start, rng)


def _class(
    columns: _Columns, calls: Classes, region: int, start: float, rng: np.random.Generator
) -> None:
    size = max(2, int(rng.normal(calls.size, calls.size / 6)))
    joined = start + np.minimum(rng.exponential(calls.fill_seconds / 2, size=size), 600.0)
    joined[0] = start - rng.random() * calls.early_seconds
    left = start + calls.minutes * 60 + rng.exponential(20.0, size=size)
    columns.add(joined, left, region, calls.media)


def _webinars(
    columns: _Columns, workload: Workload, calls: Webinars, rng: np.random.Generator
) -> None:
    """Add webinars: the same weekdays and hours each week, as such series go."""
    days = rng.integers(0, 5, size=calls.per_week)
    hours = rng.choice(np.array(calls.starts, dtype=np.float64), size=calls.per_week)
    homes = rng.choice(len(workload.regions), size=calls.per_week, p=_shares(workload))
    found = zip(days.tolist(), hours.tolist(), [int(each) for each in homes], strict=True)
    for day, hour, home in found:
        for midnight, weekday in _days(workload, workload.regions[home]):
            if weekday != day:
                continue
            size = max(2, int(rng.normal(calls.size, calls.size / 5)))
            start = midnight + hour * 3600.0
            joined = start - 240 + rng.gamma(2.0, calls.ramp_seconds / 3, size=size)
            left = start + calls.minutes * 60 + rng.exponential(60.0, size=size)
            columns.add(joined, left, home, calls.media)


def _burst(columns: _Columns, workload: Workload, calls: Burst, rng: np.random.Generator) -> None:
    start = measured_from(workload) + calls.day * SECONDS_A_DAY + calls.hour * 3600.0
    joined = np.sort(start + rng.random(calls.joins) * calls.seconds)
    left = start + calls.minutes * 60 + rng.exponential(30.0, size=calls.joins)
    columns.add(joined, left, 0, calls.media)
