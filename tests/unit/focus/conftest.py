"""Every test of the focus' core starts with an empty world."""

import pytest
from tests.unit.focus.focus_world import World


@pytest.fixture
def world() -> World:
    return World()
