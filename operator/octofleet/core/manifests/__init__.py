"""Kubernetes objects as plain dicts: one pure builder a kind, dict or None when not wanted."""
