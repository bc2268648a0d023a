"""The operator's own metrics."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

RECONCILE_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """Every metric, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "octofleet_reconciles",
            "Reconciles by kind of object and result.",
            ("kind", "result"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "octofleet_reconcile_duration_seconds",
            "How long one reconcile took.",
            ("kind",),
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self.bridges = Gauge(
            "octofleet_bridges",
            "Bridges by state.",
            ("namespace", "region", "state"),
            registry=self.registry,
        )
        self.desired = Gauge(
            "octofleet_desired_bridges",
            "The size last decided.",
            ("namespace", "region"),
            registry=self.registry,
        )
        self.participants = Gauge(
            "octofleet_participants",
            "Participants whose bridge says so; unknown ones are not counted.",
            ("namespace", "region"),
            registry=self.registry,
        )
        self.decisions = Counter(
            "octofleet_decisions",
            "Changes of the decided size, by direction and what won.",
            ("direction", "winner"),
            registry=self.registry,
        )
        self.proposals = Gauge(
            "octofleet_proposed_bridges",
            "The size that a metric, headroom or a schedule asks for; none where it can't tell.",
            ("namespace", "region", "term"),
            registry=self.registry,
        )
        self.expected_joins = Gauge(
            "octofleet_expected_joins",
            "Joins expected before a bridge asked for now could take any.",
            ("namespace", "region"),
            registry=self.registry,
        )
        self.room = Gauge(
            "octofleet_room_joins",
            "Joins that the bridges have room for.",
            ("namespace", "region"),
            registry=self.registry,
        )
        self.refusals = Gauge(
            "octofleet_refused_steps",
            "Steps that are wanted and not taken now, by reason.",
            ("namespace", "region", "reason"),
            registry=self.registry,
        )
        self.actions = Counter(
            "octofleet_actions",
            "Actions taken, by kind and result.",
            ("action", "result"),
            registry=self.registry,
        )
        self.links = Gauge(
            "octofleet_links",
            "Links between bridges of two regions (or of one), by whether they are up.",
            ("namespace", "cluster", "first", "second", "state"),
            registry=self.registry,
        )
        self.link_rtt = Gauge(
            "octofleet_link_rtt_seconds",
            "Round trip between two regions, as relays measure it.",
            ("namespace", "cluster", "first", "second"),
            registry=self.registry,
        )
        self.link_loss = Gauge(
            "octofleet_link_loss_ratio",
            "Part of the packets between two regions that is lost, as relays measure it.",
            ("namespace", "cluster", "first", "second"),
            registry=self.registry,
        )
        self.leader = Gauge(
            "octofleet_leader", "1 while the Lease is held.", registry=self.registry
        )

    def forget_links(self, namespace: str, cluster: str) -> None:
        """Drop the series of a cluster's links."""
        for gauge in (self.links, self.link_rtt, self.link_loss):
            gauge.remove_by_labels({"namespace": namespace, "cluster": cluster})

    def forget_region(self, namespace: str, region: str, states: tuple[str, ...]) -> None:
        """Drop the series of a region that is gone."""
        for state in states:
            self.bridges.remove_by_labels(
                {"namespace": namespace, "region": region, "state": state}
            )
        rest = (self.desired, self.participants, self.proposals, self.refusals)
        for gauge in (*rest, self.expected_joins, self.room):
            gauge.remove_by_labels({"namespace": namespace, "region": region})
