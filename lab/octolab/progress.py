"""Named steps on the terminal, each with the time it took. Safe to use from several threads."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator

from rich.console import Console

from octolab.errors import LabError

__all__ = ["Progress", "wait_until"]


class Progress:
    """Prints one line when a step begins to take long or ends, with the time since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begin = time.monotonic()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def step(self, name: str) -> Generator[None]:
        """Name what is being done; print its time at the end, or that it failed."""
        begin = time.monotonic()
        if self._console.is_terminal:
            self._line(name, "[dim]…[/dim]")
        try:
            yield
        except BaseException:
            self._line(name, f"[red]failed[/red] after {time.monotonic() - begin:.1f}s")
            raise
        self._line(name, f"[green]done[/green] {time.monotonic() - begin:.1f}s")

    def skip(self, name: str) -> None:
        """Say that a step's result stood already."""
        self._line(name, "[dim]cached[/dim]")

    def say(self, text: str) -> None:
        """Print a line as it is."""
        with self._lock:
            self._console.print(text, highlight=False, soft_wrap=True)

    def _line(self, name: str, result: str) -> None:
        self.say(f"  [dim]{time.monotonic() - self._begin:6.1f}s[/dim]  {name:<44} {result}")


def wait_until(what: str, seconds: float, check: Callable[[], str]) -> None:
    """Wait until a check has nothing to complain about.

    Args:
        what: What is awaited, for the message.
        seconds: How long to wait at most.
        check: Returns an empty string once all is well, else what is missing. A LabError counts
            as missing.

    Raises:
        LabError: it took too long; the message says what was missing last.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            missing = check()
        except LabError as error:
            missing = str(error)
        if not missing:
            return
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds:.0f} s: {missing}")
        time.sleep(0.1)
