"""What holds for every test.

Properties have no deadline, since no test asserts speed. A test of real parts in real time gets a
second try (docs/decisions/0007-second-tries.md).
"""

import asyncio
import os
from pathlib import Path

import hypothesis
import pytest

# pytest-asyncio asks for the current loop before it makes its own. A fresh main thread answers by
# making one that nobody closes, and its ResourceWarning fails whichever test runs when it is
# collected. Once told that there is none, asyncio makes none.
asyncio.set_event_loop(None)

hypothesis.settings.register_profile(
    "octofleet",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    # The same examples in every run of CI, new ones at a desk.
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("octofleet")

ROOT = Path(__file__).parent
REAL_TIME = [
    ROOT / folder
    for folder in (
        "component/control",
        "component/focus",
        "component/bridge",
        "component/lab",
        "contract",
        "e2e",
        "integration",
        "unit/engine",
        "unit/transport",
    )
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a second try to tests that the machine's other work can hold up."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in REAL_TIME):
            item.add_marker(pytest.mark.flaky(reruns=1))
