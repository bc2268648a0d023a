"""A bridge's state is read off what is observed, by one table."""

import re

import pytest
from hypothesis import given
from tests.unit.control.test_plans_are_safe import any_bridge
from tests.unit.control.worlds import NOW, draining_bridge, pending_bridge, ready_bridge

from octofleet.core import lifecycle
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, BridgeState, Conference, Reading, Timestamp

S = BridgeState
LIMITS = Limits(patience=3600)
UNHEARD: dict[str, object] = {"registered": False, "registered_at": None, "in_brewery": False}
CRASHED: dict[str, object] = {**UNHEARD, "pod_ready": False, "healthy": None}


def ago(seconds: float) -> Timestamp:
    return Timestamp(NOW - seconds)


def named(**fields: object) -> Bridge:
    return ready_bridge("eu-0", 3, NOW, **fields)


@pytest.mark.parametrize(
    ("bridge", "state"),
    [
        (pending_bridge("eu-0"), S.PENDING),
        (pending_bridge("eu-0", waiting_reason="ImagePullBackOff"), S.FAILED),
        (pending_bridge("eu-0", placed_at=ago(299)), S.PENDING),
        (pending_bridge("eu-0", placed_at=ago(300)), S.FAILED),
        (pending_bridge("eu-0", placed_at=ago(900), awaits_address=True), S.PENDING),
        (named(placed_at=ago(900)), S.READY),
        (named(**UNHEARD, ready_since=ago(5)), S.STARTING),
        (named(**UNHEARD, pod_ready=False, ready_since=None, created_at=ago(60)), S.STARTING),
        (named(), S.READY),
        (named(pod_ready=False), S.READY),  # what Jicofo says is the truth
        (named(**UNHEARD), S.UNREGISTERED),
        (named(registered=False, registered_at=ago(20)), S.STARTING),  # Prosody restarts
        (named(registered=False, registered_at=ago(60)), S.UNREGISTERED),
        (named(**{**UNHEARD, "in_brewery": True}), S.UNREGISTERED),
        (named(draining=True), S.DRAINING),
        (draining_bridge("eu-0", 3, ago(10), draining=False), S.DRAINING),
        (draining_bridge("eu-0", 3, ago(3599)), S.DRAINING),
        (draining_bridge("eu-0", 3, ago(3600)), S.EVACUATING),
        (draining_bridge("eu-0", 0, ago(10)), S.EMPTY),
        (draining_bridge("eu-0", 0, ago(4000)), S.EMPTY),
        (draining_bridge("eu-0", 0, ago(10), draining=None), S.DRAINING),
        (draining_bridge("eu-0", 0, ago(10), participants=None), S.DRAINING),
        (draining_bridge("eu-0", 0, ago(90), participants=Reading(0, ago(21))), S.DRAINING),
        (draining_bridge("eu-0", 0, ago(10), conferences=(Conference("a", 1),)), S.DRAINING),
        (draining_bridge("eu-0", 0, ago(10), shutdown_sent_at=ago(1)), S.STOPPING),
        (named(shutting_down=True), S.STOPPING),
        (named(deleting_since=NOW), S.STOPPING),
        (named(pod_phase="Succeeded"), S.STOPPING),
        (named(pod_phase="Failed"), S.FAILED),
        (named(**UNHEARD, waiting_reason="CrashLoopBackOff"), S.FAILED),
        (named(waiting_reason="CrashLoopBackOff"), S.READY),
        (named(pod_phase="Unknown"), S.LOST),
        (named(**UNHEARD, pod_ready=False, healthy=None), S.LOST),
        (named(**UNHEARD, pod_ready=False, healthy=True), S.UNREGISTERED),
        (named(**CRASHED, ended_at=ago(2)), S.STARTING),
        (named(**CRASHED, ended_at=ago(170), started_at=ago(168)), S.STARTING),
        (named(**CRASHED, ended_at=ago(185), started_at=ago(181)), S.LOST),
        (named(**CRASHED, ended_at=ago(2), never_ready=True), S.LOST),
    ],
)
def test_state_follows_from_what_is_seen(bridge: Bridge, state: BridgeState) -> None:
    assert lifecycle.classify(bridge, NOW, LIMITS) is state


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, S.READY),  # it was registered when last asked
        ({"registered_at": None}, S.READY),  # its presence is there
        ({"registered_at": None, "in_brewery": None}, S.UNREGISTERED),
        ({"registered_at": None, "in_brewery": None, "ready_since": NOW}, S.STARTING),
    ],
)
def test_without_jicofo_the_last_word_and_presence_count(
    fields: dict[str, object], state: BridgeState
) -> None:
    bridge = named(**{"registered": None, **fields})
    assert lifecycle.classify(bridge, NOW, LIMITS) is state


