"""Jitsi's vocabulary and rules, pure: Colibri2, brewery statistics, Jicofo's view and choice.

Operator, bridge and load meet only here. Pinned to recorded traffic of the real servers
(`tests/contract`).
"""
