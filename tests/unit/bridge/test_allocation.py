"""Which layers a receiver gets: the stock bridge's rules by example, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_channel import VideoType
from octobridge.core.allocation import (
    UNLIMITED,
    Allocation,
    Candidate,
    Considered,
    Layer,
    Limits,
    allocate,
    consider,
)

LIMITS = Limits()
RATES = {180: (50_000, 80_000, 120_000), 360: (200, 300, 450), 720: (800, 1_200, 2_000)}


def camera_layers(active: tuple[int, ...] = (180, 360, 720)) -> list[Layer]:
    """Three encodings of three temporal layers; those that aren't active carry nothing."""
    layers: list[Layer] = []
    for number, (height, rates) in enumerate(RATES.items()):
        factor = 1 if height == 180 else 1_000
        for temporal, (fps, rate) in enumerate(zip((7.5, 15.0, 30.0), rates, strict=True)):
            bps = rate * factor if height in active else 0
            layers.append(Layer(number, temporal, height, fps, bps))
    return layers


def camera(max_height: int, *, on_stage: bool = False, layers: list[Layer] | None = None):
    chosen = camera_layers() if layers is None else layers
    return consider(chosen, VideoType.CAMERA, max_height, on_stage=on_stage, limits=LIMITS)


def screen(max_height: int, *, on_stage: bool, layers: list[Layer] | None = None):
    chosen = camera_layers() if layers is None else layers
    return consider(chosen, VideoType.DESKTOP, max_height, on_stage=on_stage, limits=LIMITS)


def shapes(considered: Considered) -> list[tuple[int, float]]:
    return [(layer.height, layer.fps) for layer in considered.layers]


def test_thumbnail_is_the_smallest_picture_at_any_rate() -> None:
    found = camera(180)
    assert shapes(found) == [(180, 7.5), (180, 15.0), (180, 30.0)]
    assert (found.preferred, found.oversend) == (2, -1)


def test_large_camera_gives_frames_up_below_the_preferred_height_only() -> None:
    found = camera(720)
    assert shapes(found) == [(180, 7.5), (180, 15.0), (180, 30.0), (360, 30.0), (720, 30.0)]
    assert found.preferred == 3
    assert camera(-1) == found


def test_slow_camera_counts_as_fluent_at_its_own_best() -> None:
    slow = [Layer(0, 2, 180, 10.0, 100), Layer(1, 1, 360, 5.0, 200), Layer(1, 2, 360, 10.0, 300)]
    assert shapes(camera(360, layers=slow)) == [(180, 10.0), (360, 10.0)]


def test_unknown_frame_rate_is_enough() -> None:
    plain = [Layer(0, 2, 180, -1.0, 100), Layer(1, 2, 360, -1.0, 200), Layer(2, 2, 720, -1.0, 900)]
    assert shapes(camera(720, layers=plain)) == [(180, -1.0), (360, -1.0), (720, -1.0)]


def test_camera_larger_than_what_is_wanted_is_sent_all_the_same() -> None:
    only = [Layer(0, 2, 720, 30.0, 900)]
    assert shapes(camera(180, layers=only)) == [(720, 30.0)]


def test_layers_that_do_not_arrive_are_left_out_unless_nothing_does() -> None:
    assert shapes(camera(720, layers=camera_layers((180,)))) == [
        (180, 7.5),
        (180, 15.0),
        (180, 30.0),
    ]
    assert len(camera(720, layers=camera_layers(())).layers) == 5


def test_screen_on_stage_prefers_its_sharpest_and_may_exceed_the_budget_for_it() -> None:
    found = screen(-1, on_stage=True)
    assert len(found.layers) == 9
    assert found.preferred == 8
    assert shapes(found)[found.oversend] == (720, 7.5)
    assert screen(-1, on_stage=False).oversend == -1


