"""What each selection strategy promises, whatever the fleet and the conference look like."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire.bridge_view import BridgeConfig, BridgeView, Candidate
from jitsiwire.selection import (
    ConferenceBridge,
    Participant,
    SelectionSettings,
    Strategy,
    prefilter,
    select,
)

REGIONS = ("eu", "uk", "us")
OCTO = SelectionSettings(multi_bridge=True, region_groups=(("eu", "uk"),))


@st.composite
def bridges(draw: st.DrawFn) -> list[Candidate]:
    """Usable bridges with relays, all of one version."""
    stress = draw(st.lists(st.floats(0, 1.2), min_size=1, max_size=6))
    return [
        Candidate(
            jid=f"b@m/{number}",
            version="1",
            region=draw(st.sampled_from(REGIONS)),
            relay_id=str(number),
            stress=load,
            overloaded=load >= 0.8,
        )
        for number, load in enumerate(stress)
    ]


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Candidate], list[ConferenceBridge]]:
    """A fleet and the bridges of it that a conference is on."""
    fleet = draw(bridges())
    on = draw(st.lists(st.sampled_from(fleet), unique_by=lambda one: one.jid, max_size=4))
    return fleet, [ConferenceBridge(one, draw(st.integers(1, 90))) for one in on]


Situation = tuple[list[Candidate], list[ConferenceBridge]]
people = st.builds(Participant, st.sampled_from(REGIONS))


@st.composite
def at_home(draw: st.DrawFn) -> tuple[list[Candidate], list[ConferenceBridge], Participant]:
    """A situation with somebody whose conference is near them already, on a bridge with room."""
    (fleet, on), person = draw(situations()), draw(people)
    number = draw(st.integers(0, len(fleet) - 1))
    near = {"region": person.region, "stress": draw(st.floats(0, 0.79)), "overloaded": False}
    home = fleet[number] = replace(fleet[number], **near)
    others = [used for used in on if used.bridge.jid != home.jid]
    held = draw(st.integers(1, OCTO.max_bridge_participants - 1))
    return fleet, [*others, ConferenceBridge(home, held)], person


def takes(one: Candidate, on: list[ConferenceBridge]) -> bool:
    """Whether it is neither overloaded nor full of this conference."""
    there = next((used.participants for used in on if used.bridge.jid == one.jid), 0)
    return not one.overloaded and there < OCTO.max_bridge_participants


@settings(deadline=None)
@given(situations(), people)
def test_region_based_goes_near_while_something_near_takes_people(
    situation: Situation, person: Participant
) -> None:
    fleet, on = situation
    chosen = select(Strategy.REGION_BASED, fleet, on, person, OCTO)
    assert chosen is not None, "there is always a place"
    group = OCTO.group(person.region)
    if any(takes(one, on) and one.region in group for one in fleet):
        assert chosen.region in group
        assert takes(chosen, on)
    elif any(takes(one, on) for one in fleet):
        assert not chosen.overloaded


@settings(deadline=None)
@given(at_home())
def test_region_based_keeps_a_conference_together(
    situation: tuple[list[Candidate], list[ConferenceBridge], Participant],
) -> None:
    """No new bridge in a region while the conference's own there takes people."""
    fleet, on, person = situation
    there = [used.bridge for used in on if used.bridge.region == person.region]
    chosen = select(Strategy.REGION_BASED, fleet, on, person, OCTO)
    assert chosen in there


@settings(deadline=None)
@given(situations(), people)
def test_intra_region_never_leaves_the_conferences_region(
    situation: Situation, person: Participant
) -> None:
    fleet, on = situation
    chosen = select(Strategy.INTRA_REGION, fleet, on, person, OCTO)
    if on:
        assert chosen is not None
        assert chosen.region == on[0].bridge.region


@settings(deadline=None)
@given(situations(), people)
def test_split_takes_a_new_bridge_while_there_is_one(
    situation: Situation, person: Participant
) -> None:
    fleet, on = situation
    chosen = select(Strategy.SPLIT, fleet, on, person, OCTO)
    assert chosen is not None
    counts = {used.bridge.jid: used.participants for used in on}
    if len(on) < len(fleet):
        assert chosen.jid not in counts
    else:
        assert counts[chosen.jid] == min(counts.values())


@settings(deadline=None)
@given(situations(), people)
def test_single_stays_or_fails(situation: Situation, person: Participant) -> None:
    fleet, on = situation
    chosen = select(Strategy.SINGLE, fleet, on, person, OCTO)
    if len(on) == 1:
        assert chosen == on[0].bridge
    assert (chosen is None) == (len(on) > 1)


@settings(deadline=None)
@given(situations(), people, st.sampled_from(Strategy), st.sampled_from(["1", "2", None]))
def test_versions_and_pins_are_kept(
    situation: Situation, person: Participant, strategy: Strategy, pin: str | None
) -> None:
    """Every second bridge runs the other version."""
    fleet = [replace(one, version=str(1 + n % 2)) for n, one in enumerate(situation[0])]
    on = [replace(used, bridge=fleet[int(used.bridge.jid[4:])]) for used in situation[1]]
    inner = Strategy.REGION_BASED
    ruled = replace(OCTO, pinned_version=pin, participant_strategy=inner, visitor_strategy=inner)
    version = on[0].bridge.version if on else pin
    usable = prefilter(fleet, on, ruled)
    if pin is not None and version != pin:
        assert usable == []
        assert select(strategy, fleet, on, person, ruled) is None
    elif version is not None:
        assert {one.version for one in usable} <= {version}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=40),
    st.floats(0, 1),
)
def test_a_burst_raises_the_stress_a_focus_counts_with_and_wears_off(
    moves: list[tuple[float, bool]], reported: float
) -> None:
    config = BridgeConfig(average_participant_stress=0.02)
    view = replace(BridgeView.create("b@m/1", config), stress=reported)
    now, added = 0.0, list[float]()
    for pause, comes in moves:
        now += pause
        before = view.corrected_stress(now)
        view = view.endpoint_added(now) if comes else view.endpoints_removed(1)
        if comes:
            added.append(now)
            assert view.corrected_stress(now) > before
        else:
            assert view.corrected_stress(now) == before, "who leaves corrects nothing"
    surely = sum(now - at < config.participant_rampup_interval - 0.1 for at in added)
    atmost = sum(now - at < config.participant_rampup_interval + 0.1 for at in added)
    corrected = view.corrected_stress(now)
    assert reported + 0.02 * surely - 1e-9 <= corrected <= reported + 0.02 * atmost + 1e-9
    assert view.corrected_stress(now + 21) == reported
