"""What headroom and schedules ask for, as terms beside those of the metrics.

Pure. Whatever asks for most wins, so a schedule is a floor and headroom never shrinks what a
metric wants.
"""

from octofleet.api.effective import EffectiveRegion, Headroom
from octofleet.core import headroom, learning, schedule
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.observation import Snapshot, Timestamp
from octofleet.core.signals import Invalid, Rule, Term

__all__ = ["terms"]


def terms(
    region: EffectiveRegion,
    snapshot: Snapshot,
    bridges: tuple[JudgedBridge, ...],
    now: Timestamp,
    limits: Limits,
) -> tuple[Term, ...]:
    """Return what is asked for besides the metrics."""
    found = (
        _headroom(region, snapshot, bridges, now, limits),
        _fail_over(region, snapshot, bridges, now, limits),
        _schedule(region, snapshot, now),
    )
    return tuple(each for each in found if each is not None)


def _headroom(
    region: EffectiveRegion,
    snapshot: Snapshot,
    bridges: tuple[JudgedBridge, ...],
    now: Timestamp,
    limits: Limits,
) -> Term | None:
    wanted = region.autoscaling.headroom
    if wanted is None:
        return None
    asked = headroom.headroom(wanted, snapshot, bridges, now, limits)
    missing = asked.room.missing
    return Term(
        Rule.HEADROOM,
        asked.expected.joins,
        asked.room.usable,
        asked.proposal,
        None if asked.proposal is not None else Invalid.NO_BRIDGE_READY,
        missing,
        asked.message,
    )


def _fail_over(
    region: EffectiveRegion,
    snapshot: Snapshot,
    bridges: tuple[JudgedBridge, ...],
    now: Timestamp,
    limits: Limits,
) -> Term | None:
    """Return what keeps room for this region's share of the fullest other one.

    When a region is lost, its people are spread over those that are left, of which this is one.
    """
    wanted = region.autoscaling.headroom
    if wanted is None or not wanted.lost_region or not snapshot.elsewhere:
        return None
    known = {name: n for name, n in snapshot.elsewhere.items() if n is not None}
    if len(known) < len(snapshot.elsewhere):
        # Where a crowd may be that nobody counts, room isn't given up.
        silent = ", ".join(sorted(snapshot.elsewhere.keys() - known.keys()))
        text = f"how many people are in {silent} isn't known"
        return Term(Rule.FAIL_OVER, 0.0, invalid=Invalid.NO_READING, message=text)
    fullest = max(known, key=lambda name: (known[name], name))
    share = known[fullest] / len(known)
    room = Headroom(share, 1.0, 0)
    asked = headroom.headroom(room, snapshot, bridges, now, limits)
    return Term(
        Rule.FAIL_OVER,
        share,
        asked.room.usable,
        asked.proposal,
        None if asked.proposal is not None else Invalid.NO_BRIDGE_READY,
        asked.room.missing,
        f"room for {asked.room.usable:.0f} joins, {share:.0f} come if {fullest} is lost",
    )


def _schedule(region: EffectiveRegion, snapshot: Snapshot, now: Timestamp) -> Term | None:
    scaling = region.autoscaling
    if not scaling.schedule:
        return None
    name = f"{region.namespace}/{region.name}"
    ahead = learning.lead(snapshot.history.memory)
    try:
        floor = schedule.floor_at(scaling.schedule, name, ahead, scaling.min_bridges, now)
    except schedule.ScheduleError as error:
        # A floor that isn't known may be a high one: nothing shrinks, and the status says why.
        return Term(Rule.SCHEDULE, 0.0, invalid=Invalid.NOT_UNDERSTOOD, message=str(error))
    if floor is None:
        return None
    window = floor.window
    text = f"{window.cron} {window.time_zone} for {window.duration / 3600:.3g}h: {floor.phase}"
    return Term(Rule.SCHEDULE, window.min_bridges, None, floor.bridges, message=text)
