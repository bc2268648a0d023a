"""Package octoengine."""
