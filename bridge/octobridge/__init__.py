"""Package octobridge."""
