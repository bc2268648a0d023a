"""Bridges that flap: they serve, fall, and serve again, over and over.

Whoever is on such a bridge is thrown off each time it falls, and Jicofo gives it new people as
soon as it stands. So it is told from one that fell once, drained like any other while others
serve, and a fresh one takes its place.

A fall is seen in two ways: the bridge served at the last look and doesn't now, or its container
was started again (which the pod tells even if nobody looked). Falls are kept for a while, bounded,
in the status. When most bridges fall at once, or while Prosody or Jicofo is away, it isn't theirs.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from octofleet.core import growing, selection, shrinking
from octofleet.core.actions import DrainBridge
from octofleet.core.drafts import AILING, COMING, LEAVING, READY, Draft, States
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import FLAPPING
from octofleet.core.observation import (
    Bridge,
    BridgeState,
    Fall,
    History,
    Proof,
    Snapshot,
    Timestamp,
)
from octofleet.core.selection import Choice

__all__ = ["FALLS", "WINDOW_SECONDS", "are_most", "names", "noticed", "relieve"]

S = BridgeState
WINDOW_SECONDS: Final = 1800.0
"""Falls are remembered so long."""
FALLS: Final = 3
"""So many of them make a bridge one that flaps."""
SAME_FALL_SECONDS: Final = 30.0
"""A container's end this near to a fall that was seen is the same fall."""
KEPT: Final = 60

DOWN: Final[States] = AILING | COMING | {S.LOST}


def noticed(snapshot: Snapshot, bridges: tuple[JudgedBridge, ...]) -> History:
    """Return the history with the falls seen in a look, and who serves by now."""
    now, history, cluster = snapshot.taken_at, snapshot.history, snapshot.cluster
    made = {each.bridge.name: each.bridge.created_at for each in bridges}
    falls = [
        each
        for each in history.falls
        if now - each.at < WINDOW_SECONDS and each.at >= made.get(each.bridge, now)
    ]
    if not (cluster.controller_ready and cluster.jicofo_reachable):
        return replace(history, falls=tuple(falls), standing=frozenset())
    standing = frozenset(each.bridge.uid for each in bridges if each.state is S.READY)
    fell = [e for e in bridges if e.bridge.uid in history.standing and e.state in DOWN]
    alone = len(history.standing) == 1
    if alone or 2 * len(fell) <= len(history.standing):
        falls += [Fall(each.bridge.name, now, _why(each.bridge, now)) for each in fell]
        falls += [fall for each in bridges if (fall := _restart(each, falls, now)) is not None]
    falls.sort(key=lambda each: each.at)
    return replace(history, falls=tuple(falls[-KEPT:]), standing=standing)


def names(history: History) -> frozenset[str]:
    """Return the bridges that flap."""
    counts = Counter(each.bridge for each in history.falls)
    return frozenset(name for name, number in counts.items() if number >= FALLS)


def are_most(history: History, bridges: tuple[JudgedBridge, ...]) -> bool:
    """Tell whether so many flap that it can't be the fault of each."""
    known = [e.bridge for e in bridges if e.state in READY | DOWN and e.bridge.proof in _JUDGED]
    flapping = names(history)
    return 2 * sum(bridge.name in flapping for bridge in known) > len(known)


def relieve(draft: Draft) -> int:
    """Drain one bridge that flaps while others serve; return how many were drained that served.

    One at a time: what ails it may be on its node, or it may come back with the next one.
    """
    flapping = names(draft.snapshot.history)
    if not flapping or draft.decision.removing or not draft.snapshot.cluster.jicofo_reachable:
        return 0
    ending = draft.of(LEAVING | {S.STOPPING})
    under_way = any(each.bridge.drain_reason == FLAPPING for each in ending)
    if under_way or are_most(draft.snapshot.history, draft.bridges):
        return 0
    serving = draft.staying(READY)
    steady = [each for each in serving if each.bridge.name not in flapping]
    unsteady = [each for each in serving if each.bridge.name in flapping]
    if not steady or not unsteady:
        return 0
    victim = unsteady[0]
    if growing.free_nodes(draft) == 0 and not _is_spared(draft, victim, steady):
        return 0
    draft.actions.append(DrainBridge(victim.bridge.name, FLAPPING))
    return 1


def _is_spared(draft: Draft, victim: JudgedBridge, steady: list[JudgedBridge]) -> bool:
    """Tell whether the steady ones can take everybody who is on the victim."""
    room = shrinking.capacity(draft)
    found = selection.choose([victim], (), room, draft.now, draft.limits, steady)
    return isinstance(found, Choice)


def _restart(each: JudgedBridge, falls: list[Fall], now: Timestamp) -> Fall | None:
    """Return the fall by which a bridge's container last ended, if it isn't known yet."""
    bridge, ended = each.bridge, each.bridge.ended_at
    if ended is None or bridge.never_ready or bridge.proof not in _JUDGED:
        return None
    leaves = bridge.drain_reason is not None or bridge.shutdown_sent_at is not None
    if leaves or not bridge.created_at <= ended <= now or now - ended >= WINDOW_SECONDS:
        return None
    same = (f.bridge == bridge.name and abs(f.at - ended) < SAME_FALL_SECONDS for f in falls)
    return None if any(same) else Fall(bridge.name, ended, _why(bridge, ended))


def _why(bridge: Bridge, at: Timestamp) -> str:
    """Return how a bridge's container ended, if it did at about that moment."""
    ended = bridge.ended_at
    if ended is None or abs(at - ended) >= SAME_FALL_SECONDS:
        return ""
    return bridge.last_error or "its container ended"


_JUDGED: Final = frozenset({None, Proof.PASSED})
