"""What goes by itself: endpoints that failed or fell silent, conferences without anyone.

The focus isn't told; it learns when it next asks about them. Relays stay until it ends them, or
their conference goes: to a focus, a bridge that no longer knows a relay has failed altogether, and
everyone on it is invited anew.

Source: JVB VideobridgeExpireThread.java; Endpoint.kt and Conference.java, `shouldExpire` of each.
"""

from typing import Final

from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.peer import IceState
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry

__all__ = ["expire", "may_judge"]

LONGEST_ABSENCE: Final = 10.0
"""Seconds between two looks at the engine beyond which nobody is given up by the second one."""


def expire(registry: Registry, now: float) -> list[Effect]:
    """Remove everything whose time is over; a second call right after does nothing."""
    effects: list[Effect] = []
    for conference in registry.conferences:
        for endpoint in conference.endpoints:
            if _is_over(endpoint, registry.policy, now):
                effects += registry.remove_endpoint(conference, endpoint, now)
        if _is_abandoned(conference, registry.policy, now):
            effects += registry.remove_conference(conference, now)
    return effects


def may_judge(looked_at: float, now: float) -> bool:
    """Whether silence can be told from our own absence.

    After a pause of the whole process (a frozen machine) everyone looks silent until the engine
    has read what waits in its sockets: unknown is not gone.
    """
    return now - looked_at <= LONGEST_ABSENCE


def _is_over(endpoint: Endpoint, policy: Policy, now: float) -> bool:
    """Whether an endpoint is to be given up."""
    if endpoint.ice is IceState.FAILED:
        return True
    if endpoint.last_activity is None:
        return now - endpoint.created_at > policy.first_activity_timeout
    return now - endpoint.last_activity > policy.inactivity_timeout


def _is_abandoned(conference: Conference, policy: Policy, now: float) -> bool:
    if len(conference.meshes) > 1:
        # It may be what links two meshes whose people are elsewhere.
        return False
    limits = (
        (conference.empty_since, policy.empty_conference_timeout),
        (conference.deserted_since, policy.deserted_conference_timeout),
    )
    return any(since is not None and now - since > limit for since, limit in limits)
