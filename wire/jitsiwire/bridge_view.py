"""What Jicofo makes of one bridge: the judgement behind every placement.

A `BridgeView` is a value: each thing that happens to a bridge (a presence, a health check, a
participant placed on it) returns the view after it, and `now` is always an argument, in seconds
of any clock that never goes back. Selection works on a `Candidate`, the view at one moment.

Rules that surprise, all of them Jicofo's:

* `graceful_shutdown` and `shutting_down` latch: once true, true until the bridge leaves the room.
* `drain` starts true: a bridge that never speaks of draining counts as draining.
* only a passed health check makes a failed bridge operational again, and a minute after its last
  failure at the earliest; with health checks off it stays failed.
* stress is corrected by the participants placed in the last 20 s, because a bridge's own figure
  is older than they are; taking participants away corrects nothing.

Source: jicofo 7ebb13dc, bridge/Bridge.kt, bridge/BridgeConfig.kt.
"""

from dataclasses import dataclass, replace

from jitsiwire.brewery import nickname
from jitsiwire.stats import BridgeStats

__all__ = ["BridgeConfig", "BridgeView", "Candidate", "RateTracker"]


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """`jicofo.bridge.*`: how bridges are judged. Times in seconds, stress as a fraction."""

    average_participant_stress: float = 0.01
    """Until the bridge reports its own."""
    participant_rampup_interval: float = 20.0
    stress_threshold: float = 0.8
    failure_reset_threshold: float = 60.0
    ice_failure_detection: bool = False
    ice_failure_interval: float = 120.0
    ice_failure_min_endpoints: int = 30
    ice_failure_threshold: float = 0.1
    ice_failure_timeout: float = 600.0


