"""`octoload focus`: configured by the stock image's variables, ends on SIGTERM."""

import asyncio
import os
import sys

from octoload.focus.app import run as run_focus
from octoload.focus.settings import FocusSettings, SettingsError

__all__ = ["run"]


def run() -> None:
    """Run the focus until it is told to stop."""
    try:
        settings = FocusSettings.from_env(os.environ)
    except SettingsError as error:
        sys.exit(f"octoload focus: {error}")
    try:
        asyncio.run(run_focus(settings))
    except OSError as error:
        sys.exit(f"octoload focus: can't listen: {error}")


if __name__ == "__main__":
    run()
