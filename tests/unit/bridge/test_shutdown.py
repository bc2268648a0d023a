"""How a bridge goes: states, waits, and no way back."""

from hypothesis import given
from hypothesis import strategies as st

from octobridge.core.shutdown import Occupancy, Shutdown, ShutdownState, Timing

NOBODY = Occupancy(0, 0)
PEOPLE = Occupancy(3, 1)
TIMING = Timing(max_duration=100.0, delay=60.0)


def test_idle_bridge_is_gone_at_once() -> None:
    shutdown = Shutdown(TIMING)
    assert shutdown.ask_graceful(0.0)
    assert shutdown.advance(NOBODY, 0.0)
    assert shutdown.state is ShutdownState.EXITED


def test_bridge_waits_for_its_people_then_goes() -> None:
    shutdown = Shutdown(TIMING)
    shutdown.ask_graceful(0.0)
    assert not shutdown.advance(PEOPLE, 99.0)
    assert shutdown.state is ShutdownState.GRACEFUL
    assert shutdown.is_graceful
    assert not shutdown.is_shutting_down
    assert shutdown.advance(NOBODY, 99.5)
    assert shutdown.state is ShutdownState.EXITED


def test_deadline_gives_the_focus_a_while_to_move_people() -> None:
    shutdown = Shutdown(TIMING)
    shutdown.ask_graceful(0.0)
    shutdown.advance(PEOPLE, 100.0)
    assert shutdown.state is ShutdownState.SHUTTING_DOWN
    assert shutdown.is_graceful
    assert not shutdown.advance(PEOPLE, 159.0)
    assert shutdown.advance(PEOPLE, 160.0)
    assert shutdown.state is ShutdownState.EXITED


def test_bridge_whose_people_were_moved_does_not_sit_out_the_while() -> None:
    shutdown = Shutdown(TIMING)
    shutdown.ask_immediate(0.0)
    assert not shutdown.advance(PEOPLE, 1.0)
    assert not shutdown.advance(Occupancy(0, 1), 2.0)
    assert shutdown.advance(NOBODY, 3.0)
    assert shutdown.state is ShutdownState.EXITED


def test_few_enough_people_end_the_wait() -> None:
    shutdown = Shutdown(Timing(max_duration=100.0, min_participants=3))
    shutdown.ask_graceful(0.0)
    shutdown.advance(PEOPLE, 1.0)
    assert shutdown.state is ShutdownState.SHUTTING_DOWN


def test_being_asked_twice_changes_nothing() -> None:
    shutdown = Shutdown(TIMING)
    assert shutdown.ask_graceful(0.0)
    assert not shutdown.ask_graceful(50.0)
    shutdown.advance(PEOPLE, 100.0)
    assert shutdown.state is ShutdownState.SHUTTING_DOWN


def test_impatience_overrides_grace_but_never_the_other_way() -> None:
    shutdown = Shutdown(TIMING)
    shutdown.ask_graceful(0.0)
    assert shutdown.ask_immediate(1.0)
    assert not shutdown.ask_graceful(2.0)
    assert not shutdown.ask_immediate(2.0)


def test_immediate_shutdown_is_not_called_graceful() -> None:
    shutdown = Shutdown(TIMING)
    shutdown.ask_immediate(0.0)
    assert (shutdown.is_graceful, shutdown.is_shutting_down) == (False, True)


def test_running_bridge_stays() -> None:
    shutdown = Shutdown(TIMING)
    assert not shutdown.advance(NOBODY, 1e9)
    assert not shutdown.refuses_conferences


ORDER = list(ShutdownState)
asks = st.tuples(
    st.sampled_from(["graceful", "immediate", "wait"]),
    st.integers(0, 3),
    st.floats(0, 50),
)


@given(st.lists(asks, max_size=30))
def test_there_is_no_way_back_and_people_are_never_cut_off_early(
    script: list[tuple[str, int, float]],
) -> None:
    shutdown = Shutdown(TIMING)
    now, told = 0.0, None
    for ask, people, pause in script:
        now += pause
        before = shutdown.state
        if ask == "graceful":
            shutdown.ask_graceful(now)
        elif ask == "immediate":
            shutdown.ask_immediate(now)
        shutdown.advance(Occupancy(people, int(people > 0)), now)
        assert ORDER.index(shutdown.state) >= ORDER.index(before)
        if shutdown.is_shutting_down and told is None:
            told = now
        if people and shutdown.state is ShutdownState.EXITED and before is not shutdown.state:
            assert told is not None
            assert now - told >= TIMING.delay - 1e-6
