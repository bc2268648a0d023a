"""Temporary folders that don't stay: not even those of a scenario that was killed."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

__all__ = ["scratch"]


@contextlib.contextmanager
def scratch(purpose: str) -> Generator[Path]:
    """Make a folder for as long as the context is open; sweep up what dead processes left."""
    prefix = f"octofleet-{purpose}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
