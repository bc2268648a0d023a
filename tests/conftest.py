"""What holds for every test: properties have no deadline, since no test asserts speed."""

import os

import hypothesis

hypothesis.settings.register_profile(
    "octofleet",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    # The same examples in every run of CI, new ones at a desk.
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("octofleet")
