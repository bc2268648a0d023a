"""Who speaks, in every conference of the bridge: from the engine's audio levels to what follows.

A change of the dominant speaker is told to the conference's clients and to `adaptation`; when one
of the latest speakers leaves, clients are told who is left of them. Where it pays, the new speaker
is asked for a keyframe before the receivers do so one by one: late enough that they have switched
to him when it comes.

Decisions are made as levels come in, a few dozen times a second while anyone speaks; when nobody
does there's nothing to decide.

Source: JVB Conference.java (recentSpeakersChanged, maybeSendKeyframeRequest).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from jitsiwire.bridge_channel import VideoType
from octobridge.core.conference import Conference
from octobridge.core.dominant import LOUDEST
from octobridge.core.effects import Effect, RequestKeyframe
from octobridge.core.ownership import Person
from octobridge.core.registry import Registry
from octobridge.core.telling import tell

__all__ = ["Conversations", "Level"]

Level = tuple[int, int, int, int]
"""Transport, SSRC, level as on the wire (0 loud, 127 silent), milliseconds of a steady clock."""
KEYFRAME_MARGIN: Final = 0.01


@dataclass(slots=True)
class _Request:
    """A keyframe to ask for at a later moment."""

    due: float
    transport: int
    ssrcs: tuple[int, ...]


@dataclass(slots=True)
class Conversations:
    """See the module."""

    registry: Registry
    _requests: list[_Request] = field(default_factory=list[_Request])
    _clock_offset: float | None = None
    """From the engine's clock to `now`: the least seen, which is that of the least delay."""

    def levels(self, levels: Iterable[Level], now: float) -> list[Effect]:
        """Take audio levels and return what follows from them."""
        heard: dict[int, Conference] = {}
        latest = 0.0
        for transport, ssrc, level, milliseconds in levels:
            found = self._speaker(transport, ssrc)
            if found is None:
                continue
            conference, name = found
            at = self._time(milliseconds / 1000, now)
            if at > latest:
                latest = at
            conference.speech.level(name, LOUDEST - level, at)
            heard[conference.group] = conference
        effects: list[Effect] = []
        for conference in heard.values():
            effects += self._decide(conference, latest)
        return effects + self.due(now)

    def departures(self, now: float) -> list[Effect]:
        """Tell of the speakers who are left, where one has gone: the one before takes his place."""
        effects: list[Effect] = []
        for conference in self.registry.conferences:
            left, succeeded = conference.speech.departure()
            notice = conference.speech.notice()
            if not left or notice is None:
                continue
            speaker = conference.find_person(notice.dominant_speaker_endpoint)
            if succeeded and speaker is not None:
                self.registry.counters.dominant_speaker_changes += 1
                self._plan_keyframe(conference, speaker, now)
            effects += tell(conference.endpoints, notice)
        return effects

    def due(self, now: float) -> list[Effect]:
        """Return the keyframe requests whose time has come."""
        ready = [request for request in self._requests if request.due <= now]
        if not ready:
            return []
        self._requests = [request for request in self._requests if request.due > now]
        return [
            RequestKeyframe(request.transport, ssrc) for request in ready for ssrc in request.ssrcs
        ]

    def _speaker(self, transport: int, ssrc: int) -> tuple[Conference, str] | None:
        """Return who speaks: a client of ours, or somebody whose bridge sends us his voice."""
        here = self.registry.by_transport(transport)
        if here is not None:
            return None if here[1].visitor else (here[0], here[1].id)
        relay = self.registry.relay_by_transport(transport)
        name = None if relay is None else relay[0].sender(transport, ssrc)
        return None if relay is None or name is None else (relay[0], name)

    def _decide(self, conference: Conference, now: float) -> list[Effect]:
        """Decide as of when the latest level was spoken: our own lateness is no silence."""
        chosen = conference.speech.decide(now)
        speaker = None if chosen is None else conference.find_person(chosen)
        if speaker is None:
            return []
        self.registry.counters.dominant_speaker_changes += 1
        order = conference.speech.order(person.id for person in conference.people)
        effects = conference.adaptation.set_speech_order(order)
        self._plan_keyframe(conference, speaker, now)
        notice = conference.speech.notice()
        return effects + (tell(conference.endpoints, notice) if notice is not None else [])

    def _plan_keyframe(self, conference: Conference, speaker: Person, now: float) -> None:
        """Ask for one only where several look on and someone shows a camera large."""
        if len(conference) <= 2:
            return
        counters = self.registry.counters
        ssrcs = _cameras(conference, speaker) if _is_camera_on_stage(conference, speaker) else ()
        if not ssrcs:
            counters.preemptive_keyframes_suppressed += 1
            return
        counters.preemptive_keyframes_sent += 1
        slowest = max((e.rtt_ms for e in conference.endpoints if e is not speaker), default=0.0)
        delay = max(0.0, slowest - self._rtt_ms(speaker)) / 1000 + KEYFRAME_MARGIN
        self._requests.append(_Request(now + delay, speaker.transport, ssrcs))

    def _rtt_ms(self, speaker: Person) -> float:
        """Return how far off somebody is, as far as his bridge's own part is known."""
        peer = self.registry.peer(speaker.transport)
        return 0.0 if peer is None else max(0.0, peer[1].rtt_ms)

    def _time(self, at: float, now: float) -> float:
        offset = now - at
        if self._clock_offset is None or offset < self._clock_offset:
            self._clock_offset = offset
        return at + self._clock_offset


def _is_camera_on_stage(conference: Conference, speaker: Person) -> bool:
    """Whether anyone but the speaker shows some camera large."""
    adaptation = conference.adaptation
    for endpoint in conference.endpoints:
        receiver = None if endpoint is speaker else adaptation.receiver(endpoint.id)
        if receiver is not None and any(
            adaptation.video_type(name) is VideoType.CAMERA for name in receiver.settings.on_stage
        ):
            return True
    return False


def _cameras(conference: Conference, speaker: Person) -> tuple[int, ...]:
    return tuple(
        picture.ssrc
        for picture in speaker.sources.pictures
        if conference.adaptation.video_type(picture.name) is VideoType.CAMERA
    )
