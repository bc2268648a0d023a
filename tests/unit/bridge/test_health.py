"""Health: what makes a bridge unhealthy, and what doesn't."""

from dataclasses import replace

import pytest
from tests.unit.bridge.given import HOST, PUBLIC

from octobridge.core.health import Vitals, check

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
