"""Health: what makes a bridge unhealthy, and what doesn't."""

from dataclasses import replace

import pytest
from tests.unit.bridge.given import HOST, PUBLIC

from octobridge.core.health import Enrolment, Health, Vitals, check, whole

WELL = Vitals(sockets=1, engine_running=True, looked_at=0.0, candidates=(HOST,))


def test_bridge_with_a_port_and_an_engine_is_healthy() -> None:
    assert check(WELL, 1.0).success


@pytest.mark.parametrize(
    ("vitals", "now"),
    [
        (replace(WELL, sockets=0), 1.0),
        (replace(WELL, engine_running=False), 1.0),
        (replace(WELL, require_valid_address=True), 1.0),
        (WELL, 91.0),
    ],
)
def test_what_is_wrong_is_said(vitals: Vitals, now: float) -> None:
    verdict = check(vitals, now)
    assert not verdict.success
    assert verdict.message


def test_public_address_satisfies_who_requires_one() -> None:
    assert check(replace(WELL, require_valid_address=True, candidates=(HOST, PUBLIC)), 1.0).success


AWAY = Enrolment(wanted=True, last_joined=100.0, grace=60.0)


def test_bridge_that_no_focus_can_find_is_unwell_after_a_while_but_softly() -> None:
    well = Health(success=True)
    assert whole(well, AWAY, 160.0).success
    verdict = whole(well, AWAY, 161.0)
    assert (verdict.success, verdict.soft) == (False, True)
    assert "brewery" in verdict.message


def test_bridge_without_xmpp_needs_no_brewery() -> None:
    assert whole(Health(success=True), replace(AWAY, wanted=False), 1e6).success


def test_what_is_wrong_with_the_process_goes_first() -> None:
    broken = check(replace(WELL, sockets=0), 1.0)
    assert whole(broken, AWAY, 1e6) == broken
    assert not broken.soft
