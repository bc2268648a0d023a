"""Other passwords: no account goes that a bridge may use, and each request ends in other ones."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octofleet.core import rotation
from octofleet.core.conditions import Reason, Verdict
from octofleet.core.manifests import accounts
from octofleet.core.observation import Timestamp
from octofleet.core.rotation import AWAY_SECONDS, Begin, Register, Retire, Seen, Switch

NOW = Timestamp(1_900_000_000.0)
STILL = Seen(1, frozenset({1}), asked="a", answered="a")
SWITCHED = Seen(
    2,
    frozenset({1, 2}),
    asked="b",
    answered="b",
    switched_at=NOW,
    taken={1: True},
    used=frozenset({1, 2}),
)
GENERATIONS = st.integers(1, 4)
SEEN = st.builds(
    Seen,
    current=GENERATIONS,
    kept=st.frozensets(GENERATIONS),
    asked=st.sampled_from(["", "a", "b"]),
    answered=st.sampled_from(["", "a", "b"]),
    switched_at=st.sampled_from([None, NOW, Timestamp(NOW - AWAY_SECONDS)]),
    taken=st.dictionaries(GENERATIONS, st.sampled_from([True, False, None])),
    used=st.none() | st.frozensets(GENERATIONS),
    elsewhere=st.booleans(),
).map(lambda seen: replace(seen, kept=seen.kept | {seen.current}))


def said(
    seen: Seen, trouble: str = "", *, refused: bool = False, restored: bool = False
) -> Verdict:
    return rotation.verdict(
        seen,
        trouble,
        refused=refused,
        restored=restored,
        secret="meet-credentials",
        prosody="meet-prosody",
    )


def test_without_another_request_nothing_changes() -> None:
    assert rotation.step(STILL, NOW) is None
    assert rotation.step(replace(STILL, asked=""), NOW) is None
    assert said(STILL).reason is Reason.PASSWORDS_TAKEN


def test_a_request_makes_passwords_then_accounts_then_the_change_in_this_order() -> None:
    asked = replace(STILL, asked="b")
    assert rotation.step(asked, NOW) == Begin(2, "b")
    begun = replace(asked, kept=frozenset({1, 2}), answered="b", taken={2: False})
    assert rotation.step(begun, NOW) == Register(2)
    assert rotation.step(replace(begun, taken={2: None}), NOW) == Register(2)
    assert rotation.step(replace(begun, taken={2: True}), NOW) == Switch(2)
    assert said(begun).reason is Reason.ROTATING


def test_the_old_accounts_stay_while_a_bridge_uses_them_or_that_is_not_known() -> None:
    assert rotation.step(SWITCHED, NOW) is None
    assert rotation.step(replace(SWITCHED, used=None), NOW) is None
    assert rotation.step(replace(SWITCHED, used=frozenset({2})), NOW) == Retire(1)
    assert "until no bridge uses them" in said(SWITCHED).message


def test_a_prosody_that_started_anew_gets_the_old_accounts_again() -> None:
    assert rotation.step(replace(SWITCHED, taken={1: False}), NOW) == Register(1)
    assert rotation.step(replace(SWITCHED, taken={1: None}), NOW) is None


def test_bridges_in_another_kubernetes_have_a_day() -> None:
    seen = replace(SWITCHED, used=frozenset({2}), elsewhere=True)
    assert rotation.step(seen, NOW) is None
    assert rotation.step(seen, Timestamp(NOW + AWAY_SECONDS)) == Retire(1)
    used = replace(seen, used=frozenset({1}))
    assert rotation.step(used, Timestamp(NOW + AWAY_SECONDS)) is None
    assert "join-token" in said(seen).message


def test_the_next_request_waits_until_the_last_is_over() -> None:
    again = replace(SWITCHED, asked="c")
    assert rotation.step(again, NOW) is None
    assert rotation.step(replace(again, kept=frozenset({2}), taken={}), NOW) == Begin(3, "c")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (said(STILL, refused=True), Reason.PASSWORDS_REFUSED),
        (said(STILL, "it adds none"), Reason.ROTATION_BLOCKED),
        (said(STILL, restored=True), Reason.SECRET_RESTORED),
    ],
)
def test_what_is_wrong_is_said(found: Verdict, reason: Reason) -> None:
    assert found.reason is reason


@settings(deadline=None)
@given(SEEN)
def test_no_account_goes_that_is_used_current_or_coming(seen: Seen) -> None:
    step = rotation.step(seen, NOW)
    if isinstance(step, Retire):
        assert seen.used is not None
        assert step.generation not in seen.used
        assert step.generation < seen.current
    if isinstance(step, Switch):
        assert seen.takes(step.generation) is True
        assert step.generation in seen.kept
    if isinstance(step, Begin):
        assert step.generation not in seen.kept


@settings(deadline=None)
@given(SEEN.filter(lambda seen: bool(seen.asked)))
def test_every_request_ends_with_one_generation_whatever_it_began_with(seen: Seen) -> None:
    """A world that obeys: Prosody takes what is registered, bridges follow the current one."""
    now = Timestamp(NOW + AWAY_SECONDS)
    known = {each for each, taken in (seen.taken or {}).items() if taken}
    for _ in range(20):
        seen = replace(
            seen, used=frozenset({seen.current}), taken={e: e in known for e in seen.kept}
        )
        match rotation.step(seen, now):
            case None:
                break
            case Begin(which, asked):
                seen = replace(seen, kept=seen.kept | {which}, answered=asked)
            case Register(which):
                known.add(which)
            case Switch(which):
                seen = replace(seen, current=which, switched_at=NOW)
            case Retire(which):
                seen = replace(seen, kept=seen.kept - {which})
    assert seen.kept == {seen.current}
    assert seen.asked == seen.answered


@given(st.integers(1, 999_999))
def test_an_account_tells_its_generation(which: int) -> None:
    assert accounts.generation_of(accounts.bridge_user(which)) == which
    assert accounts.generation_of(accounts.operator_user(which)) == which


@pytest.mark.parametrize("user", ["", "focus", "jvb-", "jvb-0", "jvb-01", "jvbx", "jvb-2-3"])
def test_other_accounts_are_none_of_ours(user: str) -> None:
    assert accounts.generation_of(user) is None


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=9)))
def test_a_secret_that_somebody_edited_is_read_all_the_same(values: dict[str, str]) -> None:
    assert accounts.current(values) >= 1
    assert accounts.current_values(values)["generation"] == str(accounts.current(values))
    assert all(each >= 1 for each in accounts.generations(values))
