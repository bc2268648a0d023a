"""A conference's speakers: who dominates, who did lately, and everyone in order of speech.

`dominant` decides, this remembers. Nobody is in the order before having dominated; the others
follow in the order they came, which `order` is told.

Source: JVB ConferenceSpeechActivity, RecentSpeakersList.
"""

from collections.abc import Iterable
from typing import Final

from jitsiwire.bridge_channel import DominantSpeakerEndpointChangeEvent
from octobridge.core.dominant import DominantSpeaker

__all__ = ["RECENT", "Speech"]

RECENT: Final = 10
"""How many earlier speakers clients are told of."""


class Speech:
    """Speech in one conference; endpoints by id, times in seconds."""

    def __init__(self) -> None:
        self._identification = DominantSpeaker()
        self._history: list[str] = []
        self._left = self._succeeded = False

    @property
    def dominant(self) -> str | None:
        """Who speaks, as far as is known; stays when everyone falls silent."""
        return self._identification.dominant

    @property
    def recent(self) -> tuple[str, ...]:
        """The latest speakers still here, the present one first, then up to ten others."""
        return tuple(self._history[: 1 + RECENT])

    def level(self, endpoint_id: str, level: int, at: float) -> None:
        """Take an audio level: 0 silence to 127 loudest."""
        self._identification.level(endpoint_id, level, at)

    def decide(self, now: float) -> str | None:
        """Return who speaks from now on, if that changed."""
        chosen = self._identification.decide(now)
        if chosen is None:
            return None
        if chosen in self._history:
            self._history.remove(chosen)
        self._history.insert(0, chosen)
        return chosen

    def leave(self, endpoint_id: str) -> None:
        """Forget someone who left."""
        self._identification.forget(endpoint_id)
        if endpoint_id in self._history:
            self._left = True
            self._succeeded |= self._history[0] == endpoint_id
            self._history.remove(endpoint_id)

    def departure(self) -> tuple[bool, bool]:
        """Return whether any speaker left since the last call, and whether the latest one did."""
        found = self._left, self._succeeded
        self._left = self._succeeded = False
        return found

    def order(self, endpoint_ids: Iterable[str]) -> tuple[str, ...]:
        """Return these endpoints, the latest speaker first, those who never spoke as given."""
        here = dict.fromkeys(endpoint_ids)
        spoke = [name for name in self._history if name in here]
        return tuple(dict.fromkeys((*spoke, *here)))

    def notice(self) -> DominantSpeakerEndpointChangeEvent | None:
        """Return what clients are told; None before anyone spoke."""
        recent = self.recent
        if not recent:
            return None
        return DominantSpeakerEndpointChangeEvent(
            dominant_speaker_endpoint=recent[0], previous_speakers=recent[1:]
        )

    def activity(self) -> dict[str, dict[str, float]]:
        """Return how active everyone is, for `/debug`."""
        return {
            name: {"immediate": now, "medium": medium, "long": long}
            for name, (now, medium, long) in self._identification.scores().items()
        }
