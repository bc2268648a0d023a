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
    send: float = 200.0
    """Packets a second of a camera, all layers."""
    large: float = 150.0
    """Of the picture that is shown large; one at most."""
    thumbnail: float = 30.0
    """Of each other picture."""
    voice: float = 10.0
    """Of one person's microphone, silence left out."""
    heard: float = 15.0
    """Of each voice that is heard."""
    linked: float = 30.0
    """Of each voice between two bridges."""
    speakers: int = 3
    """How many voices there are to hear, at most."""


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
        # octoload's participants: everybody sends and gets everything, a picture of one layer in
        # 20 frames a second of two packets each, and a voice that never falls silent.
        Media("synthetic", 1.0, 1000, 1000, 40.0, 40.0, 40.0, 50.0, 50.0, 50.0, 1000),
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
    sent = media.voice + media.send * cameras / people
    others = min(float(media.last_n), cameras * (people - 1) / people)
    seen = media.large * min(1.0, others) + media.thumbnail * max(0.0, others - 1)
    return sent + seen + media.heard * min(media.speakers, people - 1)


def _link(media: Media, people: int) -> float:
    seen = min(float(media.last_n), _cameras(media, people))
    voices = media.linked * min(media.speakers, people)
    return media.thumbnail * seen + media.large * min(1.0, seen) + voices
