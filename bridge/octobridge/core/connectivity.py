"""Who is still there: tells clients when the bridge stops hearing someone, and hears him again.

Other bridges are told, too, and tell of their own people (`relay_messages`).
Visitors aren't watched: nobody waits for their picture. A whole look is for a moment at which
the engine's readings are fresh; after a pause of our own, silence proves nothing (`expiry`).

Source: JVB EndpointConnectionStatusMonitor.kt.
"""

from collections.abc import Iterator

from jitsiwire.bridge_channel import EndpointConnectivityStatusChangeEvent
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.endpoint import Endpoint
from octobridge.core.ownership import Person
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.telling import tell

__all__ = ["inactive_ones", "watch"]


def watch(registry: Registry, now: float) -> list[Effect]:
    """Note who fell silent or came back since the last look, and tell their calls."""
    effects: list[Effect] = []
    for conference, endpoint in registry.endpoints():
        if endpoint.visitor:
            endpoint.disconnected = False
            continue
        inactive = _is_inactive(endpoint, registry.policy, now)
        if inactive == endpoint.disconnected:
            continue
        endpoint.disconnected = inactive
        if inactive:
            # One that never came can't be lost.
            endpoint.lost = endpoint.last_activity is not None
            registry.counters.endpoints_disconnected += endpoint.lost
        else:
            registry.counters.endpoints_reconnected += endpoint.lost
        # The one concerned is told, too: it may hear us though we don't hear it.
        effects += tell((*conference.endpoints, *conference.relays), _notice(endpoint))
    return effects


def inactive_ones(conference: Conference) -> Iterator[EndpointConnectivityStatusChangeEvent]:
    """Yield what a newcomer must be told."""
    return (_notice(person) for person in conference.people if person.disconnected)


def _is_inactive(endpoint: Endpoint, policy: Policy, now: float) -> bool:
    last = endpoint.last_activity
    if last is None:
        return now - endpoint.created_at > policy.connects_within
    return now - last > policy.disconnected_after


def _notice(person: Person) -> EndpointConnectivityStatusChangeEvent:
    return EndpointConnectivityStatusChangeEvent(endpoint=person.id, active=not person.disconnected)
