"""Package octoload."""
