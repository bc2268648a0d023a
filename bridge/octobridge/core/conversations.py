"""Who speaks, in every conference of the bridge: from the engine's audio levels to what follows.

A change of the dominant speaker is told to the conference's clients and to `adaptation`.

Decisions are made as levels come in, a few dozen times a second while anyone speaks; when nobody
does there's nothing to decide.

Source: JVB Conference.java (recentSpeakersChanged).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from octobridge.core.conference import Conference
from octobridge.core.dominant import LOUDEST
from octobridge.core.effects import Effect
from octobridge.core.messages import adaptation_of
from octobridge.core.registry import Registry
from octobridge.core.telling import tell

__all__ = ["Conversations", "Level"]

Level = tuple[int, int, int, int]
"""Transport, SSRC, level as on the wire (0 loud, 127 silent), milliseconds of a steady clock."""


@dataclass(slots=True)
class Conversations:
    """See the module."""

    registry: Registry
    _clock_offset: float | None = None
    """From the engine's clock to `now`: the least seen, which is that of the least delay."""

    def levels(self, levels: Iterable[Level], now: float) -> list[Effect]:
        """Take audio levels and return what follows from them."""
        heard: dict[int, Conference] = {}
        latest = 0.0
        for transport, _, level, milliseconds in levels:
            found = self.registry.by_transport(transport)
            if found is None or found[1].visitor:
                continue
            conference, endpoint = found
            at = self._time(milliseconds / 1000, now)
            latest = max(latest, at)
            conference.speech.level(endpoint.id, LOUDEST - level, at)
            heard[conference.group] = conference
        effects: list[Effect] = []
        for conference in heard.values():
            effects += self._decide(conference, latest)
        return effects

    def _decide(self, conference: Conference, now: float) -> list[Effect]:
        """Decide as of when the latest level was spoken: our own lateness is no silence."""
        chosen = conference.speech.decide(now)
        speaker = None if chosen is None else conference.find(chosen)
        if speaker is None:
            return []
        self.registry.counters.dominant_speaker_changes += 1
        order = conference.speech.order(endpoint.id for endpoint in conference.endpoints)
        adaptation = adaptation_of(conference)
        effects = [] if adaptation is None else adaptation.set_speech_order(order)
        notice = conference.speech.notice()
        return effects + (tell(conference.endpoints, notice) if notice is not None else [])

    def _time(self, at: float, now: float) -> float:
        offset = now - at
        if self._clock_offset is None or offset < self._clock_offset:
            self._clock_offset = offset
        return at + self._clock_offset
