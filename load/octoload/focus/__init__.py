"""Package focus."""
