"""Who dominates a conversation: the speaker, not whoever coughs.

Each person's audio levels of the last two seconds are judged over three spans at once: now
(one frame), a tenth of a second, one second. A challenger takes over only if, set against the
one who dominates, he is clearly louder now *and* over the tenth *and* at least as active over
the second. What counts is the number of active parts of a span, not loudness as such, and each
person's own background noise is taken for silence.

Pure and cheap: a level costs a few operations, a decision is made every 0.3 s over those only
who have made a sound lately.

Source: Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing",
2012; constants and treatment of levels as in jitsi-utils' DominantSpeakerIdentification (which
mediasoup's ActiveSpeakerObserver follows, too).
"""

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["DECISION_SECONDS", "LOUDEST", "DominantSpeaker"]

DECISION_SECONDS: Final = 0.3
LOUDEST: Final = 127
"""The greatest level; 0 is silence."""

IDLE_SECONDS: Final = 0.04
"""After this without a level a frame of silence is assumed, and another one each time again."""
FRAMES: Final = 50
"""Levels kept: one long span."""
BANDS: Final = 13
"""Parts a level is divided into; also the frames' "sub-bands" of the paper."""
BAND_WIDTH: Final = (LOUDEST + BANDS - 1) // BANDS
FRAMES_PER_MEDIUM: Final = 5
MEDIUMS: Final = FRAMES // FRAMES_PER_MEDIUM
MEDIUM_THRESHOLD: Final = 7
"""A frame with more active bands is active."""
LONG_THRESHOLD: Final = 4
"""A medium span with more active frames is active."""
NOISE_WINDOW: Final = 750
"""Levels (15 s at 20 ms) after which a person's background noise may be found to have risen."""
NEEDED: Final = (3.0, 2.0, 0.0)
"""By how much a challenger must be ahead, as a logarithm, now and over the two spans."""
LEAST_SCORE: Final = 1e-10


def _score(active: int, of: int, rate: float) -> float:
    """Return how surely so many active parts are speech (binomial against exponential)."""
    score = math.log(math.comb(of, active)) + of * math.log(0.5) - math.log(rate) + rate * active
    return max(score, LEAST_SCORE)


def _scores(of: int, rate: float) -> tuple[float, ...]:
    return tuple(_score(active, of, rate) for active in range(of + 1))


_NOW: Final = _scores(BANDS, 0.78)
_MEDIUM: Final = _scores(FRAMES_PER_MEDIUM, 24.0)
_LONG: Final = _scores(MEDIUMS, 47.0)
_SILENT: Final = (_NOW[0], _MEDIUM[0], _LONG[0])


class _Speaker:
    """One person's levels, latest last in a ring, and noise floor."""

    __slots__ = ("at", "floor", "levels", "place", "quiet", "rising", "window")

    def __init__(self, at: float) -> None:
        self.levels = bytearray(FRAMES)
        self.place = 0
        """Where the next level goes."""
        self.quiet = FRAMES
        """How many of the latest levels are silence, at most all."""
        self.at = at
        """Up to when levels are known or assumed."""
        self.floor = 0
        self.rising = 0
        self.window = 0

    def push(self, level: int) -> None:
        self.levels[self.place] = level
        self.place = (self.place + 1) % FRAMES
        self.quiet = 0 if level else min(FRAMES, self.quiet + 1)

    def fill(self, now: float) -> None:
        """Assume silence since the last level, frame by frame."""
        missed = int((now - self.at) / IDLE_SECONDS)
        if missed <= 0:
            return
        self.at += missed * IDLE_SECONDS
        if self.quiet >= FRAMES:
            return
        for _ in range(min(missed, FRAMES)):
            self.push(0)

    def learn_noise(self, level: int) -> None:
        """Lower the noise floor at once; raise it slowly, by what was lowest for long."""
        if self.floor == 0 or level < self.floor:
            self.floor, self.rising, self.window = level, 0, 0
            return
        self.rising = level if self.rising == 0 else min(self.rising, level)
        self.window += 1
        if self.window >= NOISE_WINDOW:
            self.floor = int(math.sqrt(self.floor * self.rising))
            self.rising = self.window = 0

    def scores(self) -> tuple[float, float, float]:
        """Return the activity now, over the medium and over the long span."""
        if self.quiet >= FRAMES:
            return _SILENT
        heard = self.floor + BAND_WIDTH
        levels = self.levels[self.place :] + self.levels[: self.place]
        levels.reverse()
        bands = [level // BAND_WIDTH if level >= heard else 0 for level in levels]
        mediums = _active(bands, FRAMES_PER_MEDIUM, MEDIUM_THRESHOLD)
        (long,) = _active(mediums, MEDIUMS, LONG_THRESHOLD)
        return _NOW[min(bands[0], BANDS)], _MEDIUM[mediums[0]], _LONG[long]


def _active(parts: Sequence[int], size: int, threshold: int) -> list[int]:
    """Return, for each run of `size` parts, how many are above the threshold."""
    return [
        sum(part > threshold for part in parts[start : start + size])
        for start in range(0, len(parts), size)
    ]


class DominantSpeaker:
    """One conversation; speakers are whatever ids the caller uses, times are seconds."""

    def __init__(self) -> None:
        self.dominant: str | None = None
        self._speakers: dict[str, _Speaker] = {}
        self._decided_at = -math.inf

    def __len__(self) -> int:
        return len(self._speakers)

    def level(self, speaker: str, level: int, at: float) -> None:
        """Take one level: 0 silence to 127 loudest. Levels that come late count as just now."""
        known = self._speakers.get(speaker)
        if known is None:
            known = self._speakers[speaker] = _Speaker(at)
        if at > known.at:
            if at - known.at > 2 * IDLE_SECONDS:
                known.fill(at - IDLE_SECONDS)
            known.at = at
        level = min(max(level, 0), LOUDEST)
        known.push(level)
        if level:
            known.learn_noise(level)

    def forget(self, speaker: str) -> None:
        """Let go of someone who left; if that one dominated, the next decision finds another."""
        self._speakers.pop(speaker, None)
        if self.dominant == speaker:
            self.dominant = None

    def decide(self, now: float) -> str | None:
        """Return who dominates from now on, if that changed; at most every 0.3 s."""
        if now - self._decided_at < DECISION_SECONDS or not self._speakers:
            return None
        self._decided_at = now
        for speaker in self._speakers.values():
            speaker.fill(now)
        chosen = self._first() if self.dominant is None else self._challenger(self.dominant)
        if chosen is None or chosen == self.dominant:
            return None
        self.dominant = chosen
        return chosen

    def scores(self) -> dict[str, tuple[float, float, float]]:
        """Return everybody's activity now and over the two spans, for `/debug`."""
        return {name: speaker.scores() for name, speaker in self._speakers.items()}

    def _first(self) -> str:
        """Return the most active one; with nobody active, who was heard of first."""
        return max(self._speakers, key=lambda name: self._speakers[name].scores()[::-1])

    def _challenger(self, dominant: str) -> str | None:
        against = self._speakers[dominant].scores()
        best, ahead = None, NEEDED[1]
        for name, speaker in self._speakers.items():
            if name == dominant or speaker.quiet:
                # Who is silent right now takes nothing over.
                continue
            lead = [math.log(a / b) for a, b in zip(speaker.scores(), against, strict=True)]
            enough = all(had > needed for had, needed in zip(lead, NEEDED, strict=True))
            # Challengers compete among themselves by the medium span.
            if enough and lead[1] > ahead:
                best, ahead = name, lead[1]
        return best
