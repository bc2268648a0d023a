"""What holds for every test: properties have no deadline, since no test asserts speed."""

import asyncio
import os

import hypothesis

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
