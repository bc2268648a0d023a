"""Feeds a target with spoiled inputs for as long as it's told, and keeps what broke it.

Not guided by coverage, as libFuzzer is for the Rust parsers: what it goes by is what a target
answers. An input that makes it answer something new (another error, another kind of message)
joins the corpus, so that later ones are spoiled further from there. An input that takes more than
a second of CPU is a hang. A broken target's inputs since its last fresh start go to a file.
"""

import asyncio
import json
import re
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol

HANG_SECONDS = 1.0
"""Of CPU, so that a busy machine isn't a hang."""
FRESH_EVERY = 400
"""Inputs that one state of the target sees."""
MOST_CORPUS = 4_000
NUMBERS = re.compile(r"\d+|'[^']*'|\"[^\"]*\"|=\S+")


class Hang(BaseException):
    """An input took too long. Not an Exception, so that no parser swallows it."""


class Target(Protocol):
    """One parser and what stands behind it."""

    name: str

    def seeds(self) -> Sequence[bytes]:
        """Return real inputs."""
        ...

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        """Return a changed input."""
        ...

    async def start(self) -> None:
        """Begin from a fresh state."""
        ...

    async def feed(self, data: bytes) -> str:
        """Take one input; return what came of it. Whatever it raises is a crash."""
        ...

    async def stop(self) -> None:
        """Let the state go."""
        ...


@dataclass
class Result:
    """What a target went through."""

    name: str
    inputs: int = 0
    crashes: int = 0
    hangs: int = 0
    behaviours: set[str] = field(default_factory=set[str])
    files: list[Path] = field(default_factory=list[Path])

    def line(self) -> str:
        found = "".join(f"\n    kept in {path}" for path in self.files)
        return (
            f"  {self.name}: {self.inputs} inputs, {len(self.behaviours)} behaviours, "
            f"{self.crashes} crashes, {self.hangs} hangs{found}"
        )


def fuzz(target: Target, seed: int, going_on: Callable[[int], bool]) -> Result:
    """Run a target in a loop of its own while `going_on(inputs)`."""
    return asyncio.run(_Run(target, seed).run(going_on))


class _Run:
    def __init__(self, target: Target, seed: int) -> None:
        self.target = target
        self.random = Random(seed)
        self.result = Result(target.name)
        self.corpus = list(target.seeds())
        self.history: list[bytes] = []

    async def run(self, going_on: Callable[[int], bool]) -> Result:
        with _watch():
            await self.target.start()
            # The real inputs first, as they are: they must do what they did.
            for data in list(self.corpus):
                await self._feed(data)
            while going_on(self.result.inputs):
                one, other = self.random.choice(self.corpus), self.random.choice(self.corpus)
                await self._feed(self.target.spoil(one, other, self.random))
            await self.target.stop()
        return self.result

    async def _feed(self, data: bytes) -> None:
        if len(self.history) >= FRESH_EVERY:
            await self._afresh()
        self.history.append(data)
        self.result.inputs += 1
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        try:
            behaviour = NUMBERS.sub("#", await self.target.feed(data))
        except Hang:
            self.result.hangs += 1
            await self._broke("hang")
        except Exception:
            self.result.crashes += 1
            await self._broke(traceback.format_exc())
        else:
            if behaviour not in self.result.behaviours and len(self.corpus) < MOST_CORPUS:
                self.result.behaviours.add(behaviour)
                self.corpus.append(data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    async def _broke(self, why: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        kept = {"target": self.target.name, "why": why, "inputs": [d.hex() for d in self.history]}
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"fuzz-{self.target.name}-", suffix=".json", delete=False
        ) as file:
            json.dump(kept, file)
        self.result.files.append(Path(file.name))
        print(f"{self.target.name}: {why}\nkept in {file.name}", flush=True)
        await self._afresh()

    async def _afresh(self) -> None:
        self.history.clear()
        await self.target.stop()
        await self.target.start()


@contextmanager
def _watch() -> Generator[None]:
    def ring(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def until(deadline: float) -> Callable[[int], bool]:
    """Go on until a moment of the monotonic clock."""
    return lambda _: time.monotonic() < deadline


def times(count: int) -> Callable[[int], bool]:
    """Go on for so many inputs."""
    return lambda inputs: inputs < count