@dataclass(frozen=True, slots=True)
class RateTracker:
    """Counts events of the last `window` seconds, in buckets."""

    window: float
    buckets: tuple[tuple[int, int], ...] = ()
    """(bucket, events), oldest first."""
    per_second: int = 10
    """Buckets."""

    def add(self, now: float, count: int = 1) -> "RateTracker":
        """Count events that happen now."""
        bucket = int(now * self.per_second)
        kept = self._kept(now)
        if kept and kept[-1][0] == bucket:
            return replace(self, buckets=(*kept[:-1], (bucket, kept[-1][1] + count)))
        return replace(self, buckets=(*kept, (bucket, count)))

    def count(self, now: float) -> int:
        """Return how many events the window holds."""
        return sum(count for _, count in self._kept(now))

    def _kept(self, now: float) -> tuple[tuple[int, int], ...]:
        oldest = int(now * self.per_second) - int(self.window * self.per_second)
        return tuple(entry for entry in self.buckets if entry[0] > oldest)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bridge at the moment of a selection."""

    jid: str
    """Its occupant JID in the brewery: its identity."""
    operational: bool = True
    shutting_down: bool = False
    graceful_shutdown: bool = False
    drain: bool = False
    version: str | None = None
    """The full version: with the release where there is one."""
    region: str | None = None
    relay_id: str | None = None
    stress: float = 0.0
    """Corrected."""
    overloaded: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """The order of preference: class first, then load."""
        if not self.operational:
            return 3, self.stress
        return (2 if self.graceful_shutdown else 1), self.stress


@dataclass(frozen=True, slots=True)
class BridgeView:
    """A bridge as Jicofo sees it."""

    jid: str
    config: BridgeConfig = BridgeConfig()
    stress: float = 0.0
    """As last reported."""
    reported_participant_stress: float | None = None
    graceful_shutdown: bool = False
    shutting_down: bool = False
    drain: bool = True
    version: str | None = None
    release: str | None = None
    region: str | None = None
    relay_id: str | None = None
    healthy: bool = True
    last_presence: float | None = None
    endpoints: int = 0
    """Placed there by this focus and not removed since."""
    restart_requests: int = 0
    """Ever."""
    passed_last: bool = True
    """What the last health check or allocation said."""
    last_failure: float | None = None
    ice_failed_at: float | None = None
    added: RateTracker = RateTracker(0.0)
    restarts: RateTracker = RateTracker(0.0)

    @staticmethod
    def create(jid: str, config: BridgeConfig) -> "BridgeView":
        """Return the view of a bridge nothing is known of yet."""
        return BridgeView(
            jid,
            config,
            added=RateTracker(config.participant_rampup_interval),
            restarts=RateTracker(config.ice_failure_interval, per_second=1),
        )

    # -- what happens to it -----------------------------------------------------------------------

    def seen(self, stats: BridgeStats, now: float) -> "BridgeView":
        """Its presence came."""

        def kept(new: str | None, old: str | None) -> str | None:
            return old if new is None else new

        average = stats.average_participant_stress
        return replace(
            self,
            last_presence=now,
            stress=self.stress if stats.stress_level is None else stats.stress_level,
            reported_participant_stress=(
                self.reported_participant_stress if average is None else average
            ),
            graceful_shutdown=self.graceful_shutdown or stats.graceful_shutdown is True,
            shutting_down=self.shutting_down or stats.shutting_down is True,
            drain=self.drain if stats.drain is None else stats.drain,
            healthy=self.healthy if stats.healthy is None else stats.healthy,
            version=kept(stats.version, self.version),
            release=kept(stats.release, self.release),
            region=kept(stats.region, self.region),
            relay_id=kept(stats.relay_id, self.relay_id),
        )

    def passed(self) -> "BridgeView":
        """A health check passed."""
        return replace(self, passed_last=True)

    def failed(self, now: float) -> "BridgeView":
        """A health check or an allocation failed."""
        return replace(self, passed_last=False, last_failure=now)

    def refused_by_shutdown(self) -> "BridgeView":
        """It refused a conference because it shuts down gracefully."""
        return replace(self, graceful_shutdown=True)

    def endpoint_added(self, now: float) -> "BridgeView":
        """A participant was placed on it."""
        return replace(self, endpoints=self.endpoints + 1, added=self.added.add(now))

    def endpoints_removed(self, count: int) -> "BridgeView":
        """Participants left it."""
        return replace(self, endpoints=max(0, self.endpoints - count))

    def restart_requested(self, now: float) -> "BridgeView":
        """A participant asked for a new session because ICE failed."""
        restarts = self.restarts.add(now)
        config = self.config
        failing = (
            config.ice_failure_detection
            and self.endpoints >= config.ice_failure_min_endpoints
            and restarts.count(now) > self.endpoints * config.ice_failure_threshold
        )
        return replace(
            self,
            restart_requests=self.restart_requests + 1,
            restarts=restarts,
            ice_failed_at=now if failing else self.ice_failed_at,
        )

    # -- what follows from it ---------------------------------------------------------------------

    @property
    def nickname(self) -> str:
        """Its name in the brewery and in metrics."""
        return nickname(self.jid)

    @property
    def full_version(self) -> str | None:
        """Version and release; a conference never mixes two of them."""
        if self.version is not None and self.release is not None:
            return f"{self.version}-{self.release}"
        return self.version

    @property
    def participant_stress(self) -> float:
        """What one more participant costs."""
        reported = self.reported_participant_stress
        return self.config.average_participant_stress if reported is None else reported

    def operational(self, now: float) -> bool:
        """Whether it may be used: passed, and the last failure is long enough ago."""
        if self.last_failure is None:
            return self.passed_last
        return self.passed_last and now >= self.last_failure + self.config.failure_reset_threshold

    def failing_ice(self, now: float) -> bool:
        """Whether too many of its participants asked for a new session lately."""
        if self.ice_failed_at is None:
            return False
        return now < self.ice_failed_at + self.config.ice_failure_timeout

    def corrected_stress(self, now: float) -> float:
        """Reported stress plus what was placed there since it can have been reported."""
        stress = self.stress + self.added.count(now) * self.participant_stress
        if self.failing_ice(now):
            return max(stress, self.config.stress_threshold + 0.01)
        return stress

    def overloaded(self, now: float) -> bool:
        """Whether a further participant should rather go elsewhere."""
        return self.corrected_stress(now) >= self.config.stress_threshold

    def candidate(self, now: float) -> Candidate:
        """The view at this moment, for a selection."""
        return Candidate(
            jid=self.jid,
            operational=self.operational(now),
            shutting_down=self.shutting_down,
            graceful_shutdown=self.graceful_shutdown,
            drain=self.drain,
            version=self.full_version,
            region=self.region,
            relay_id=self.relay_id,
            stress=self.corrected_stress(now),
            overloaded=self.overloaded(now),
        )
