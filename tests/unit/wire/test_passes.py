"""A region's pass opens the gateway whose token made it, as that region and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.passes import pass_of, region_of

REGIONS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
TOKENS = st.text(st.characters(codec="ascii"), min_size=1, max_size=80)


@given(TOKENS, REGIONS)
def test_a_pass_tells_its_region_and_nothing_of_the_token(token: str, region: str) -> None:
    made = pass_of(token, region)
    assert region_of(token, made) == region
    assert made.partition(".")[2] != token


@given(TOKENS, TOKENS, REGIONS, REGIONS)
def test_neither_another_token_nor_another_name_makes_it_good(
    token: str, other: str, region: str, name: str
) -> None:
    made = pass_of(token, region)
    if other != token:
        assert region_of(other, made) is None
    if name != region:
        assert region_of(token, f"{name}.{made.partition('.')[2]}") is None


@given(st.text(max_size=200), TOKENS)
def test_garbage_is_nobodys(presented: str, token: str) -> None:
    assert region_of(token, presented) is None


@pytest.mark.parametrize("name", ["", "EU", "eu west", "eu.west", "-eu", "e" * 64])
def test_a_name_no_region_can_have_gets_none(name: str) -> None:
    with pytest.raises(ValueError, match="region"):
        pass_of("token", name)
