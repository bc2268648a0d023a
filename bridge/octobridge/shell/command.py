"""From the environment to a running process and its exit status."""

import asyncio
import os
import secrets
import socket
import sys

from octobridge.shell import logs, process, settings

__all__ = ["run"]


def run() -> int:
    """Run until shutdown is complete; return the exit status."""
    try:
        configured = settings.read(os.environ, socket.gethostname())
    except settings.SettingsError as error:
        print(f"octobridge: {error}", file=sys.stderr)  # noqa: T201 - for the person who starts it
        return 2
    logs.configure(configured.log_level)
    try:
        asyncio.run(process.run(configured, secrets.token_bytes))
    except process.StartError as error:
        print(f"octobridge: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0
