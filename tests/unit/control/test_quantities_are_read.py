"""Quantities, durations and moments, as Kubernetes writes them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octofleet.api import quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", 0.5),
        (2, 2),
        ("2", 2),
        ("0.6", 0.6),
        ("1Ki", 1024),
        ("1.5Gi", 1.5 * 1024**3),
        ("1k", 1000),
        ("1e3", 1000),
        ("12E2", 1200),
        ("1E", 1e18),
        ("100u", 1e-4),
        ("5n", 5e-9),
        (".5", 0.5),
        ("-1", -1),
    ],
)
def test_quantity_is_the_number_it_stands_for(text: int | str, value: float) -> None:
    assert quantities.quantity(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "plenty", "1 Gi", "1Kib", "Ki", "1e", "--1", "1\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantities.quantity(text)


@given(st.from_regex(re.compile(quantities.QUANTITY_PATTERN.replace("$", r"\Z")), fullmatch=True))
def test_everything_the_schema_lets_through_is_read(text: str) -> None:
    # An exponent of a thousand digits has no use; the schema's maxLength keeps it out.
    if text.isascii() and len(text) <= 32 and len(re.sub(r".*[eE]", "", text)) < 4:
        quantities.quantity(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0s", 0), ("240s", 240), ("90m", 5400), ("4h", 14400), ("1h30m5s", 5405)]
)
def test_duration_is_its_seconds(text: str, value: float) -> None:
    assert quantities.seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "5d", "-5s", "1.5h", "5 s", "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        quantities.seconds(text)


@given(st.integers(0, 4_000_000_000_000))
def test_moment_survives_being_written(milliseconds: int) -> None:
    at = milliseconds / 1000
    assert quantities.moment(quantities.moment_text(at)) == pytest.approx(at, abs=1e-3)


def test_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        quantities.moment("2026-11-23T07:00:00")


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (0.5, "0.5"), (1 / 3, "0.333"), (0, "0"), (100, "100")]
)
def test_number_is_short(value: float, text: str) -> None:
    assert quantities.number_text(value) == text