def test_screen_too_large_is_sent_at_its_smallest() -> None:
    sharp = [Layer(0, 2, 720, -1.0, 500), Layer(1, 2, 720, -1.0, 900), Layer(2, 2, 1080, -1.0, 999)]
    assert [x.bps for x in screen(360, on_stage=False, layers=sharp).layers] == [500]
    assert [x.bps for x in screen(360, on_stage=True, layers=sharp).layers] == [500, 900]


@pytest.mark.parametrize("video_type", [VideoType.NONE, VideoType.DISABLED])
def test_source_that_is_off_has_nothing(video_type: VideoType) -> None:
    found = consider(camera_layers(), video_type, -1, on_stage=True, limits=LIMITS)
    assert found == Considered()
    assert camera(0) == Considered()


# ---- the loop -----------------------------------------------------------------------------


def targets(allocation: Allocation) -> list[tuple[int, float] | None]:
    return [g.target and (g.target.height, g.target.fps) for g in allocation.granted]


def test_without_a_limit_everyone_is_ideal() -> None:
    candidates = [Candidate("a", camera(720), on_stage=True), Candidate("b", camera(180))]
    found = allocate(candidates, UNLIMITED, LIMITS)
    assert targets(found) == [(720, 30.0), (180, 30.0)]
    assert found.target_bps == found.ideal_bps == 2_120_000
    assert not found.oversending


def test_nobody_gets_anything_before_the_stage_has_its_preferred_layer() -> None:
    candidates = [Candidate("a", camera(720), on_stage=True), Candidate("b", camera(180))]
    short = allocate(candidates, 400_000, LIMITS)
    assert targets(short) == [(180, 30.0), None]
    assert short.suspended == ("b",)
    enough = allocate(candidates, 520_000, LIMITS)
    assert targets(enough) == [(360, 30.0), (180, 7.5)]


def test_tiles_climb_together() -> None:
    tiles = [Candidate(name, camera(180)) for name in "abc"]
    assert targets(allocate(tiles, 300_000, LIMITS)) == [(180, 30.0), (180, 15.0), (180, 15.0)]


def test_tile_must_cost_less_than_what_is_left() -> None:
    assert targets(allocate([Candidate("a", camera(180))], 50_000, LIMITS)) == [None]
    stage = Candidate("a", camera(180), on_stage=True)
    assert targets(allocate([stage], 50_000, LIMITS)) == [(180, 7.5)]


def test_better_layer_that_costs_no_more_is_jumped_to() -> None:
    odd = Considered((Layer(0, 2, 180, 30.0, 100), Layer(1, 2, 360, 30.0, 90)), 1)
    assert targets(allocate([Candidate("a", odd)], 150, LIMITS)) == [(360, 30.0)]


def test_only_the_first_screen_exceeds_the_budget_and_by_so_much_only() -> None:
    stage = Candidate("a", screen(-1, on_stage=True), on_stage=True)
    found = allocate([stage, Candidate("b", camera(180))], 350_000, LIMITS)
    assert targets(found) == [(720, 7.5), None]
    assert found.oversending
    poor = allocate([stage], 250_000, LIMITS)
    assert targets(poor) == [(360, 30.0)]
    second = allocate([Candidate("b", camera(180)), stage], 350_000, LIMITS)
    assert targets(second)[1] != (720, 7.5)


def test_screen_without_a_smaller_picture_is_sent_whatever_it_costs() -> None:
    only = [Layer(0, 2, 1080, -1.0, 3_000_000)]
    stage = Candidate("a", screen(-1, on_stage=True, layers=only), on_stage=True)
    assert targets(allocate([stage], 100_000, LIMITS)) == [(1080, -1.0)]


def test_announced_source_is_aimed_at_its_best() -> None:
    silent = Candidate("a", camera(720, layers=camera_layers(())))
    assert targets(allocate([silent], 100_000, LIMITS)) == [(720, 30.0)]


# ---- what always holds --------------------------------------------------------------------


