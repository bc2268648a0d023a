"""What a receiver may get at most: order of importance, last-n, and what its messages mean."""

from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_channel import ReceiverVideoConstraints, VideoConstraints
from octobridge.core.constraints import (
    NOTHING,
    Ranking,
    ReceiverSettings,
    effective,
    smallest_last_n,
)

SMALL = VideoConstraints(max_height=180)
LARGE = VideoConstraints(max_height=720)
RANKING = Ranking(["a", "b", "c", "d"], ["x", "y"])


def order(settings: ReceiverSettings, last_n: int = -1, own: frozenset[str] = frozenset()) -> str:
    return "".join(effective(RANKING, settings, own, last_n))


def test_stage_then_selection_then_speech_then_what_shows_nothing() -> None:
    settings = ReceiverSettings(SMALL, on_stage=("d", "x"), selected=("c", "d", "gone"))
    assert order(settings) == "dcabyx"
    assert order(settings, own=frozenset("d")) == "cabyx"


def test_last_n_counts_only_what_is_wanted() -> None:
    settings = ReceiverSettings(SMALL, constraints={"a": NOTHING})
    assert order(settings, last_n=2) == "bc"
    assert order(settings, last_n=0) == ""


def test_stage_keeps_its_place_even_if_nothing_is_wanted_of_it() -> None:
    settings = ReceiverSettings(SMALL, on_stage=("b",), constraints={"b": NOTHING})
    assert order(settings, last_n=1) == "ba"


def test_named_constraints_alone_follow_speech_too() -> None:
    settings = ReceiverSettings(constraints={"d": LARGE, "b": SMALL, "gone": SMALL})
    found = effective(RANKING, settings, frozenset(), -1)
    assert list(found.items()) == [("b", SMALL), ("d", LARGE)]


def test_first_message_brings_a_default_and_later_ones_keep_it() -> None:
    first = ReceiverSettings().merged(ReceiverVideoConstraints(last_n=5), SMALL)
    assert (first.default, first.last_n) == (SMALL, 5)
    named = first.merged(ReceiverVideoConstraints(default_constraints=LARGE), SMALL)
    assert (named.default, named.last_n) == (LARGE, 5)
    later = named.merged(ReceiverVideoConstraints(selected_sources=("a", "a")), SMALL)
    assert (later.default, later.selected) == (LARGE, ("a",))
    replaced = later.merged(ReceiverVideoConstraints(constraints={"a": SMALL}), SMALL)
    assert replaced.merged(ReceiverVideoConstraints(constraints={}), SMALL).constraints == {}


names = st.sampled_from("abcdxyz")
tuples = st.lists(names, max_size=3, unique=True).map(tuple)
constraints = st.sampled_from([NOTHING, SMALL, LARGE])
receivers = st.builds(
    ReceiverSettings,
    default=constraints,
    on_stage=tuples,
    selected=tuples,
    constraints=st.dictionaries(names, constraints, max_size=4),
)
owns = st.frozensets(names, max_size=2)


@given(receivers, owns, st.integers(-1, 7))
def test_last_n_is_kept_and_own_sources_are_left_out(
    settings: ReceiverSettings, own: frozenset[str], last_n: int
) -> None:
    found = effective(RANKING, settings, own, last_n)
    wanted = [name for name, of in found.items() if not of.is_disabled]
    assert last_n < 0 or len(wanted) <= last_n
    assert not own & found.keys()
    assert all(name in RANKING for name in found)
    assert all(found[name] == settings.of(name) for name in found)


@given(receivers, owns, st.integers(0, 6))
def test_a_larger_last_n_only_adds(
    settings: ReceiverSettings, own: frozenset[str], last_n: int
) -> None:
    narrow = [n for n, c in effective(RANKING, settings, own, last_n).items() if c.max_height]
    wide = [n for n, c in effective(RANKING, settings, own, last_n + 1).items() if c.max_height]
    assert wide[: len(narrow)] == narrow


def test_tightest_limit_counts() -> None:
    assert smallest_last_n(-1, 5, 3, -1) == 3
    assert smallest_last_n(-1, -1) == -1
    assert smallest_last_n(0, 5) == 0
