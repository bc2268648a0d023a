"""Moving people: on an operator's word (Jicofo's `/move-endpoints/*`), or off hot bridges.

Everyone who is to move is taken off first and then invited again, by the normal rules: nothing
forces another bridge. So a part of a conference lands where it was, and a whole one is placed
afresh.

Source: jicofo 7ebb13dc, bridgeload/LoadRedistributor.kt, ktor/MoveEndpoints.kt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jitsiwire.jicofo import MoveReply
from octoload.focus.conference import Conference, Participant
from octoload.focus.effects import Effect
from octoload.focus.focus import Focus

__all__ = ["MoveError", "Redistributor", "move"]

Chosen = list[tuple[Conference, tuple[Participant, ...]]]


class MoveError(Exception):
    """A move that can't be done: 404 for what isn't known, 400 for what makes no sense."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def move(
    focus: Focus, what: str, query: Mapping[str, str], now: float
) -> tuple[MoveReply, list[Effect]]:
    """Do one call of `/move-endpoints/{what}`.

    Raises:
        MoveError: the call is refused; nothing was moved.
    """
    match what:
        case "move-endpoint":
            chosen = _one(focus, query)
        case "move-endpoints":
            chosen = _several(focus, query)
        case "move-fraction":
            chosen = _fraction(focus, query)
        case _:
            raise MoveError(404, f"no such call: {what[:64]}")
    moved = sum(len(people) for _, people in chosen)
    return MoveReply(moved, len(chosen)), _carry_out(focus, chosen, now)


def _carry_out(focus: Focus, chosen: Chosen, now: float) -> list[Effect]:
    for _, people in chosen:
        for one in people:
            _count(focus, one.bridge)
    effects = [
        e for conference, people in chosen for e in focus.placement.take_off(conference, people)
    ]
    for conference, people in chosen:
        effects += focus.placement.invite_again(conference, people, now)
    return effects


@dataclass(slots=True)
class Redistributor:
    """Moves a few people off hot bridges by itself, once in a while; times in seconds.

    Only where there is a bridge that isn't overloaded; nothing forces another bridge, only what
    was moved weighs on the old one no more. A bridge is left alone for a while after.
    """

    interval: float = 60.0
    threshold: float = 0.9
    timeout: float = 180.0
    endpoints: int = 10
    moved: int = 0
    """Ever."""
    _due: float | None = None
    _relieved: dict[str, float] = field(default_factory=dict[str, float])

    def tick(self, focus: Focus, now: float) -> list[Effect]:
        """Do what is due."""
        if self._due is None:
            self._due = now + self.interval
        if now < self._due:
            return []
        self._due = now + self.interval
        views = list(focus.bridges.values())
        if all(view.overloaded(now) for view in views):
            return []
        self._relieved = {b: t for b, t in self._relieved.items() if now - t < self.timeout}
        effects: list[Effect] = []
        for view in views:
            if view.jid in self._relieved or view.corrected_stress(now) < self.threshold:
                continue
            self._relieved[view.jid] = now
            chosen = _greedily(list(focus.conferences.values()), view.jid, self.endpoints)
            self.moved += sum(len(people) for _, people in chosen)
            effects += _carry_out(focus, chosen, now)
        return effects


def _one(focus: Focus, query: Mapping[str, str]) -> Chosen:
    conference = _conference(focus, _needed(query, "conference"))
    endpoint = _needed(query, "endpoint")
    guard = _bridge(focus, query["bridge"]) if query.get("bridge") else None
    one = conference.participants.get(endpoint)
    if one is None or one.bridge is None or guard not in (None, one.bridge):
        return []
    return [(conference, (one,))]


def _several(focus: Focus, query: Mapping[str, str]) -> Chosen:
    bridge = _bridge(focus, _needed(query, "bridge"))
    count = _number(query, "numEndpoints", "1")
    if count < 1 or count % 1:
        raise MoveError(400, "numEndpoints is no positive number")
    if query.get("conference"):
        conferences = [_conference(focus, query["conference"])]
    else:
        conferences = list(focus.conferences.values())
    return _greedily(conferences, bridge, int(count))


def _fraction(focus: Focus, query: Mapping[str, str]) -> Chosen:
    bridge = _bridge(focus, _needed(query, "bridge"))
    fraction = _number(query, "fraction", "0.1")
    if not 0 < fraction <= 1:
        raise MoveError(400, "fraction is not between 0 and 1")
    conferences = list(focus.conferences.values())
    there = sum(len(conference.on(bridge)) for conference in conferences)
    return _greedily(conferences, bridge, int(fraction * there + 0.5))


def _greedily(conferences: list[Conference], bridge: str, count: int) -> Chosen:
    """Choose from the conference with most people there, then the next."""
    chosen: Chosen = []
    for conference in sorted(conferences, key=lambda c: len(c.on(bridge)), reverse=True):
        people = conference.on(bridge)[:count]
        if people:
            chosen.append((conference, people))
            count -= len(people)
    return chosen


def _count(focus: Focus, bridge: str | None) -> None:
    if bridge in focus.bridges:
        moved, name = focus.counters.endpoints_moved, focus.bridges[bridge].nickname
        moved[name] = moved.get(name, 0) + 1


def _needed(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise MoveError(400, f"{name} is missing")
    return value


def _number(query: Mapping[str, str], name: str, default: str) -> float:
    try:
        return float(query.get(name, default))
    except ValueError:
        raise MoveError(400, f"{name} is no number") from None


def _bridge(focus: Focus, name: str) -> str:
    """Find a bridge by its nickname or its whole address."""
    for jid, view in focus.bridges.items():
        if name in (jid, view.nickname):
            return jid
    raise MoveError(404, f"no such bridge: {name[:128]}")


def _conference(focus: Focus, name: str) -> Conference:
    """Find a conference by its room's address."""
    for conference in focus.conferences.values():
        if conference.room == name:
            return conference
    raise MoveError(404, f"no such conference: {name[:128]}")
