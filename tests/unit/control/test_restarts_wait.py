"""Prosody and Jicofo: when new settings may restart them, and what is said of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octofleet.api.clusters import JitsiCluster
from octofleet.api.controller import Hours, Peace, domain_in_force, effective_cluster
from octofleet.api.maintenance import Restarts
from octofleet.api.status import ClusterStatus
from octofleet.core import clusterwide, events, reporting, restarts, schedule
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import ConditionType, Reason, Verdict, condition
from octofleet.core.observation import Timestamp
from octofleet.core.restarts import (
    CALM_SECONDS,
    JICOFO,
    PROSODY,
    Asked,
    Meetings,
    Part,
    Ruling,
    Standing,
)

NOW = Timestamp(datetime(2026, 3, 27, 12, 0, tzinfo=UTC).timestamp())
BUSY = Meetings(people=2, on_bridges=2)
QUIET = Meetings(people=0, on_bridges=0, empty_since=NOW)
SILENT = Meetings(people=None, on_bridges=0)
BOTH = (Part(PROSODY, restarts=True), Part(JICOFO, restarts=True))
NIGHT = Hours("0 3 * * *", "Europe/Berlin", 3600.0)
NOON = Hours("30 12 * * *", "Europe/Berlin", 3600.0)


def ruled(
    *parts: Part,
    meetings: Meetings = BUSY,
    restarts_when: Restarts = Restarts.WHEN_IDLE,
    windows: tuple[Hours, ...] = (),
) -> Ruling:
    peace = Peace(restarts_when, windows)
    return restarts.rule(parts or BOTH, Asked(peace), meetings, NOW)


def test_what_restarts_nothing_waits_for_nothing() -> None:
    found = ruled(Part(PROSODY, restarts=False), Part(JICOFO, restarts=False))
    assert found == Ruling()


def test_people_in_a_meeting_are_waited_for_and_nobody_is_not() -> None:
    busy, quiet = ruled(), ruled(meetings=QUIET)
    assert (busy.released, busy.waiting) == ((), (PROSODY, JICOFO))
    assert busy.reason is Reason.MEETINGS_GO_ON
    assert (quiet.released, quiet.waiting) == ((PROSODY, JICOFO), ())


def test_what_is_not_known_is_not_nobody() -> None:
    silent = ruled(meetings=SILENT)
    assert (silent.waiting, silent.reason) == ((PROSODY, JICOFO), Reason.PEOPLE_UNKNOWN)
    told_by_bridges = ruled(meetings=Meetings(people=0, on_bridges=3, empty_since=Timestamp(0.0)))
    assert told_by_bridges.reason is Reason.MEETINGS_GO_ON


def test_where_bridges_do_not_tell_jicofo_has_to_say_it_for_a_while() -> None:
    just_now = ruled(meetings=Meetings(people=0, on_bridges=None, empty_since=NOW))
    since = Timestamp(NOW - CALM_SECONDS)
    long_so = ruled(meetings=Meetings(people=0, on_bridges=None, empty_since=since))
    assert just_now.reason is Reason.PEOPLE_UNKNOWN
    assert long_so.waiting == ()


@pytest.mark.parametrize("standing", [Standing.ABSENT, Standing.DOWN])
def test_what_does_not_run_waits_for_nothing_and_the_other_does(standing: Standing) -> None:
    broken = Part(JICOFO, restarts=True, standing=standing)
    found = ruled(BOTH[0], broken, meetings=SILENT)
    assert (found.released, found.waiting) == ((JICOFO,), (PROSODY,))
    alone = ruled(broken, restarts_when=Restarts.IN_WINDOW, windows=(NIGHT,))
    assert alone.released == (JICOFO,)


def test_what_hangs_waits_only_for_people_who_are_known() -> None:
    hanging = Part(PROSODY, restarts=True, standing=Standing.HANGING)
    assert ruled(hanging, meetings=BUSY).waiting == (PROSODY,)
    assert ruled(hanging, meetings=SILENT).released == (PROSODY,)


def test_a_window_is_for_everybody_and_its_hour_is_told() -> None:
    inside = ruled(windows=(NIGHT, NOON))
    assert inside.released == (PROSODY, JICOFO)
    outside = ruled(restarts_when=Restarts.IN_WINDOW, windows=(NIGHT,), meetings=QUIET)
    assert (outside.waiting, outside.reason) == ((PROSODY, JICOFO), Reason.OUTSIDE_WINDOW)
    assert "2026-03-28T02:00" in outside.why
    assert "2026-03-28T02:00" in ruled(windows=(NIGHT,)).why


def test_a_window_that_is_not_understood_never_opens_and_says_so() -> None:
    wrong = Hours("0 25 * * *", "UTC", 60.0)
    found = ruled(restarts_when=Restarts.IN_WINDOW, windows=(wrong,))
    assert found.reason is Reason.OUTSIDE_WINDOW
    assert "0 25 * * *" in found.why
    assert ruled(windows=(wrong,), meetings=QUIET).waiting == ()


def test_immediately_is_whoever_is_there() -> None:
    assert ruled(restarts_when=Restarts.IMMEDIATELY).released == (PROSODY, JICOFO)


def test_now_means_what_has_waited_and_nothing_later() -> None:
    peace = Peace()
    asked = Asked(peace, now_at=NOW, waiting_since=NOW)
    assert restarts.rule(BOTH, asked, BUSY, NOW).released == (PROSODY, JICOFO)
    for since in (None, Timestamp(NOW + 0.001)):
        later = Asked(peace, now_at=NOW, waiting_since=since)
        assert restarts.rule(BOTH, later, BUSY, NOW).waiting == (PROSODY, JICOFO)
    for_good = Asked(peace, now_at=Timestamp(NOW + 3600), waiting_since=NOW)
    assert restarts.rule(BOTH, for_good, BUSY, NOW).waiting == (PROSODY, JICOFO)


def some(name: str) -> st.SearchStrategy[Part]:
    return st.builds(Part, st.just(name), st.booleans(), st.sampled_from(Standing))


PARTS = st.tuples(some(PROSODY), some(JICOFO))
COUNTS = st.none() | st.integers(0, 3)
MOMENTS = st.none() | st.floats(-100, 0).map(lambda ago: Timestamp(NOW + ago))


@settings(deadline=None)
@given(
    PARTS,
    st.builds(Meetings, COUNTS, COUNTS, MOMENTS),
    st.sampled_from([Restarts.WHEN_IDLE, Restarts.IN_WINDOW]),
)
def test_nothing_that_serves_is_restarted_while_anybody_may_be_in_a_meeting(
    parts: tuple[Part, Part], meetings: Meetings, when: Restarts
) -> None:
    found = restarts.rule(parts, Asked(Peace(when, (NIGHT,))), meetings, NOW)
    wanted = {each.name for each in parts if each.restarts}
    assert set(found.released) | set(found.waiting) == wanted
    assert not set(found.released) & set(found.waiting)
    serving = {each.name for each in parts if each.restarts and each.standing is Standing.SERVING}
    if serving & set(found.released):
        assert (meetings.people, meetings.on_bridges or 0) == (0, 0)
        assert when is Restarts.WHEN_IDLE


def test_windows_are_open_from_their_start_to_just_before_their_end() -> None:
    def at(text: str) -> Timestamp:
        return Timestamp(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

    opens = [schedule.is_open((NIGHT,), at(f"2026-03-27T{hour}")) for hour in ("01:59", "02:00")]
    closes = [schedule.is_open((NIGHT,), at(f"2026-03-27T{hour}")) for hour in ("02:59", "03:00")]
    assert (opens, closes) == ([False, True], [True, False])
    assert schedule.next_start((NIGHT, NOON), at("2026-03-27T10:00")) == at("2026-03-27T11:30")
    assert schedule.next_start((), NOW) is None


def document(**maintenance: Any) -> JitsiCluster:
    return JitsiCluster.model_validate(
        {
            "metadata": {"name": "meet"},
            "spec": {"domain": "new.example", "controller": {"maintenance": maintenance}},
        }
    )


def status(
    told: Verdict | None, old: ClusterStatus | None = None, domain: str = ""
) -> ClusterStatus:
    cluster = effective_cluster(document())
    return reporting.cluster_status(
        cluster, Whole(True, "", None, (), restarts=told, domain=domain), old, NOW
    )


def test_waiting_carrying_out_and_no_longer_needing_it_are_told_once() -> None:
    calm = status(restarts.verdict("meet", Ruling(), ()))
    waits = status(restarts.verdict("meet", ruled(), ()), calm)
    done = status(restarts.verdict("meet", ruled(meetings=QUIET), (JICOFO,)), waits)

    def told(old: ClusterStatus | None, new: ClusterStatus) -> list[str]:
        return [each.reason for each in events.cluster_notices(old, new)]

    assert told(calm, waits) == ["RestartWaits"]
    assert told(waits, waits) == []
    assert told(waits, done) == ["RestartCarriedOut"]
    assert told(calm, done) == ["RestartCarriedOut"]
    assert told(done, calm) == []
    assert told(waits, calm) == ["RestartNotNeeded"]
    found = condition(waits.conditions, ConditionType.RESTART_PENDING)
    assert found is not None
    assert (found.status, found.reason) == ("True", "MeetingsGoOn")
    assert "octofleet rollout now meet" in found.message
    assert ConditionType.RESTART_PENDING not in {
        each.type for each in clusterwide.verdicts(Whole(True, "", None, ()))
    }


def test_the_domain_in_force_is_the_one_before_until_prosody_serves_the_new_one() -> None:
    fresh = document()
    assert domain_in_force(fresh) == "new.example"
    waits = status(None, domain="old.example")
    assert domain_in_force(fresh.model_copy(update={"status": waits})) == "old.example"
    # A pass that found nothing out keeps what was known.
    assert status(None, waits).domain == "old.example"


def test_what_is_said_of_windows_holds_for_the_cluster() -> None:
    window = {"cron": "0 3 * * *", "timeZone": "Europe/Berlin", "duration": "1h"}
    found = effective_cluster(document(restarts="InWindow", windows=[window])).peace
    assert found == Peace(Restarts.IN_WINDOW, (NIGHT,))
    assert effective_cluster(document()).peace == Peace()
