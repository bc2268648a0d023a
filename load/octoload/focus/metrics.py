"""The focus' Prometheus metrics, under Jicofo's names: read from the core when they are asked."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from octoload.focus.focus import Focus
from octoload.focus.moves import Redistributor

__all__ = ["FocusCollector"]

_PREFIX = "jitsi_jicofo_"


class FocusCollector(Collector):
    """Makes the metrics of one focus."""

    def __init__(
        self, focus: Focus, redistributor: Redistributor, now: Callable[[], float]
    ) -> None:
        self._focus = focus
        self._redistributor = redistributor
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Return all of them."""
        yield from self._bridges()
        yield from self._totals()

    def _bridges(self) -> Iterator[Metric]:
        views, now = list(self._focus.bridges.values()), self._now()
        restarts = _labelled("bridge_restart_requests", "Restarts asked for", counter=True)
        endpoints = _labelled("bridge_endpoints", "Endpoints on a bridge")
        failing = _labelled("bridge_failing_ice", "Whether a bridge fails ICE")
        moved = _labelled("bridge_endpoints_moved", "Endpoints moved off a bridge", counter=True)
        for view in views:
            restarts.add_metric([view.nickname], view.restart_requests)
            endpoints.add_metric([view.nickname], view.endpoints)
            failing.add_metric([view.nickname], view.failing_ice(now))
        for name, count in self._focus.counters.endpoints_moved.items():
            moved.add_metric([name], count)
        yield from (restarts, endpoints, failing, moved)
        for name, text, value in (
            ("bridge_count", "Bridges", len(views)),
            ("bridge_count_operational", "Usable bridges", sum(v.operational(now) for v in views)),
            ("bridge_count_in_shutdown", "Ending bridges", sum(v.graceful_shutdown for v in views)),
            ("bridge_version_count", "Versions", len({v.full_version for v in views})),
        ):
            yield GaugeMetricFamily(f"{_PREFIX}bridge_selector_{name}", text, value=value)

    def _totals(self) -> Iterator[Metric]:
        focus, counters = self._focus, self._focus.counters
        sizes = [len(conference.participants) for conference in focus.conferences.values()]
        for name, text, value in (
            ("conferences", "Conferences now", len(sizes)),
            ("participants_current", "Participants now", sum(sizes)),
            ("largest_conference", "People in the largest conference", max(sizes, default=0)),
        ):
            yield GaugeMetricFamily(_PREFIX + name, text, value=value)
        for name, text, value in (
            ("bridge_selector_lost_bridges", "Bridges that vanished", counters.lost_bridges),
            ("conferences_created", "Conferences created", counters.conferences_created),
            ("participants", "Participants ever", counters.participants),
            ("participants_moved", "People re-invited by failures", counters.participants_moved),
            (
                "load_redistributor_endpoints_moved",
                "People moved off hot bridges",
                self._redistributor.moved,
            ),
            ("bridges_removed", "Sessions that failed", counters.bridges_removed),
            ("participants_restart_requested", "Restarts asked for", counters.restarts_requested),
        ):
            yield CounterMetricFamily(_PREFIX + name, text, value=value)


def _labelled(
    name: str, text: str, *, counter: bool = False
) -> CounterMetricFamily | GaugeMetricFamily:
    family = CounterMetricFamily if counter else GaugeMetricFamily
    return family(_PREFIX + name, text, labels=["jvb"])
