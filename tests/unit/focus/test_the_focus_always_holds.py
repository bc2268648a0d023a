"""Whatever happens in whatever order: everyone is placed or waiting."""

from itertools import combinations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.focus.focus_world import World, jid

from jitsiwire.colibri2 import Colibri2Error, Condition
from jitsiwire.selection import SelectionSettings, Strategy
from octoload.focus.conference import Conference, Stage
from octoload.focus.doctor import HealthAnswer
from octoload.focus.moves import move
from octoload.focus.settings import FocusSettings

NAMES = st.sampled_from(["a", "b", "c"])
CALLS = st.sampled_from(["red", "blue"])


class Anything(RuleBasedStateMachine):
    """Whatever happens, nobody is forgotten."""

    settings = FocusSettings("secret", strategy=Strategy.REGION_BASED, health_checks=True)

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.settings)
        self.here: list[int] = []

    @rule(name=NAMES, stress=st.floats(0, 1.2), drain=st.booleans(), graceful=st.booleans())
    def bridge_publishes(self, name: str, stress: float, drain: bool, graceful: bool) -> None:
        self.world.add(
            name, stress_level=stress, drain=drain, graceful_shutdown=graceful, relay_id=name
        )

    @rule(name=NAMES)
    def bridge_shuts_down(self, name: str) -> None:
        if jid(name) in self.world.bridges:
            self.world.present(name, shutting_down=True, relay_id=name)

    @rule(name=NAMES)
    def bridge_vanishes(self, name: str) -> None:
        self.world.remove(name)

    @rule(name=NAMES, answer=st.sampled_from(HealthAnswer))
    def bridge_is_examined(self, name: str, answer: HealthAnswer) -> None:
        self.world.do(self.world.focus.health(jid(name), answer, self.world.now))

    @rule(call=CALLS)
    def somebody_joins(self, call: str) -> None:
        self.here.append(self.world.join(call))

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def somebody_leaves(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.here))
        self.here.remove(one)
        self.world.do(self.world.focus.left(*self.world.people[one]))

    @rule(name=NAMES)
    def bridge_forgets_everything(self, name: str) -> None:
        if jid(name) in self.world.bridges:
            self.world.bridges[jid(name)].conferences.clear()
            self.world.bridges[jid(name)].relays.clear()

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def somebody_asks_for_a_restart(self, data: st.DataObject) -> None:
        who = self.world.people[data.draw(st.sampled_from(self.here))]
        session = self.world.focus.conferences[who[0]].participants[who[1]].session_id
        self.world.do(self.world.focus.restart(*who, session, self.world.now))

    @rule(name=NAMES)
    def operator_moves_all(self, name: str) -> None:
        if jid(name) in self.world.focus.bridges:
            _, effects = move(
                self.world.focus, "move-fraction", {"bridge": name, "fraction": "1"}, self.world.now
            )
            self.world.do(effects)

    @rule(seconds=st.floats(0.5, 70))
    def time_passes(self, seconds: float) -> None:
        self.world.settle()
        self.world.pass_time(seconds)

    @rule()
    def everything_settles(self) -> None:
        self.world.settle()
        before = self.usable()
        self.world.pass_time(3)
        focus = self.world.focus
        # One that has become usable just now is found with the next try.
        usable = before & self.usable()
        for conference in focus.conferences.values():
            versions_fit = bool(usable) and not (set(conference.sessions) - usable)
            for one in conference.participants.values():
                assert one.bridge is not None or one.stage is Stage.WAITING
                if versions_fit:
                    assert one.bridge is not None, "there is a bridge, so it is placed"
        self.look_at_bridges()

    def usable(self) -> set[str]:
        views, now = self.world.focus.bridges.values(), self.world.now
        return {v.jid for v in views if v.operational(now) and not v.shutting_down}

    def look_at_bridges(self) -> None:
        """For those who know more than the focus."""

    @invariant()
    def nobody_is_forgotten(self) -> None:
        focus = self.world.focus
        present = {self.world.people[one] for one in self.here}
        known = {(c.name, one) for c in focus.conferences.values() for one in c.participants}
        assert known == present
        for conference in focus.conferences.values():
            assert conference.participants
            self.look_at(conference)
            placed = {one.bridge for one in conference.participants.values() if one.bridge}
            assert placed == set(conference.sessions)
            assert placed <= set(focus.bridges)
        for view in focus.bridges.values():
            there = sum(len(c.on(view.jid)) for c in focus.conferences.values())
            assert view.endpoints == there

    def look_at(self, conference: Conference) -> None:
        assert len(conference.sessions) <= 1, "no relays: one bridge a conference"


class AnythingLinked(Anything):
    """The same with relays, and people spread as far as they can be."""

    settings = FocusSettings(
        "secret", strategy=Strategy.SPLIT, selection=SelectionSettings(multi_bridge=True)
    )

    @rule(name=NAMES, refuses=st.booleans())
    def bridge_refuses_relays(self, name: str, refuses: bool) -> None:
        if jid(name) in self.world.bridges:
            refusal = Colibri2Error(Condition.FEATURE_NOT_IMPLEMENTED) if refuses else None
            self.world.bridges[jid(name)].relay_refusal = refusal

    def look_at(self, conference: Conference) -> None:
        cascade = conference.cascade
        nodes = [session.node for session in conference.sessions.values()]
        assert [node.relay_id for node in cascade.nodes] == nodes
        linked = {frozenset((link.first, link.second)) for link in cascade.links}
        assert linked == {frozenset(pair) for pair in combinations(nodes, 2)}

    def look_at_bridges(self) -> None:
        """Every bridge that never forgot anything knows exactly what is on the others."""
        for conference in self.world.focus.conferences.values():
            for session in conference.sessions.values():
                bridge = self.world.bridges[session.bridge]
                if conference.meeting_id not in bridge.conferences:
                    continue  # it forgot the conference, and nobody asked it anything since
                others = [o for o in conference.sessions.values() if o is not session]
                known = {
                    relay_id: set(relay.endpoints)
                    for relay_id, relay in bridge.relays.get(conference.meeting_id, {}).items()
                }
                assert known == {
                    other.node: {one.id for one in conference.on(other.bridge)} for other in others
                }


TestAnythingLinked = AnythingLinked.TestCase
TestAnythingLinked.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=30, deadline=None
)
TestAnything = Anything.TestCase
TestAnything.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)
