"""Room that a region keeps for the people of another one that may be lost."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control import worlds

from octofleet.api.effective import EffectiveRegion
from octofleet.core import sizing
from octofleet.core.observation import History, Reading, Snapshot
from octofleet.core.signals import Rule
from octofleet.core.sizing import Decision, LimitedBy

NOW = worlds.NOW


def region(*, lost_region: bool = True) -> EffectiveRegion:
    """Return a region of bridges for eighty people each, which joins hardly anybody."""
    return worlds.region(
        None,
        minBridges=2,
        maxBridges=30,
        metrics=[{"type": "Stress", "target": {"averageValue": "0.8"}}],
        headroom={"joins": 1, "regionLoss": "Covered" if lost_region else "Ignored"},
        behavior={"scaleDown": {"stabilizationWindow": "0s"}},
    )


def seen(bridges: int = 2, **elsewhere: int | None) -> Snapshot:
    """Return a region whose bridges carry ten people each."""
    found = worlds.snapshot(
        *(
            replace(worlds.ready_bridge(f"eu-{n}", 10), stress=Reading(0.1, NOW))
            for n in range(bridges)
        )
    )
    return replace(found, elsewhere=elsewhere, history=History(desired=bridges))


def decided(snapshot: Snapshot, *, lost_region: bool = True) -> Decision:
    return sizing.decide(region(lost_region=lost_region), snapshot, NOW)


def test_a_region_grows_for_its_share_of_the_fullest_other_one() -> None:
    decision = decided(seen(us=400, asia=100))
    assert decision.winner == Rule.FAIL_OVER
    term = next(each for each in decision.terms if each.type is Rule.FAIL_OVER)
    assert term.target == 200
    assert "200 come if us is lost" in term.message
    assert decision.wanted > 3


def test_nothing_is_kept_unless_asked_for_or_where_there_is_no_other_region() -> None:
    for decision in (decided(seen(us=400), lost_region=False), decided(seen())):
        assert all(each.type is not Rule.FAIL_OVER for each in decision.terms)
        assert decision.wanted == 2


def test_a_region_of_which_nothing_is_known_lets_nobody_shrink() -> None:
    decision = decided(seen(6, us=None, asia=0))
    assert decision.wanted == 6
    assert decision.limited_by is LimitedBy.MISSING_METRICS
    assert "us isn't known" in (decision.held_because or "")
    assert decided(seen(6, us=0, asia=0)).wanted < 6


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 500))
def test_more_people_elsewhere_never_ask_for_fewer_bridges(us: int, asia: int, more: int) -> None:
    before, after = decided(seen(us=us, asia=asia)), decided(seen(us=us + more, asia=asia))
    assert after.recommended is not None
    assert before.recommended is not None
    assert after.recommended >= before.recommended
