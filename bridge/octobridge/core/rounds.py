"""What the bridge does by the clock, at every look at the engine's counters.

It tells clients who can't be heard and what their connection carries, lets go of what is over,
and lowers or raises last-n as load asks. Nothing here judges silence after a pause of our own.
"""

from dataclasses import dataclass, field
from typing import Final

from jitsiwire.bridge_channel import ConnectionStats
from octobridge.core.connectivity import watch
from octobridge.core.conversations import Conversations
from octobridge.core.effects import Effect
from octobridge.core.expiry import expire, may_judge
from octobridge.core.load_reducer import LoadReducer
from octobridge.core.registry import Registry
from octobridge.core.telling import tell

__all__ = ["Rounds"]

LOAD_SECONDS: Final = 10.0
"""Between two looks at the load, as in the stock bridge."""


@dataclass(slots=True)
class Rounds:
    """Call `go` about twice a second."""

    registry: Registry
    conversations: Conversations
    reducer: LoadReducer | None
    looked_at: float
    """When it last went; its start before that."""
    _expired_at: float = field(init=False)
    _told_at: float = field(init=False)
    _weighed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._expired_at = self._told_at = self._weighed_at = self.looked_at

    def go(self, stress: float, now: float) -> list[Effect]:
        """Return what is due, right after the engine's readings were taken."""
        policy = self.registry.policy
        present, self.looked_at = may_judge(self.looked_at, now), now
        effects = self.conversations.due(now) + self.conversations.departures(now)
        if present:
            effects += watch(self.registry, now)
        if now - self._expired_at >= policy.expire_interval:
            self._expired_at = now
            if present:
                effects += expire(self.registry, now)
        if now - self._told_at >= policy.connection_stats_interval:
            self._told_at = now
            effects += self._connection_stats()
        if now - self._weighed_at >= LOAD_SECONDS:
            self._weighed_at = now
            self._weigh(stress, now)
        return effects

    def _connection_stats(self) -> list[Effect]:
        """Tell each client the estimate of its downlink, where there is one."""
        effects: list[Effect] = []
        for _, endpoint in self.registry.endpoints():
            if endpoint.bandwidth_bps >= 0:
                known = ConnectionStats(estimated_downlink_bandwidth=endpoint.bandwidth_bps)
                effects += tell((endpoint,), known)
        return effects

    def _weigh(self, stress: float, now: float) -> None:
        if self.reducer is None:
            return
        conferences = self.registry.conferences
        received = (len(names) for c in conferences for names in c.adaptation.forwarded.values())
        most = max(received, default=0)
        self.reducer.observe(stress, most, now)
        # Conferences that are new since the last step must follow, too.
        for conference in conferences:
            conference.adaptation.set_bridge_last_n(self.reducer.last_n)
