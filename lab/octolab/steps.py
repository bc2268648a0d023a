"""A step of provisioning: due only if its inputs changed or what it makes is missing."""

from collections.abc import Callable
from dataclasses import dataclass

from octolab.cache import Cache, is_due
from octolab.progress import Progress

__all__ = ["Step", "run_step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to make: its name, a hash of its inputs, whether it stands, and how it is made."""

    name: str
    stamp: Callable[[], str]
    stands: Callable[[], bool]
    make: Callable[[], None]


def run_step(step: Step, cache: Cache, progress: Progress) -> None:
    """Run a step if it is due; note its stamp only once it is done."""
    stamp = step.stamp()
    if not is_due(stamp, cache.stamp(step.name), stands=step.stands()):
        progress.skip(step.name)
        return
    with progress.step(step.name):
        cache.forget(step.name)
        step.make()
        cache.write_stamp(step.name, stamp)
