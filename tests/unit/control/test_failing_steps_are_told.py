"""A step that fails over and over stands in the status; a hiccup doesn't."""

import pytest
from tests.unit.control.test_troubles_are_named import PEOPLE, T, condition, said, status
from tests.unit.control.worlds import NOW, decision, draining_bridge, ready_bridge, snapshot

from octofleet.core import events, planning, reporting
from octofleet.core.actions import (
    Action,
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ProveBridge,
    ShutDownBridge,
    UndrainBridge,
)
from octofleet.shell.actuator import Outcome
from octofleet.shell.failing import FORGOTTEN_SECONDS, TRIES, FailingSteps

STEPS: list[Action] = [
    DrainBridge("eu-0", "ScaleIn"),
    UndrainBridge("eu-0"),
    MoveConference("eu-0", "room", 3, True),
    ShutDownBridge("eu-0"),
    DeleteBridge("eu-0", "uid", "it has failed"),
]


def failed(action: Action) -> tuple[Outcome, ...]:
    return (Outcome(action, done=False, message="no answer"),)


@pytest.mark.parametrize("action", STEPS)
def test_it_is_told_from_the_third_failure_on_until_it_succeeds(action: Action) -> None:
    steps = FailingSteps()
    for n in range(TRIES - 1):
        assert steps.told("uid", failed(action), NOW + n) == []
    (told,) = steps.told("uid", failed(action), NOW + 5)
    assert told.startswith("eu-0 can't be ")
    assert told.endswith(": no answer")
    assert steps.told("uid", (), NOW + 10) == [told], "moves are tried seldom"
    assert steps.told("another", (), NOW + 10) == []
    assert steps.told("uid", (Outcome(action, done=True),), NOW + 15) == []
    assert steps.told("uid", failed(action), NOW + 20) == [], "counted anew"


def test_what_is_not_tried_any_more_is_forgotten() -> None:
    steps = FailingSteps()
    told: list[str] = []
    for _ in range(TRIES):
        told = steps.told("uid", failed(STEPS[0]), NOW)
    assert told
    assert steps.told("uid", (), NOW + FORGOTTEN_SECONDS) == told
    assert steps.told("uid", (), NOW + FORGOTTEN_SECONDS + 1) == []


@pytest.mark.parametrize("action", [CreateBridge("eu-0"), ProveBridge("eu-0")])
def test_steps_that_others_tell_of_are_left_to_them(action: Action) -> None:
    steps = FailingSteps()
    for _ in range(2 * TRIES):
        assert steps.told("uid", failed(action), NOW) == []


def test_it_stands_in_the_condition_and_is_an_event() -> None:
    bridges = (ready_bridge("eu-0", 9), ready_bridge("eu-1", 9), draining_bridge("eu-2", 3))
    before = status(*bridges)
    assert said(before, T.DRAINING) == ("True", "BridgesDraining")
    seen, decided = snapshot(*bridges), decision(2)
    planned = planning.plan(PEOPLE, seen, decided, NOW)
    planned = planning.with_failed_steps(planned, ["eu-2 can't be drained: no answer"])
    after = reporting.region_status(PEOPLE, seen, decided, planned, before, "a=b", NOW)
    assert said(after, T.DRAINING) == ("True", "DrainFailing")
    assert condition(after, T.DRAINING).message == "eu-2 can't be drained: no answer"
    notices = [(e.type.value, e.reason) for e in events.region_notices(before, after)]
    assert ("Warning", "DrainFailing") in notices
    assert events.region_notices(after, after) == ()
    assert planning.with_failed_steps(planned, []) is planned
