"""How far a lab's regions are from one another, as people say it. Pure.

    eu-us=80ms,eu-asia=220ms      round trips
    eu-asia=0.5%                  loss, each way

A region's name may hold dashes, so a pair is split where both sides are regions.
"""

import re
from dataclasses import dataclass

from octolab.errors import UnmetError

__all__ = ["NOWHERE", "Distance", "distances"]

NOWHERE = "none"
"""Said instead of pairs: no distance at all."""
TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)ms")
SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
LONGEST_MS = 10_000.0
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Distance:
    """What lies between two regions."""

    first: str
    second: str
    rtt_ms: float = 0.0
    loss: float = 0.0
    """Fraction of packets lost, each way."""


def distances(regions: tuple[str, ...], rtt: str, loss: str = "") -> tuple[Distance, ...]:
    """Return what lies between regions, every pair once, in the order of the regions.

    Raises:
        UnmetError: it can't be understood, or names what isn't a region.
    """
    if rtt == NOWHERE:
        return ()
    delays = amounts(regions, rtt, TIME, "rtt", "80ms")
    losses = amounts(regions, loss, SHARE, "loss", "0.5%")
    if any(delay > LONGEST_MS for delay in delays.values()):
        raise UnmetError(f"rtt: use at most {LONGEST_MS:g}ms")
    if any(share > 100 for share in losses.values()):
        raise UnmetError("loss: use at most 100%")
    named = dict.fromkeys(regions)
    pairs = [(a, b) for index, a in enumerate(named) for b in [*named][index + 1 :]]
    return tuple(
        Distance(a, b, delays.get((a, b), 0), losses.get((a, b), 0) / 100) for a, b in pairs
    )


def amounts(
    regions: tuple[str, ...], text: str, form: re.Pattern[str], what: str, example: str
) -> dict[Pair, float]:
    """Return the amount said of each pair, the pair in the order of the regions."""
    found: dict[Pair, float] = {}
    for entry in filter(None, text.split(",")):
        ends, _, amount = entry.partition("=")
        known = form.fullmatch(amount)
        if known is None:
            raise UnmetError(f"{what} {entry!r}: write it as eu-us={example}")
        pair = pair_of(regions, ends, what)
        if pair in found:
            raise UnmetError(f"{what}: {ends} is there twice")
        found[pair] = float(known[1])
    return found


def pair_of(regions: tuple[str, ...], text: str, what: str) -> Pair:
    """Return the two regions that "a-b" means, in the order of the regions."""
    words = text.split("-")
    halves = [("-".join(words[:cut]), "-".join(words[cut:])) for cut in range(1, len(words))]
    known = [each for each in halves if each[0] in regions and each[1] in regions]
    if len(known) != 1 or known[0][0] == known[0][1]:
        raise UnmetError(f"{what}: {text!r} aren't two of the regions {','.join(regions)}")
    first, second = sorted(known[0], key=regions.index)
    return first, second
