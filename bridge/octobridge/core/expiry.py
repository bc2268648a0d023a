"""What goes by itself: endpoints and relays that failed or fell silent, conferences without anyone.

The focus isn't told; it learns when it next asks about them.

Source: JVB Endpoint.kt, relay/Relay.kt and Conference.java, `shouldExpire` of each.
"""

from typing import Final

from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.peer import IceState, Peer
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.relay import Relay

__all__ = ["expire", "is_over", "may_judge"]

LONGEST_ABSENCE: Final = 10.0
"""Seconds between two looks at the engine beyond which nobody is given up by the second one."""


def expire(registry: Registry, now: float) -> list[Effect]:
    """Remove everything whose time is over; a second call right after does nothing."""
    effects: list[Effect] = []
    for conference in registry.conferences:
        for endpoint in conference.endpoints:
            if is_over(endpoint, registry.policy, now):
                effects += registry.remove_endpoint(conference, endpoint, now)
        for relay in conference.relays:
            if is_over(relay, registry.policy, now):
                effects += registry.remove_relay(conference, relay, now)
        if _is_abandoned(conference, registry.policy, now):
            effects += registry.remove_conference(conference, now)
    return effects


def may_judge(looked_at: float, now: float) -> bool:
    """Whether silence can be told from our own absence.

    After a pause of the whole process (a frozen machine) everyone looks silent until the engine
    has read what waits in its sockets: unknown is not gone.
    """
    return now - looked_at <= LONGEST_ABSENCE


def is_over(peer: Peer, policy: Policy, now: float) -> bool:
    """Whether an endpoint or a relay is to be given up."""
    if peer.ice is IceState.FAILED:
        return True
    if peer.last_activity is None:
        return now - peer.created_at > policy.first_activity_timeout
    patience = policy.inactivity_timeout
    if isinstance(peer, Relay):
        patience = policy.relay_inactivity_timeout
    return now - peer.last_activity > patience


def _is_abandoned(conference: Conference, policy: Policy, now: float) -> bool:
    since = conference.empty_since
    if len(conference.meshes) > 1:
        # It may be what links two meshes whose people are elsewhere.
        return False
    return since is not None and now - since > policy.empty_conference_timeout
