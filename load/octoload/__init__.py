"""Synthetic participants with real media, and in `focus` the lab's stand-in for Jicofo."""
