"""What a request asks of one endpoint: create, update or expire it.

The checks come in the stock bridge's order. An endpoint that was opened before its request
turned out to be wrong stays (it expires by itself), as there.

Source: JVB Colibri2ConferenceHandler.kt, handleColibri2Endpoint.
"""

from dataclasses import dataclass, field

from jitsiwire import colibri2
from jitsiwire.colibri2 import (
    Capability,
    Colibri2Error,
    Condition,
    Reason,
    Sctp,
)
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect, RestartIce
from octobridge.core.endpoint import VISITOR, Endpoint
from octobridge.core.learning import (
    check_room,
    learn_transport,
    open_port,
    port_fault,
    replace_sources,
)
from octobridge.core.peer import IceRestart, IceState
from octobridge.core.refusal import Refusal
from octobridge.core.registry import Registry
from octobridge.core.replies import offer

__all__ = ["Done", "handle"]


@dataclass(slots=True)
class Done:
    """What came of it; with `error`, the request ends here but the effects stand."""

    effects: list[Effect] = field(default_factory=list[Effect])
    reply: colibri2.Endpoint | None = None
    created: bool = False
    error: Colibri2Error | None = None


def handle(
    registry: Registry,
    conference: Conference,
    wanted: colibri2.Endpoint,
    tolerant: bool,
    now: float,
) -> Done:
    """Do what is asked of one endpoint.

    Args:
        registry: The bridge's state.
        conference: The conference the request is about.
        wanted: What is asked.
        tolerant: Answer an update of an unknown endpoint with an empty echo.
        now: Seconds.
    """
    work = _Work(registry, conference, wanted, now)
    try:
        work.handle(tolerant)
    except Refusal as refusal:
        work.done.error = refusal.error
    return work.done


@dataclass(slots=True)
class _Work:
    """One endpoint's part of a request, under way."""

    registry: Registry
    conference: Conference
    wanted: colibri2.Endpoint
    now: float
    done: Done = field(default_factory=Done)

    def handle(self, tolerant: bool) -> None:
        wanted, done = self.wanted, self.done
        known = self.conference.find(wanted.id)
        if wanted.expire:
            if known is not None:
                done.effects += self.registry.remove_endpoint(self.conference, known, self.now)
            done.reply = colibri2.Endpoint(wanted.id, expire=True)
            return
        if wanted.create:
            endpoint = self._create()
        elif known is not None:
            endpoint = known
        else:
            done.reply = _unknown(wanted, tolerant)
            return
        self._update(endpoint)
        done.reply = colibri2.Endpoint(wanted.id, transport=offer(self.registry, endpoint, wanted))

    def _create(self) -> Endpoint:
        wanted = self.wanted
        _check_new(self.registry, self.conference, wanted)
        transport = wanted.transport
        if transport is None:
            raise Refusal.of(
                Condition.BAD_REQUEST,
                f"Attempt to create endpoint {wanted.id} with no <transport>",
            )
        if Capability.SOURCE_NAMES not in wanted.capabilities:
            raise Refusal.of(Condition.BAD_REQUEST, "Source name support is mandatory.")
        fault = _sctp_fault(self.registry, transport.sctp)
        endpoint, effects = self.registry.create_endpoint(
            self.conference,
            wanted.id,
            self.now,
            visitor=_is_visitor(wanted),
            sctp=transport.sctp is not None and fault is None,
            ice_controlling=transport.ice_controlling,
        )
        endpoint.stats_id = wanted.stats_id
        if transport.use_unique_port:
            open_port(self.registry, endpoint)
        endpoint.capabilities = frozenset(wanted.capabilities)
        self.done.effects += effects
        self.done.effects += self.conference.replan(endpoint)
        if fault is not None:
            raise Refusal(fault)
        self.done.created = True
        return endpoint

    def _update(self, endpoint: Endpoint) -> None:
        wanted = self.wanted
        if wanted.muc_role is not None:
            endpoint.visitor = _is_visitor(wanted)
        if wanted.media:
            endpoint.learn_media(wanted.media)
            self.done.effects += endpoint.negotiated()
        if wanted.initial_last_n is not None:
            endpoint.initial_last_n = wanted.initial_last_n
        if wanted.transport is not None and wanted.transport.ice is not None:
            learned = learn_transport(self.registry, endpoint, wanted.transport.ice)
            self.done.effects += learned
        try:
            if wanted.sources is not None:
                _replace_sources(self.registry, endpoint, wanted.sources)
            if wanted.force_mute is not None:
                endpoint.force_mute = wanted.force_mute
        finally:
            # What was learned before a refusal still holds, so the engine must know of it.
            self.done.effects += self.conference.replan(endpoint)
        if wanted.transport is not None and wanted.transport.ice_restart and not wanted.create:
            self.done.effects += _restart_ice(self.registry, endpoint)


def _is_visitor(wanted: colibri2.Endpoint) -> bool:
    return (wanted.muc_role or "").lower() == VISITOR


def _unknown(wanted: colibri2.Endpoint, tolerant: bool) -> colibri2.Endpoint:
    if not tolerant:
        raise Refusal.of(
            Condition.ITEM_NOT_FOUND,
            f"Unknown endpoint {wanted.id}",
            Reason.UNKNOWN_ENDPOINT,
            (wanted.id,),
        )
    return colibri2.Endpoint(wanted.id)


def _check_new(registry: Registry, conference: Conference, wanted: colibri2.Endpoint) -> None:
    if conference.find(wanted.id) is not None:
        raise Refusal.of(Condition.CONFLICT, f"Endpoint with ID {wanted.id} already exists")
    check_room(registry, conference, wanted.id)


def _sctp_fault(registry: Registry, sctp: Sctp | None) -> Colibri2Error | None:
    """Return why the SCTP asked for can't be had."""
    if sctp is None:
        return None
    if not registry.policy.sctp_enabled:
        return Colibri2Error(Condition.FEATURE_NOT_IMPLEMENTED, "SCTP support is not configured")
    if sctp.role is not None and sctp.role.lower() != "server":
        return Colibri2Error(
            Condition.FEATURE_NOT_IMPLEMENTED, f"Unsupported SCTP role: {sctp.role}"
        )
    return port_fault(sctp)


def _restart_ice(registry: Registry, endpoint: Endpoint) -> list[Effect]:
    """Begin a new agent where there is an established one to begin it beside."""
    if endpoint.ice not in (IceState.CONNECTED, IceState.SECURED):
        return []
    endpoint.last_generation += 1
    restart = IceRestart(endpoint.last_generation, registry.mint.ufrag(), registry.mint.pwd())
    endpoint.restart = restart
    endpoint.candidates_taken = 0
    registry.counters.ice_restarts += 1
    return [RestartIce(endpoint.transport, restart.generation, restart.ufrag, restart.pwd)]


def _replace_sources(
    registry: Registry, endpoint: Endpoint, sources: tuple[colibri2.MediaSource, ...]
) -> None:
    if endpoint.visitor and sources:
        raise Refusal.of(Condition.BAD_REQUEST, "Attempt to set sources for a visitor endpoint")
    replace_sources(registry, endpoint, sources)
