"""Whether Prosody and Jicofo may be restarted now: a restart of either ends every meeting. Pure.

New settings of theirs wait for a moment in which nobody is in a meeting, for the user's hours, or
for the user's word. What isn't known about people isn't nobody: Jicofo must say that every room is
empty, and no bridge may say otherwise. Where bridges don't tell, it has to stay so for a while,
since a Jicofo that has just come back knows of no meeting that goes on.

What doesn't run has nobody to lose, and waits for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from octofleet.api.controller import Hours, Peace
from octofleet.api.maintenance import Restarts
from octofleet.api.quantities import moment_text
from octofleet.api.status import ConditionStatus
from octofleet.core import schedule
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.observation import Timestamp

__all__ = [
    "CALM_SECONDS",
    "JICOFO",
    "PROSODY",
    "Asked",
    "Meetings",
    "Part",
    "Ruling",
    "Standing",
    "rule",
    "verdict",
]

PROSODY: Final = "Prosody"
JICOFO: Final = "Jicofo"
CALM_SECONDS: Final = 30.0
"""So long Jicofo must say that nobody is there, where bridges don't tell."""
CLOCKS_DIFFER_SECONDS: Final = 60.0


class Standing(StrEnum):
    """How a component does."""

    ABSENT = "Absent"
    """There is none yet."""
    DOWN = "Down"
    """Nothing of it runs, or it has never been ready."""
    HANGING = "Hanging"
    """It runs, was ready once, and hasn't been for a good while."""
    SERVING = "Serving"


@dataclass(frozen=True, slots=True)
class Part:
    """Prosody or Jicofo, and whether its new settings restart it."""

    name: str
    restarts: bool
    standing: Standing = Standing.SERVING


@dataclass(frozen=True, slots=True)
class Meetings:
    """Who is in a meeting, by two witnesses; None = not known."""

    people: int | None = None
    """As Jicofo tells: everybody in a room, on a bridge or not."""
    on_bridges: int | None = None
    """As the bridges tell."""
    empty_since: Timestamp | None = None
    """Since when Jicofo has said at every look that nobody is there."""

    @property
    def are_known(self) -> bool:
        """Return whether somebody is known to be in one."""
        return bool(self.people) or bool(self.on_bridges)

    def are_over(self, now: Timestamp) -> bool:
        """Return whether nobody is in one, for sure."""
        if self.people != 0 or self.on_bridges:
            return False
        if self.on_bridges == 0:
            return True
        return self.empty_since is not None and now - self.empty_since >= CALM_SECONDS


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said."""

    peace: Peace
    now_at: Timestamp | None = None
    """What has waited since before is restarted at once."""
    waiting_since: Timestamp | None = None
    """Since when something has waited; None while nothing did."""

    def is_now(self, now: Timestamp) -> bool:
        """Return whether what waits may not wait any longer."""
        if self.now_at is None or self.waiting_since is None:
            return False
        # One in the future would hold for what comes later, too; clocks differ a little.
        return self.waiting_since <= self.now_at <= now + CLOCKS_DIFFER_SECONDS


@dataclass(frozen=True, slots=True)
class Ruling:
    """What may be restarted now, and what waits."""

    released: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    reason: Reason = Reason.UP_TO_DATE
    why: str = ""
    """Why it may, or what it waits for."""


def rule(parts: Sequence[Part], asked: Asked, meetings: Meetings, now: Timestamp) -> Ruling:
    """Return which of the parts that have to be restarted may be now."""
    wanted = [each for each in parts if each.restarts]
    if not wanted:
        return Ruling()
    reason, why = _cause(asked, meetings, now)
    if reason is Reason.RESTARTED:
        return Ruling(_names(wanted), (), reason, why)
    free = [each for each in wanted if _is_lost(each, meetings)]
    held = [each for each in wanted if each not in free]
    if not held:
        return Ruling(_names(free), (), Reason.RESTARTED, "it didn't work before")
    return Ruling(_names(free), _names(held), reason, why)


def verdict(cluster: str, found: Ruling, restarted: Sequence[str]) -> Verdict:
    """Return what the cluster's condition says.

    Args:
        cluster: Its name.
        found: What was ruled.
        restarted: What has just been given settings that restart it.
    """
    kind = ConditionType.RESTART_PENDING
    if found.waiting:
        text = (
            f"new settings of {_listed(found.waiting)} wait {found.why}, since a restart ends every"
            f" meeting; to have it now: octofleet rollout now {cluster}"
        )
        return Verdict(kind, ConditionStatus.TRUE, found.reason, text)
    if restarted:
        text = f"restarted with new settings: {_listed(restarted)} ({found.why})"
        return Verdict(kind, ConditionStatus.FALSE, Reason.RESTARTED, text)
    text = "Prosody and Jicofo have the settings that are asked for"
    return Verdict(kind, ConditionStatus.FALSE, Reason.UP_TO_DATE, text)


def _cause(asked: Asked, meetings: Meetings, now: Timestamp) -> tuple[Reason, str]:
    """Return why everything may be restarted (`RESTARTED`), or what keeps it from that."""
    peace = asked.peace
    if asked.is_now(now):
        return Reason.RESTARTED, "somebody asked for it now"
    if peace.restarts is Restarts.IMMEDIATELY:
        return Reason.RESTARTED, "controller.maintenance.restarts is Immediately"
    is_open, hours = _windows(peace.windows, now)
    if is_open:
        return Reason.RESTARTED, "a maintenance window is open"
    if peace.restarts is Restarts.IN_WINDOW:
        return Reason.OUTSIDE_WINDOW, f"for a maintenance window ({hours})"
    if meetings.are_over(now):
        return Reason.RESTARTED, "nobody was in a meeting"
    until = f" or for a maintenance window ({hours})" if hours else ""
    if meetings.are_known:
        return Reason.MEETINGS_GO_ON, f"until nobody is in a meeting{until}"
    if meetings.people is None:
        return Reason.PEOPLE_UNKNOWN, f"until Jicofo tells that nobody is in a meeting{until}"
    return Reason.PEOPLE_UNKNOWN, f"until it is sure that nobody is in a meeting{until}"


def _windows(windows: tuple[Hours, ...], now: Timestamp) -> tuple[bool, str]:
    """Return whether one is open, and when the next one is."""
    if not windows:
        return False, ""
    try:
        if schedule.is_open(windows, now):
            return True, ""
        following = schedule.next_start(windows, now)
    except schedule.ScheduleError as error:
        return False, f"no window opens: {error}"
    return False, "none ever opens" if following is None else f"next {moment_text(following)}"


def _is_lost(part: Part, meetings: Meetings) -> bool:
    """Return whether nobody loses anything by its restart, whatever the hour."""
    if part.standing is Standing.HANGING:
        return not meetings.are_known
    return part.standing is not Standing.SERVING


def _names(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(each.name for each in parts)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
