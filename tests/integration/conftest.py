"""Fixtures of tests against real servers: a Prosody of its own for every test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.prosody import Prosody


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[Prosody]:
    """A running Prosody; see tests/integration/prosody.py."""
    home = tmp_path / "prosody"
    home.mkdir()
    server = Prosody(home)
    server.start()
    yield server
    server.stop()
