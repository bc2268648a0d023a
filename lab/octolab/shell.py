"""Run a program to its end and say what it said if it failed."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from octolab.errors import CommandError

__all__ = ["CommandError", "run", "succeeds"]

TAIL = 30


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
) -> str:
    """Run a program and return what it printed.

    Args:
        command: The program and its arguments.
        cwd: Where to run it.
        environment: Variables on top of this program's own.
        text: What it reads from its standard input.

    Raises:
        CommandError: it ended with another status than 0; the message has its last lines.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            input=text or "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(f"{command[0]}: not found") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-TAIL:])
        shown = " ".join(str(part) for part in command[:6])
        raise CommandError(f"{shown}: exit {done.returncode}\n{said}")
    return done.stdout


def succeeds(command: Sequence[str | Path]) -> bool:
    """Tell whether a program ends with status 0."""
    try:
        run(command)
    except CommandError:
        return False
    return True
