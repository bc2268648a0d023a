"""Package octofleet."""
