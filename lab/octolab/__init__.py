"""Package octolab."""
