"""What a meeting costs the bridges it is on, in packets a second.

A participant sends (a camera if it is on, simulcast) and receives: one large picture, thumbnails
of the others up to last-n, and the voices of a few speakers. So the cost of one person depends on
the size of the meeting, up to a ceiling set by last-n. Between two bridges of a meeting each
stream travels once, whatever number of people watch.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["MEDIA", "Media", "costs"]

SEND: Final = 200.0
"""Packets a second of a camera, all layers."""
LARGE: Final = 150.0
THUMBNAIL: Final = 30.0
VOICE: Final = 30.0
SPEAKERS: Final = 3
LARGEST: Final = 5000
"""A meeting costs no more a head beyond this size."""


@dataclass(frozen=True, slots=True)
class Media:
    """How a kind of meeting uses cameras."""

    name: str
    cameras: float
    """Share of people whose camera is on."""
    most_cameras: int
    last_n: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Packets a second, by the number of people in the meeting."""

    person: tuple[float, ...]
    """Of one person on a bridge."""
    link: tuple[float, ...]
    """Of one relay to another bridge of the meeting."""


MEDIA: Final = {
    each.name: each
    for each in (
        Media("meeting", 0.7, 1000, 15),
        Media("class", 0.3, 1000, 9),
        Media("webinar", 0.05, 5, 5),
        Media("voice", 0.0, 0, 0),
        Media("gallery", 0.95, 1000, 25),
    )
}


@lru_cache(maxsize=64)
def costs(media: Media, largest: int = LARGEST) -> Costs:
    """Return the costs of every size up to `largest`."""
    sizes = range(largest + 1)
    return Costs(tuple(_person(media, n) for n in sizes), tuple(_link(media, n) for n in sizes))


def _cameras(media: Media, people: int) -> float:
    return min(media.cameras * people, float(media.most_cameras))


def _person(media: Media, people: int) -> float:
    if people == 0:
        return 0.0
    cameras = _cameras(media, people)
    sent = VOICE / 3 + SEND * cameras / people
    others = min(float(media.last_n), cameras * (people - 1) / people)
    seen = LARGE * min(1.0, others) + THUMBNAIL * max(0.0, others - 1)
    heard = VOICE * min(SPEAKERS, people - 1) / 2
    return sent + seen + heard


def _link(media: Media, people: int) -> float:
    seen = min(float(media.last_n), _cameras(media, people))
    return THUMBNAIL * seen + LARGE * min(1.0, seen) + VOICE * min(SPEAKERS, people)
