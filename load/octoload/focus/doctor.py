"""When to ask a bridge whether it is well, and what its answer means: Jicofo's JvbDoctor.

Every bridge is asked once an interval. Silence is asked again after half an interval, and only
the second silence counts. An answer with an unusual error says nothing. By presence instead of
IQs, nothing is asked: what the bridge last published is judged at the same pace.
"""

from dataclasses import dataclass, field
from enum import Enum

from jitsiwire.bridge_view import BridgeView

__all__ = ["Diagnosis", "Doctor", "HealthAnswer"]


class HealthAnswer(Enum):
    """What came back to a health check."""

    WELL = "well"
    ILL = "ill"
    """internal-server-error or service-unavailable."""
    UNCLEAR = "unclear"
    """Any other error."""
    SILENCE = "silence"


class Diagnosis(Enum):
    """What follows for the bridge."""

    PASSED = "passed"
    FAILED = "failed"
    """Not operational, and its conferences are moved."""
    TIMED_OUT = "timed out"
    """Not operational; its conferences stay."""


@dataclass(slots=True)
class _Patient:
    due: float
    asked: bool = False
    retrying: bool = False


@dataclass(slots=True)
class Doctor:
    """Keeps the appointments."""

    interval: float = 10.0
    presence_timeout: float = 45.0
    _patients: dict[str, _Patient] = field(default_factory=dict[str, _Patient])

    def admit(self, bridge: str, now: float) -> None:
        """A bridge came; its first check is an interval away."""
        self._patients.setdefault(bridge, _Patient(now + self.interval))

    def discharge(self, bridge: str) -> None:
        """A bridge left."""
        self._patients.pop(bridge, None)

    def due(self, now: float) -> tuple[str, ...]:
        """Return whom to ask now; each of them only once until `answered`."""
        found = [b for b, patient in self._patients.items() if not patient.asked]
        found = [b for b in found if self._patients[b].due <= now]
        for bridge in found:
            self._patients[bridge].asked = True
        return tuple(found)

    def answered(self, bridge: str, answer: HealthAnswer, now: float) -> Diagnosis | None:
        """Take an answer; None says nothing about the bridge."""
        patient = self._patients.get(bridge)
        if patient is None:
            return None
        patient.asked = False
        if answer is HealthAnswer.SILENCE and not patient.retrying:
            patient.retrying, patient.due = True, now + self.interval / 2
            return None
        patient.retrying, patient.due = False, now + self.interval
        return {
            HealthAnswer.WELL: Diagnosis.PASSED,
            HealthAnswer.ILL: Diagnosis.FAILED,
            HealthAnswer.SILENCE: Diagnosis.TIMED_OUT,
        }.get(answer)

    def judge_presence(self, view: BridgeView, now: float) -> Diagnosis:
        """Judge a bridge by what it last published, instead of asking it."""
        self.answered(view.jid, HealthAnswer.UNCLEAR, now)
        if view.last_presence is None or now - view.last_presence > self.presence_timeout:
            return Diagnosis.TIMED_OUT
        return Diagnosis.PASSED if view.healthy else Diagnosis.FAILED
