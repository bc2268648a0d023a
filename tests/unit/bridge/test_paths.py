"""Addresses and whose they are."""

from hypothesis import given
from hypothesis import strategies as st

from octobridge.shell.paths import MAX_PATHS, Path, Paths

HERE = Path(1, "192.0.2.1", 4000)


def test_an_address_is_taken_from_another_only_on_proof() -> None:
    paths = Paths()
    assert paths.claim(HERE, 1, is_proved=False)
    assert paths.claim(HERE, 1, is_proved=False)
    assert not paths.claim(HERE, 2, is_proved=False)
    assert paths.claim(HERE, 2, is_proved=True)
    assert not paths.claim(HERE, 1, is_proved=False)


def test_what_was_released_is_anyones() -> None:
    paths = Paths()
    paths.claim(HERE, 1, is_proved=True)
    paths.release(1)
    assert paths.claim(HERE, 2, is_proved=False)


def test_a_transports_addresses_are_bounded_and_the_oldest_goes() -> None:
    paths = Paths()
    for port in range(MAX_PATHS + 1):
        paths.claim(Path(1, "192.0.2.1", port), 1, is_proved=False)
    assert len(paths) == MAX_PATHS
    assert paths.claim(Path(1, "192.0.2.1", 0), 2, is_proved=False)


CALLS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 3), st.booleans(), st.booleans()))


@given(CALLS)
def test_nothing_is_left_when_all_are_gone(calls: list[tuple[int, int, bool, bool]]) -> None:
    paths = Paths()
    for port, transport, is_proved, goes in calls:
        if goes:
            paths.release(transport)
        else:
            paths.claim(Path(1, "192.0.2.1", port), transport, is_proved=is_proved)
    for transport in (1, 2, 3):
        paths.release(transport)
    assert len(paths) == 0
