"""Conferences, Colibri2, forwarding plans, stress and shutdown: pure, with `now` as an argument."""
