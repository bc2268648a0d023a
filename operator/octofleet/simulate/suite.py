"""The standard suite: eight loads that differ in what is hard about them."""

from typing import Any, Final

from octofleet.simulate.description import Workload, parse

__all__ = ["standard"]

_SUITE: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "office-week",
        "days": 5,
        "regions": [{"name": "eu", "timeZone": "Europe/Berlin"}],
        "calls": [{"kind": "meetings", "perDay": 2600}],
    },
    {
        "name": "school-week",
        "days": 5,
        "regions": [{"name": "eu", "timeZone": "Europe/Paris"}],
        "calls": [
            {"kind": "classes", "rooms": 45},
            {"kind": "meetings", "perDay": 300},
        ],
    },
    {
        "name": "webinar-season",
        "days": 5,
        "regions": [{"name": "eu", "timeZone": "Europe/Berlin"}],
        "calls": [
            {"kind": "webinars", "perWeek": 15, "size": 350},
            {"kind": "meetings", "perDay": 1000},
        ],
    },
    {
        "name": "follow-the-sun",
        "days": 3,
        "regions": [
            {"name": "ap", "timeZone": "Asia/Tokyo"},
            {"name": "eu", "timeZone": "Europe/Berlin"},
            {"name": "us", "timeZone": "America/New_York"},
        ],
        "calls": [{"kind": "meetings", "perDay": 3600, "visitorsFromAfar": 0.1}],
    },
    {
        "name": "flash-crowd",
        "days": 1,
        "warmupDays": 1,
        "calls": [
            {"kind": "meetings", "perDay": 60, "size": 4, "largest": 12},
            # As it happened to others: 58 people were a stress of 1.1.
            {"kind": "burst", "day": 0, "hour": 10.25, "media": "meeting"},
        ],
        "bridge": {"packetRate": 40_000},
        "autoscaling": {"headroom": {"joins": 92, "spareBridges": 1}},
    },
    {
        "name": "slow-drain",
        "days": 2,
        "regions": [{"name": "eu", "timeZone": "Europe/Berlin"}],
        "calls": [{"kind": "meetings", "perDay": 700, "minutes": 150, "size": 8}],
    },
    {
        "name": "failures",
        "days": 2,
        "regions": [{"name": "eu", "timeZone": "Europe/Berlin"}],
        "calls": [{"kind": "meetings", "perDay": 2000}],
        "faults": [
            {"kind": "bridge", "day": 0, "hour": 9.6},
            {"kind": "zone", "day": 1, "hour": 9.2},
        ],
    },
    {
        "name": "metrics-outage",
        "days": 2,
        "regions": [{"name": "eu", "timeZone": "Europe/Berlin"}],
        "calls": [{"kind": "meetings", "perDay": 2000}],
        "faults": [
            {"kind": "metrics", "day": 0, "hour": 9, "minutes": 30},
            {"kind": "jicofo", "day": 1, "hour": 14, "minutes": 30},
        ],
    },
)


def standard() -> tuple[Workload, ...]:
    """Return the workloads of the standard suite."""
    return tuple(parse({**each}, each["name"]) for each in _SUITE)
