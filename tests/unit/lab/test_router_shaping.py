"""What a direction of the router's link does to packets, with time and chance given."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octolab.router_shaping import Direction, Shape

SHAPES = st.builds(
    Shape,
    loss=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    delay_ms=st.sampled_from([0.0, 3.0, 100.0]),
    jitter_ms=st.sampled_from([0.0, 10.0]),
    reorder=st.sampled_from([0.0, 0.2, 1.0]),
    rate_bps=st.sampled_from([0.0, 80_000.0, 1e7]),
    queue_bytes=st.sampled_from([0, 1_000, 65_536]),
)


def run(direction: Direction, times: list[float], size: int = 100) -> list[tuple[float, int]]:
    """Offer numbered packets at these times; return when each one left."""
    left: list[tuple[float, int]] = []

    def drain(until: float) -> None:
        while (at := direction.deadline()) <= until:
            left.extend((at, int.from_bytes(packet[:4])) for packet in direction.take(at))

    for number, at in enumerate(times):
        drain(at)
        direction.offer(number.to_bytes(4) + bytes(size - 4), at)
    drain(1e9)
    return left


def test_the_default_passes_everything_at_once_and_in_order() -> None:
    times = [n / 100 for n in range(50)]
    assert run(Direction(Shape(), 1), times) == list(zip(times, range(50), strict=True))


def test_losses_have_the_wanted_rate_and_repeat_with_the_seed() -> None:
    times = [n / 1000 for n in range(20_000)]
    first, again = (run(Direction(Shape(loss=0.05), 7), times) for _ in range(2))
    assert first == again
    assert 0.94 < len(first) / len(times) < 0.96
    assert run(Direction(Shape(loss=0.05), 8), times) != first


def test_delay_and_jitter_keep_the_order() -> None:
    times = [n / 1000 for n in range(1000)]
    left = run(Direction(Shape(delay_ms=50, jitter_ms=30), 1), times)
    assert [number for _, number in left] == list(range(1000))
    delays = [at - times[number] for at, number in left]
    assert min(delays) >= 0.05
    assert max(delays) <= 0.0801
    assert max(delays) - min(delays) > 0.02


def test_reordering_holds_some_packets_back_and_counts_them() -> None:
    times = [n / 1000 for n in range(1000)]
    direction = Direction(Shape(reorder=0.1, reorder_ms=5), 1)
    order = [number for _, number in run(direction, times)]
    assert sorted(order) == list(range(1000))
    assert order != sorted(order)
    late = sum(number < max(order[:at], default=-1) for at, number in enumerate(order))
    assert direction.counts.reordered == late
    assert 50 < late < 150


def test_the_bottleneck_lets_through_its_rate_and_drops_what_its_queue_cannot_hold() -> None:
    direction = Direction(Shape(rate_bps=80_000, queue_bytes=1_000), 1)
    # Twice the rate: 200 packets a second of 100 bytes, where 100 fit.
    left = run(direction, [n / 200 for n in range(400)])
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(left)]
    assert min(gaps) == pytest.approx(0.01)
    assert max(gaps) == pytest.approx(0.01)
    assert direction.counts.overflowed == 400 - len(left)
    assert 200 <= len(left) <= 215


def test_a_cut_of_the_rate_holds_for_what_already_waits() -> None:
    direction = Direction(Shape(rate_bps=8e6, queue_bytes=100_000), 1)
    for _ in range(20):
        direction.offer(bytes(1000), 0.0)
    assert len(direction.take(0.005)) == 5
    direction.reshape(Shape(rate_bps=80_000, queue_bytes=100_000), 0.005)
    assert direction.take(0.09) == []
    assert len(direction.take(0.2051)) == 2


def test_lifting_the_rate_lets_everything_out_at_once() -> None:
    direction = Direction(Shape(rate_bps=800), 1)
    for _ in range(5):
        direction.offer(bytes(100), 0.0)
    direction.reshape(Shape(), 0.5)
    assert len(direction.take(0.5)) == 5


@given(SHAPES, st.lists(st.integers(0, 20), max_size=80), st.integers(0, 9))
def test_every_packet_is_forwarded_lost_or_overflowed_and_none_twice(
    shape: Shape, gaps_ms: list[int], seed: int
) -> None:
    direction = Direction(shape, seed)
    times = [sum(gaps_ms[: at + 1]) / 1000 for at in range(len(gaps_ms))]
    left = run(direction, times)
    numbers = [number for _, number in left]
    counts = direction.counts
    assert len(set(numbers)) == len(numbers) == counts.forwarded
    assert counts.offered == len(times)
    assert counts.forwarded + counts.lost + counts.overflowed == counts.offered
    assert all(at >= times[number] + shape.delay_ms / 1000 - 1e-9 for at, number in left)


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"delay_ms": -1}, {"rate_bps": float("nan")}])
def test_shapes_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Shape(**wrong)  # pyright: ignore[reportArgumentType] - the wrong numbers are floats
