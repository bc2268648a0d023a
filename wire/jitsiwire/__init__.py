"""Package jitsiwire."""