@st.composite
def layer_lists(draw: st.DrawFn) -> list[Layer]:
    """Encodings of growing height and rate, some of which don't arrive."""
    layers: list[Layer] = []
    height, bps = draw(st.sampled_from([90, 180, 270])), 0
    temporals = draw(st.integers(1, 3))
    for number in range(draw(st.integers(1, 3))):
        active = draw(st.booleans())
        for temporal in range(temporals):
            bps += draw(st.integers(1_000, 400_000))
            fps = -1.0 if temporals == 1 else 30.0 / (1 << (temporals - 1 - temporal))
            layers.append(Layer(number, temporal, height, fps, bps if active else 0))
        height *= 2
    return layers


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[Candidate]:
    candidates: list[Candidate] = []
    staged = draw(st.integers(0, 2))
    for number in range(draw(st.integers(0, 6))):
        considered = consider(
            draw(layer_lists()),
            draw(st.sampled_from(VideoType)),
            draw(st.sampled_from([-1, 0, 90, 180, 360, 720])),
            on_stage=number < staged,
            limits=LIMITS,
        )
        candidates.append(Candidate(str(number), considered, on_stage=number < staged))
    return candidates


budgets = st.integers(0, 4_000_000)


@given(candidate_lists(), budgets)
def test_budget_is_kept_but_for_the_first_ones_oversending(
    candidates: list[Candidate], budget: int
) -> None:
    found = allocate(candidates, budget, LIMITS)
    assert found.target_bps == sum(g.target.bps for g in found.granted if g.target)
    if found.target_bps <= budget:
        assert not found.oversending
        return
    assert found.oversending
    first, considered = found.granted[0], candidates[0].considered
    assert first.target is not None
    assert considered.oversend >= 0
    over = first.target.bps - budget
    assert over <= LIMITS.max_oversend_bps or len(considered.layers) == 1
    assert all(g.target is None for g in found.granted[1:])


@given(candidate_lists(), budgets, budgets)
def test_more_room_never_means_less_video(
    candidates: list[Candidate], one: int, another: int
) -> None:
    less, more = sorted((one, another))
    narrow, wide = allocate(candidates, less, LIMITS), allocate(candidates, more, LIMITS)
    assert narrow.target_bps <= wide.target_bps
    assert narrow.ideal_bps == wide.ideal_bps
    for low, high in list(zip(narrow.granted, wide.granted, strict=True))[:1]:
        assert (low.target.bps if low.target else 0) <= (high.target.bps if high.target else 0)


@given(candidate_lists(), budgets)
def test_the_stage_comes_first(candidates: list[Candidate], budget: int) -> None:
    found = allocate(candidates, budget, LIMITS)
    for number, (candidate, granted) in enumerate(zip(candidates, found.granted, strict=True)):
        layers, preferred = candidate.considered.layers, candidate.considered.preferred
        reached = layers.index(granted.target) if granted.target else -1
        if candidate.on_stage and reached < preferred:
            assert all(g.target is None for g in found.granted[number + 1 :])
            break


@given(candidate_lists(), budgets)
def test_same_inputs_give_the_same_allocation(candidates: list[Candidate], budget: int) -> None:
    assert allocate(candidates, budget, LIMITS) == allocate(list(candidates), budget, LIMITS)


@given(layer_lists(), st.sampled_from(VideoType), st.integers(-1, 2000), st.booleans())
def test_what_is_considered_is_there_and_wanted(
    layers: list[Layer], video_type: VideoType, max_height: int, on_stage: bool
) -> None:
    found = consider(layers, video_type, max_height, on_stage=on_stage, limits=LIMITS)
    assert all(layer in layers for layer in found.layers)
    assert -1 <= found.preferred < max(1, len(found.layers))
    assert -1 <= found.oversend < max(1, len(found.layers))
    if any(layer.bps for layer in layers):
        assert all(layer.bps for layer in found.layers)