def test_nobody_is_evacuated_without_a_patience() -> None:
    long = draining_bridge("eu-0", 3, ago(99999))
    assert lifecycle.classify(long, NOW, Limits()) is S.DRAINING


@given(any_bridge("eu-0"))
def test_every_bridge_has_a_state(bridge: Bridge) -> None:
    assert lifecycle.classify(bridge, NOW, LIMITS) in S


@given(any_bridge("eu-0"))
def test_empty_is_only_what_says_it_drains_and_counts_nobody(bridge: Bridge) -> None:
    if lifecycle.classify(bridge, NOW, LIMITS) is S.EMPTY:
        assert bridge.draining is True
        assert bridge.participants is not None
        assert bridge.participants.value == 0
        assert bridge.participants.age(NOW) <= LIMITS.empty_age


def test_table_has_every_state_once_and_a_last_row_that_fits_always() -> None:
    states = [row.state for row in lifecycle.TABLE]
    assert sorted(states) == sorted(S)
    assert lifecycle.TABLE[-1].test(pending_bridge("eu-0"), NOW, LIMITS)


def test_diagram_leads_from_the_start_through_every_state_to_the_end() -> None:
    text = lifecycle.diagram()
    edges = set(re.findall(r"^    (\S+) --> (\S+?)(?:: .*)?$", text, re.MULTILINE))
    reached, frontier = set[str](), {"[*]"}
    while frontier:
        reached |= frontier
        frontier = {b for a, b in edges if a in frontier} - reached
    assert {str(state) for state in S} <= reached
    assert (S.STOPPING, "[*]") in edges


LOST: dict[str, object] = {**UNHEARD, "pod_ready": False, "healthy": None}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Somebody deletes its pod, whatever it does.
        (named(), named(deleting_since=NOW)),
        (named(**UNHEARD), named(**UNHEARD, deleting_since=NOW)),
        (draining_bridge("eu-0", 3), draining_bridge("eu-0", 3, deleting_since=NOW)),
        (draining_bridge("eu-0", 0), draining_bridge("eu-0", 0, shutdown_sent_at=NOW)),
        # Jicofo loses sight of it.
        (named(), named(registered=False, registered_at=ago(5))),
        (named(registered=False, registered_at=ago(5)), named(**UNHEARD)),
        (named(**UNHEARD), named()),
        # Its node is lost, and comes back.
        (named(), named(**LOST)),
        (named(**LOST), named()),
        (named(**LOST), named(**UNHEARD)),
        (named(**LOST), draining_bridge("eu-0", 3)),
        # Its container crashes, and is started again.
        (named(), named(**UNHEARD, waiting_reason="CrashLoopBackOff")),
        (named(**UNHEARD, waiting_reason="CrashLoopBackOff"), named(**UNHEARD, ready_since=NOW)),
        (pending_bridge("eu-0"), pending_bridge("eu-0", placed_at=ago(400))),
        (pending_bridge("eu-0", placed_at=ago(400)), named(**UNHEARD, ready_since=NOW)),
        # A drain goes on, is overtaken, or is taken back.
        (named(), draining_bridge("eu-0", 3)),
        (draining_bridge("eu-0", 3, ago(10)), draining_bridge("eu-0", 3, ago(3600))),
        (draining_bridge("eu-0", 3, ago(3600)), draining_bridge("eu-0", 0, ago(3600))),
        (draining_bridge("eu-0", 0, ago(10)), draining_bridge("eu-0", 1, ago(10))),
        (draining_bridge("eu-0", 0, ago(3600)), draining_bridge("eu-0", 1, ago(3600))),
        (draining_bridge("eu-0", 3), named()),
        (draining_bridge("eu-0", 3), named(**UNHEARD)),
        (named(), named(**CRASHED, ended_at=ago(2))),
        (named(**UNHEARD), named(**CRASHED, ended_at=ago(2))),
    ],
)
def test_what_happens_to_a_bridge_is_a_line_of_the_picture(before: Bridge, after: Bridge) -> None:
    came, went = (lifecycle.classify(each, NOW, LIMITS) for each in (before, after))
    assert came is not went
    assert came in next(row for row in lifecycle.TABLE if row.state is went).after
