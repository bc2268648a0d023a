"""When peers are asked for consent: apart from one another, but not one by one."""

from hypothesis import given
from hypothesis import strategies as st

from octoengine.ice_consent import Consent


@given(st.floats(0, 1e6), st.binary(min_size=40, max_size=40))
def test_questions_come_on_half_seconds_four_to_six_seconds_apart(now: float, noise: bytes) -> None:
    random = iter(noise)
    consent = Consent(now, lambda count: bytes(next(random) for _ in range(count)))
    asked = now
    for _ in range(10):
        due = min(consent.deadlines())
        assert not consent.is_due(due - 0.001)
        assert consent.is_due(due)
        assert (due * 2).is_integer()
        assert 4 <= due - asked <= 6
        asked = due
        consent.given(due)


def test_a_peer_in_doubt_is_asked_at_once_and_soon_again() -> None:
    consent = Consent(0.0, bytes)
    consent.doubt(3.3)
    assert consent.is_due(3.3)
    assert not consent.is_due(3.8)
    assert consent.is_due(3.9)
