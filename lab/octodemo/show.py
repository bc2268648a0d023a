"""The demo's screen: regions, bridges, participants, stress, and decisions as they fall."""

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from octodemo.fleet import Watcher

__all__ = ["Screen"]


class Screen:
    """A live view on a terminal; plain lines, only on changes, where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._phase = ""
        self._printed = ""

    def __enter__(self) -> "Screen":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def phase(self, text: str) -> None:
        """Say what the demo does now."""
        self._phase = text
        self._console.print(Text(f"» {text}", style="bold"))

    def show(self, watcher: Watcher, people: str) -> None:
        """Draw the newest look of the watcher and the crowd's own count."""
        view = watcher.last
        if view is None:
            return
        if self._live is not None:
            self._live.update(self._picture(watcher, people), refresh=True)
            return
        bridges = " ".join(
            f"{one.name}:{one.state}:{'?' if one.participants is None else one.participants}"
            for one in view.bridges
        )
        line = f"  wanted {view.desired} ready {view.ready} | {bridges} | {view.decision}"
        if line != self._printed:
            self._console.print(line, highlight=False)
            self._printed = line

    def _picture(self, watcher: Watcher, people: str) -> Group:
        view = watcher.views[-1]
        table = Table(title=f"{watcher.region}: wanted {view.desired}, ready {view.ready}")
        for column in ("bridge", "node", "state", "participants", "stress"):
            table.add_column(column)
        for one in view.bridges:
            table.add_row(
                one.name,
                one.node,
                one.state,
                "?" if one.participants is None else str(one.participants),
                "?" if one.stress is None else f"{one.stress:.2f}",
            )
        decisions = [Text(f"  {text}") for _, text in watcher.decisions[-6:]]
        return Group(table, Text(people), Text("decisions", style="bold"), *decisions)
