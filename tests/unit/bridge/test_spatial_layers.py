"""What of a stream with spatial layers is offered to receivers, from what was measured of it."""

from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_channel import VideoType
from octobridge.core.allocation import UNLIMITED, Candidate, Limits, allocate, consider
from octobridge.core.layers import Encoding, Rates, layers_of

KSVC: tuple[Rates, ...] = (
    (50_000, 75_000, 100_000),
    (200_000, 300_000, 400_000),
    (700_000, 1_000_000, 1_400_000),
)
LIMITS = Limits()


def target(encoding: Encoding, max_height: int, budget: int = UNLIMITED) -> tuple[int, int, int]:
    """Height, spatial and temporal layer that a receiver gets."""
    wanted = consider(
        layers_of([encoding]), VideoType.CAMERA, max_height, on_stage=True, limits=LIMITS
    )
    granted = allocate([Candidate("a-v0", wanted, on_stage=True)], budget, LIMITS).granted[0].target
    assert granted is not None
    return granted.height, granted.spatial, granted.temporal


def test_each_spatial_layer_is_half_as_high_as_the_next() -> None:
    encoding = Encoding(1, 720, KSVC)
    assert target(encoding, 720) == (720, 2, 2)
    assert target(encoding, 360) == (360, 1, 2)
    assert target(encoding, 180) == (180, 0, 2)
    assert [layer.height for layer in layers_of([encoding])] == [180] * 3 + [360] * 3 + [720] * 3


def test_a_thin_line_gets_the_layers_that_fit() -> None:
    encoding = Encoding(1, 720, KSVC)
    assert target(encoding, 720, 450_000) == (360, 1, 2)
    assert target(encoding, 720, 80_000) == (180, 0, 1)


def test_a_layer_that_the_sender_stopped_is_not_offered() -> None:
    encoding = Encoding(1, 720, (*KSVC[:2], KSVC[1]))
    assert {layer.height for layer in layers_of([encoding])} == {180, 360}
    # Should it come back, nobody gets it unasked.
    assert target(encoding, 720) == (360, 1, 2)
    assert encoding.measure(KSVC)
    assert target(encoding, 720) == (720, 2, 2)


def test_before_a_keyframe_told_heights_they_are_guessed_upwards() -> None:
    assert [layer.height for layer in layers_of([Encoding(1, 0, KSVC)])][::3] == [180, 360, 720]


rates = st.integers(0, 500_000)


@given(st.lists(st.tuples(rates, rates, rates), min_size=1, max_size=3))
def test_layers_cost_more_the_better_they_are(added: list[Rates]) -> None:
    rows: list[Rates] = []
    below = (0, 0, 0)
    for base, first, second in added:
        below = (below[0] + base, below[1] + base + first, below[2] + base + first + second)
        rows.append(below)
    encoding = Encoding(1, 720)
    encoding.measure(rows)
    layers = layers_of([encoding])
    assert layers
    by_spatial: dict[int, list[int]] = {}
    for layer in layers:
        by_spatial.setdefault(layer.spatial, []).append(layer.bps)
    assert all(costs == sorted(costs) for costs in by_spatial.values())
    tops = [costs[-1] for _, costs in sorted(by_spatial.items())]
    assert tops == sorted(tops)
    assert max(layer.bps for layer in layers) == encoding.bps
