"""The bridge's side of Colibri2: one request in, one reply and a list of effects out.

`Colibri.handle` is synchronous, so requests of one conference are handled in the order they are
given, which is the order they arrived in. Order of work and of checks follow the stock bridge,
because a focus reads meaning into which error it gets.

Source: JVB Colibri2ConferenceHandler.kt, Videobridge.java (lookup).
"""

from dataclasses import dataclass, field

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    MediaSource,
    Reason,
    Relay,
    Source,
)
from octobridge.core import endpoint_requests, relay_requests
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.refusal import Refusal
from octobridge.core.registry import Registry

__all__ = ["Colibri", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to send, and what must be done before it is sent."""

    reply: ConferenceModified | Colibri2Error
    effects: tuple[Effect, ...] = ()


@dataclass(slots=True)
class _Work:
    """What one request has come to so far."""

    effects: list[Effect] = field(default_factory=list[Effect])
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    relays: list[Relay] = field(default_factory=list[Relay])
    created_any: bool = False


class Colibri:
    """Handles Colibri2 requests on a `Registry`."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def handle(self, request: ConferenceModify, now: float) -> Outcome:
        """Do what is asked; errors keep what was done before them, as the stock bridge does.

        Args:
            request: As parsed; its meeting id is not blank.
            now: Seconds of any steady clock, the same one everywhere.
        """
        self.registry.counters.requests += 1
        work = _Work()
        try:
            reply = self._handle(request, work, now)
        except Refusal as refusal:
            self.registry.counters.requests_failed += 1
            return Outcome(refusal.error, tuple(work.effects))
        return Outcome(reply, tuple(work.effects))

    def _handle(self, request: ConferenceModify, work: _Work, now: float) -> ConferenceModified:
        conference = self._look_up(request, now)
        _validate(request)
        tolerant = _tolerates_unknown(request)
        for wanted in request.endpoints:
            done = endpoint_requests.handle(self.registry, conference, wanted, tolerant, now)
            work.effects.extend(done.effects)
            work.created_any |= done.created
            if done.error is not None:
                raise Refusal(done.error)
            if done.reply is not None:
                work.endpoints.append(done.reply)
        for relay in request.relays:
            self._handle_relay(conference, relay, work, now)
        self.registry.counters.connects_ignored += len(request.connects)
        emptied = not request.create and len(conference) == 0 and not conference.relays
        if request.expire or emptied:
            work.effects.extend(self.registry.remove_conference(conference, now))
        told = request.create or work.created_any
        return ConferenceModified(
            tuple(work.endpoints),
            tuple(work.relays),
            _feedback_sources(conference) if told else None,
        )

    def _handle_relay(self, conference: Conference, wanted: Relay, work: _Work, now: float) -> None:
        done = relay_requests.handle(self.registry, conference, wanted, now)
        work.effects.extend(done.effects)
        if done.refusal is not None:
            raise done.refusal
        if done.reply is not None:
            work.relays.append(done.reply)

    def _look_up(self, request: ConferenceModify, now: float) -> Conference:
        known = self.registry.find(request.meeting_id)
        if not request.create:
            if known is None:
                raise Refusal.of(
                    Condition.ITEM_NOT_FOUND,
                    f"Conference not found for ID: {request.meeting_id}",
                    Reason.CONFERENCE_NOT_FOUND,
                )
            return known
        if known is not None:
            raise Refusal.of(
                Condition.CONFLICT,
                f"Conference already exists for ID: {request.meeting_id}",
                Reason.CONFERENCE_ALREADY_EXISTS,
            )
        if self.registry.shutdown.refuses_conferences:
            raise Refusal.of(
                Condition.SERVICE_UNAVAILABLE,
                "The bridge is shutting down.",
                Reason.GRACEFUL_SHUTDOWN,
            )
        self._check_new(request)
        return self.registry.create_conference(
            request.meeting_id, request.name, request.rtcstats_enabled, now
        )

    def _check_new(self, request: ConferenceModify) -> None:
        policy = self.registry.policy
        if request.name is not None and not _is_bare_jid(request.name):
            raise Refusal.of(Condition.BAD_REQUEST, "The conference's name is not a bare JID.")
        if len(request.meeting_id) > policy.max_id_length:
            raise Refusal.of(Condition.BAD_REQUEST, "The meeting-id is too long.")
        if len(self.registry.conferences) >= policy.max_conferences:
            raise Refusal.of(Condition.SERVICE_UNAVAILABLE, "The bridge has no room left.")


def _validate(request: ConferenceModify) -> None:
    """Refuse the shapes that a focus must not batch."""
    if request.endpoints and request.relays:
        text = "Using both endpoints and relays in a request."
    elif len(request.endpoints) > 1 and any(_is_heavy(e) for e in request.endpoints):
        text = (
            "Creating or updating media, sources or transport for more than one endpoint"
            " in a request."
        )
    elif len(request.relays) > 1:
        text = "Updating more than one relay in a request."
    else:
        return
    raise Refusal.of(Condition.FEATURE_NOT_IMPLEMENTED, text, Reason.FEATURE_NOT_IMPLEMENTED)


def _is_heavy(endpoint: Endpoint) -> bool:
    """Whether it asks for more than expiry, force-mute or last-n."""
    return bool(
        endpoint.create
        or endpoint.media
        or endpoint.transport is not None
        or endpoint.sources is not None
    )


def _tolerates_unknown(request: ConferenceModify) -> bool:
    """Whether endpoints we don't know are merely echoed: a late update about the departed."""
    return not any(_is_heavy(e) for e in request.endpoints) and all(
        relay.expire for relay in request.relays
    )


def _is_bare_jid(text: str) -> bool:
    local, at, domain = text.partition("@")
    unwanted = set("/@ ") | set("\t\r\n")
    return bool(at and local and domain) and not unwanted & set(local + domain)


def _feedback_sources(conference: Conference) -> tuple[MediaSource, ...]:
    return tuple(
        MediaSource(kind, name, (Source(ssrc, name),))
        for kind, name, ssrc in (
            ("audio", "jvb-a0", conference.feedback_audio_ssrc),
            ("video", "jvb-v0", conference.feedback_video_ssrc),
        )
    )
