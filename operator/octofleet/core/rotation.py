"""Other passwords for bridges and the operator without a dropped call: one safe step at a time.

Pure, and read off what is seen, so that a restarted operator goes on where the last one stopped.

* A request, not taken up yet, gives the Secret another generation of passwords beside the first.
* Prosody, while it runs, is given accounts of that generation.
* Once it takes them, that generation is the current one: for the regions an upgrade, so new bridges
  come with it, are proven, and the old ones drain. Both accounts are good meanwhile.
* When nobody uses the old accounts any more, they go. Unknown isn't nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import ConditionType, Reason, Verdict
from octofleet.core.observation import Timestamp

__all__ = [
    "Begin",
    "Register",
    "Retire",
    "Seen",
    "Step",
    "Switch",
    "older",
    "step",
    "told",
    "verdict",
]

AWAY_SECONDS: Final = 24 * 3600.0
"""A bridge in another Kubernetes may be cut off for a while: so long its account waits for it."""

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a rotation is judged by."""

    current: int
    """The generation of accounts that new bridges get."""
    kept: frozenset[int]
    """Those whose passwords are in the Secret."""
    asked: str = ""
    """The request; another text is another request."""
    answered: str = ""
    """The last one that was taken up."""
    switched_at: Timestamp | None = None
    taken: Mapping[int, bool | None] | None = None
    """By generation, whether Prosody takes its bridges' password; None: not known."""
    used: frozenset[int] | None = None
    """Generations that a bridge logs in with, or may again; None: not known."""
    elsewhere: bool = False
    """There may be bridges in another Kubernetes, which aren't always seen."""

    def takes(self, generation: int) -> bool | None:
        """Return whether Prosody takes a generation's password, None when that isn't known."""
        return (self.taken or {}).get(generation)


@dataclass(frozen=True, slots=True)
class Begin:
    """Make passwords of another generation."""

    generation: int
    asked: str


@dataclass(frozen=True, slots=True)
class Register:
    """Give Prosody accounts of a generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Switch:
    """Make a generation the current one."""

    generation: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Take a generation's accounts from Prosody, then its passwords out of the Secret."""

    generation: int


Step = Begin | Register | Switch | Retire


def older(seen: Seen) -> tuple[int, ...]:
    """Return the generations before the current one that are still good, the oldest first."""
    return tuple(sorted(each for each in seen.kept if each < seen.current))


def step(seen: Seen, now: Timestamp) -> Step | None:
    """Return the next step, None when there is nothing to do but wait."""
    coming = _coming(seen)
    if coming is not None:
        return Switch(coming) if seen.takes(coming) is True else Register(coming)
    for each in older(seen):
        if _is_unused(seen, each, now):
            return Retire(each)
        if seen.takes(each) is False:
            # Prosody started anew and knows the current one alone; these bridges come back.
            return Register(each)
    if seen.asked and seen.asked != seen.answered and not older(seen):
        return Begin(seen.current + 1, seen.asked)
    return None


def verdict(
    seen: Seen, trouble: str, *, refused: bool, restored: bool, secret: str, prosody: str
) -> Verdict:
    """Return what is to be said of a cluster's credentials.

    Args:
        seen: What is known.
        trouble: Why the last step couldn't be done; empty when it could.
        refused: Prosody refuses the operator, whichever account it comes as.
        restored: The Secret was deleted, and put back as it was.
        secret: The Secret's name.
        prosody: The name of Prosody's Deployment.
    """
    kind = ConditionType.CREDENTIALS
    if refused:
        text = (
            f"Prosody refuses the passwords in Secret {secret}, as when that was deleted or changed"
            " while Prosody ran: bridges that run go on, but one that starts can't register. Put"
            " back what was in the Secret; if that is lost, restart Deployments"
            f" {prosody} and Jicofo's at a quiet time, which ends calls, so that both take the new"
            " ones"
        )
        return Verdict(kind, FALSE, Reason.PASSWORDS_REFUSED, text)
    if trouble:
        text = (
            f"passwords can't be changed: {trouble}; nothing is broken by that, bridges keep those"
            " they have"
        )
        return Verdict(kind, FALSE, Reason.ROTATION_BLOCKED, text)
    if (stage := _stage(seen)) is not None:
        return Verdict(kind, UNKNOWN, Reason.ROTATING, stage)
    if restored:
        text = (
            f"Secret {secret} was deleted and is put back as it was, since bridges and Prosody use"
            " what is in it; for other passwords: octofleet rotate-credentials CLUSTER"
        )
        return Verdict(kind, TRUE, Reason.SECRET_RESTORED, text)
    return Verdict(kind, TRUE, Reason.PASSWORDS_TAKEN, "bridges and the operator have one each")


def told(done: Step) -> str:
    """Return a step in words, for the log."""
    match done:
        case Begin(generation, _):
            return f"Made passwords of generation {generation}"
        case Register(generation):
            return f"Gave Prosody accounts of generation {generation}"
        case Switch(generation):
            return f"New bridges use accounts of generation {generation}"
        case Retire(generation):
            return f"Took accounts of generation {generation} away"
        case _:
            assert_never(done)


def _coming(seen: Seen) -> int | None:
    return max((each for each in seen.kept if each > seen.current), default=None)


def _is_unused(seen: Seen, generation: int, now: Timestamp) -> bool:
    if seen.used is None or generation in seen.used:
        return False
    # What was switched before this was written down was switched long ago.
    since = now - (seen.switched_at or 0.0)
    return not seen.elsewhere or since >= AWAY_SECONDS


def _stage(seen: Seen) -> str | None:
    """Return where a rotation stands, None when there is none."""
    coming, old = _coming(seen), older(seen)
    if coming is not None:
        return f"Prosody is being given accounts of generation {coming}"
    if old:
        text = f"bridges are replaced by such with passwords of generation {seen.current}; the"
        text += f" accounts of generation {', '.join(map(str, old))} stay good"
        if seen.elsewhere:
            return (
                f"{text} for a day, and as long as a bridge uses them: apply what octofleet"
                " join-token CLUSTER prints in every Kubernetes that joined"
            )
        return f"{text} until no bridge uses them"
    if seen.asked and seen.asked != seen.answered:
        return "other passwords are about to be made"
    return None
