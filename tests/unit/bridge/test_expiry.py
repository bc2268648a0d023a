"""What the bridge gives up by itself, and when."""

import pytest
from tests.unit.bridge import given

from jitsiwire.colibri2 import ConferenceModify
from octobridge.core import effects as fx
from octobridge.core.expiry import expire, may_judge
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic


def setup(*names: str) -> Reports:
    handler = given.colibri()
    given.joined(handler, *names)
    return Reports(handler.registry, Traffic())


@pytest.mark.parametrize(("age", "gone"), [(119.9, False), (120.1, True)])
def test_endpoint_that_never_came_goes_after_two_minutes(age: float, gone: bool) -> None:
    registry = setup("a").registry
    assert bool(expire(registry, age)) is gone
    assert bool(registry.occupancy().local_endpoints) is not gone


@pytest.mark.parametrize(("silence", "gone"), [(59.9, False), (60.1, True)])
def test_endpoint_that_fell_silent_goes_after_a_minute(silence: float, gone: bool) -> None:
    reports = setup("a")
    reports.ice_connected(2, 1000.0)
    assert bool(expire(reports.registry, 1000.0 + silence)) is gone


def test_endpoint_whose_ice_failed_goes_at_once() -> None:
    reports = setup("a", "b")
    reports.ice_failed(3)
    assert expire(reports.registry, 0.0) == [fx.RemoveTransport(3)]
    assert reports.registry.counters.endpoints_ice_failed == 1


def test_ice_that_recovered_keeps_its_endpoint() -> None:
    reports = setup("a")
    reports.ice_failed(2)
    reports.ice_connected(2, 0.0)
    assert expire(reports.registry, 0.0) == []


@pytest.mark.parametrize(("age", "left"), [(19.9, 1), (20.1, 0)])
def test_conference_without_endpoints_goes_after_twenty_seconds(age: float, left: int) -> None:
    handler = given.colibri()
    handler.handle(given.create(), 5.0)
    assert expire(handler.registry, 5.0 + age) == []
    assert len(handler.registry.conferences) == left


def test_conference_whose_people_expired_goes_later() -> None:
    registry = setup("a").registry
    expire(registry, 121.0)
    assert len(registry.conferences) == 1
    expire(registry, 142.0)
    assert registry.conferences == ()


def test_expiry_is_idempotent() -> None:
    registry = setup("a", "b").registry
    assert len(expire(registry, 500.0)) == 2
    assert expire(registry, 500.0) == []


def test_those_who_stay_lose_only_what_left() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    reports = Reports(handler.registry, Traffic())
    reports.ice_connected(2, 100.0)
    assert expire(handler.registry, 130.0) == [fx.RemoveTransport(3)]
    handler.handle(ConferenceModify(given.MEETING, expire=True), 130.0)
    assert handler.registry.occupancy().is_empty


def test_after_an_absence_of_our_own_nobody_is_judged_at_first() -> None:
    assert may_judge(100.0, 101.0)
    assert not may_judge(100.0, 165.0)
    assert may_judge(165.0, 166.0)
