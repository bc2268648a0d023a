"""A minimal focus: the lab's stand-in for Jicofo.

It watches the brewery, judges bridges and places people by Jicofo's rules, speaks Colibri2 as
Jicofo was recorded to, and offers the parts of Jicofo's HTTP interface that the operator uses.
"""

from octoload.focus.app import run
from octoload.focus.settings import FocusSettings, SettingsError

__all__ = ["FocusSettings", "SettingsError", "run"]
