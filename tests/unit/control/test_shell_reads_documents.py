"""Readers of documents are total; what pods, nodes and Jicofo say is read as it is meant."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.stats import BridgeStats
from octofleet.api.bridges import Toleration
from octofleet.api.status import RegionStatus
from octofleet.core.observation import Conference, Timestamp
from octofleet.shell import documents, pods
from octofleet.shell.bells import Bells, Key
from octofleet.shell.caching import Shared
from octofleet.shell.errors import Unreachable
from octofleet.shell.handlers import CLUSTER, REGION
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.reconciling import (
    LAST_RETRY_SECONDS,
    NEWS_SECONDS,
    Boundary,
    backoff_seconds,
)
from octofleet.shell.serving import Health
from octofleet.shell.settings import from_environment
from octofleet.shell.telemetry import Telemetry

RECORDED = Path(__file__).parents[2] / "contract" / "transcripts" / "rest"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
FIELDS = ["metadata", "spec", "status", "containerStatuses", "conditions", "taints", "state"]
DOCUMENT = st.dictionaries(st.sampled_from(FIELDS), JSON)


@given(DOCUMENT)
def test_any_document_can_be_read_as_a_pod_a_node_or_metrics(document: dict[str, Any]) -> None:
    pods.bridge_of(document)
    pods.cpu_request(document)
    pods.cpu_usage(document)
    pods.node_of(document, {"a": "b"}, (Toleration(operator="Exists"),))


def test_a_sidecars_request_counts_as_its_use_does_and_a_finished_errands_doesnt() -> None:
    def asking(cpu: str, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "containers": [asking("100m")],
        "initContainers": [asking("50m"), asking("10m", restartPolicy="Always")],
    }
    assert pods.cpu_request({"spec": spec}) == pytest.approx(0.11)


@given(st.text())
def test_any_text_can_be_read_as_a_time_or_an_amount(text: str) -> None:
    documents.moment({"at": text}, "at")
    documents.quantity(text)


@pytest.mark.parametrize("absurd", [float("inf"), float("nan"), 10**400, -(10**400), True, "1"])
def test_number_that_is_none_is_unknown(absurd: object) -> None:
    assert documents.number({"at": absurd}, "at") is None


@given(st.text())
def test_any_text_can_be_read_as_a_measuring_window(text: str) -> None:
    assert pods.window({"window": text}) >= 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("14.5s", 14.5), ("1m0.25s", 60.25), ("1h2m", 3720), ("500ms", 0.5), ("x", 0)],
)
def test_measuring_window_is_read_as_the_metrics_server_writes_it(
    text: str, seconds: float
) -> None:
    assert pods.window({"window": text}) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("told", "people", "stress"),
    [
        (BridgeStats(local_endpoints=0, stress_level=0.0), 0, 0),
        (BridgeStats(local_endpoints=7, stress_level=1.25), 7, 1.25),
        (BridgeStats(local_endpoints=-1, stress_level=-0.5), None, None),
        (BridgeStats(local_endpoints=10**12, stress_level=1e300), None, None),
        (BridgeStats(), None, None),
    ],
)
def test_absurd_statistics_are_unknown_not_decided_on(
    told: BridgeStats, people: float | None, stress: float | None
) -> None:
    found = pods.told(pods.bridge_of({}), told, Timestamp(1.0))
    assert (found.participants and found.participants.value) == people
    assert (found.stress and found.stress.value) == stress


def test_deletion_was_asked_for_before_its_grace() -> None:
    meta = {"deletionTimestamp": "2026-01-01T01:00:00Z", "deletionGracePeriodSeconds": 3600}
    found = pods.bridge_of({"metadata": meta})
    assert found.deleting_since == documents.moment({"x": "2026-01-01T00:00:00Z"}, "x")


def test_container_that_crashes_says_how_it_ended() -> None:
    state = {
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
    }
    found = pods.bridge_of({"status": {"phase": "Running", "containerStatuses": [state]}})
    assert (found.waiting_reason, found.last_error) == ("CrashLoopBackOff", "Error: exit code 2")


def test_pod_without_a_node_says_what_the_scheduler_says() -> None:
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }
    found = pods.bridge_of({"status": {"phase": "Pending", "conditions": [scheduled]}})
    assert (found.waiting_reason, found.last_error) == ("Unschedulable", "0/3 nodes are available")


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(key="media", operator="Exists"), True),
        (Toleration(key="media", value="yes"), True),
        (Toleration(key="media", value="no"), False),
        (Toleration(key="media", operator="Exists", effect="NoExecute"), False),
        (Toleration(key="other", operator="Exists"), False),
    ],
)
def test_taint_is_put_up_with_as_kubernetes_has_it(toleration: Toleration, fits: bool) -> None:
    taint = {"key": "media", "value": "yes", "effect": "NoSchedule"}
    node = {"spec": {"taints": [taint]}}
    assert pods.node_of(node, {}, (toleration,)).schedulable is fits
    assert pods.node_of(node, {}, ()).schedulable is False


def answering(body: str, status: int = 200) -> JicofoClient:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=body))
    return JicofoClient(httpx.AsyncClient(transport=transport))


async def test_jicofos_recorded_debug_is_read() -> None:
    body = (RECORDED / "conf-jicofo-debug_full_true.json").read_text()
    view = await answering(body).view("http://jicofo", Timestamp(5.0))
    bridge = view.bridges["jvb1"]
    assert (bridge.operational, bridge.draining, bridge.version) == (True, False, "2.1")
    assert view.conferences == {"jvb1": (Conference("conf2@conference.meet.local", 3),)}
    assert view.at == 5.0


@pytest.mark.parametrize("body", ["", "[]", "nonsense", "{}", '{"focus_manager": {}}'])
async def test_jicofo_that_answers_nonsense_is_unreachable_not_empty(body: str) -> None:
    with pytest.raises(Unreachable):
        await answering(body).view("http://jicofo", Timestamp(0.0))


@given(st.dictionaries(st.sampled_from(["focus_manager", "bridge_selector"]), JSON))
async def test_any_json_of_jicofo_is_read_or_unreachable(document: dict[str, Any]) -> None:
    body = json.dumps(document)
    try:
        await answering(body).view("http://jicofo", Timestamp(0.0))
    except Unreachable:
        assert "bridge_selector" not in document


async def test_move_that_jicofo_refuses_is_no_move() -> None:
    with pytest.raises(Unreachable):
        await answering("no such bridge", 404).move_conference("http://jicofo", "b", "c")


def test_retries_come_ever_more_slowly_and_never_stop() -> None:
    waits = [backoff_seconds(count, 0.0) for count in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[-1] == LAST_RETRY_SECONDS / 2
    assert all(backoff_seconds(each, 0.999) <= LAST_RETRY_SECONDS for each in (1, 5, 5000))


async def test_reconcile_never_raises() -> None:
    async def broken(_: Key) -> float | None:
        raise ZeroDivisionError

    health = Health(5.0, time.time)
    boundary = Boundary(broken, health, Telemetry(), time.time)
    pause = await boundary.reconcile(Key(REGION, "a", "b"))
    assert pause is not None
    assert pause > 0
    assert health.alive


async def test_failing_reconcile_is_not_hurried_by_news() -> None:
    """Bridges tell something every second; an API server in trouble must not feel that."""
    now, tries = [100.0], [0]

    async def broken(_: Key) -> float | None:
        tries[0] += 1
        raise Unreachable("nothing answers")

    boundary = Boundary(broken, Health(5.0, time.time), Telemetry(), lambda: now[0])
    key = Key(REGION, "a", "b")
    for _ in range(8):
        pause = await boundary.reconcile(key)
        assert pause is not None
        now[0] += pause
    left = await boundary.reconcile(key)
    assert left is not None
    assert tries[0] == 9
    for _ in range(40):
        now[0] += 0.1
        assert await boundary.reconcile(key) is not None
    assert tries[0] == 9, "rung every moment, it waits"
    now[0] += NEWS_SECONDS
    await boundary.reconcile(key)
    assert tries[0] == 10, "but news end a long wait"


def test_operator_without_a_completed_reconcile_is_not_alive() -> None:
    now = [0.0]
    health = Health(5.0, lambda: now[0])
    assert health.alive
    health.expected()
    now[0] = 89.0
    assert health.alive
    now[0] = 91.0
    health.expected()
    assert not health.alive
    health.completed()
    assert health.alive


async def test_many_rings_wake_once() -> None:
    bells, key = Bells(), Key(CLUSTER, "a", "b")
    for _ in range(5):
        bells.ring(key)
    await bells.wait(key, 10.0)
    started = time.monotonic()
    await bells.wait(key, 0.01)
    assert time.monotonic() - started >= 0.01


async def test_shared_reading_is_taken_once_and_again_when_old() -> None:
    now, taken = [0.0], list[str]()

    async def read(key: str) -> int:
        taken.append(key)
        return len(taken)

    shared = Shared[str, int](read, 1.0, lambda: now[0])
    assert [await shared.get("a"), await shared.get("a"), await shared.get("b")] == [1, 1, 2]
    now[0] = 2.0
    assert await shared.get("a") == 3
    shared.forget("a")
    assert await shared.get("a") == 4


def test_settings_come_from_the_environment() -> None:
    found = from_environment({"OCTOFLEET_NAMESPACES": "a,b", "OCTOFLEET_BRIDGE_IMAGE": "x:1"})
    assert (found.namespaces, found.bridge_image, found.jicofo_image) == (("a", "b"), "x:1", None)


@pytest.mark.parametrize("value", ["soon", "0", "-1"])
def test_mistaken_setting_is_named(value: str) -> None:
    with pytest.raises(ValueError, match="OCTOFLEET_PERIOD_SECONDS"):
        from_environment({"OCTOFLEET_PERIOD_SECONDS": value})


def test_a_status_written_by_a_newer_operator_is_read_after_a_rollback() -> None:
    newer = {
        "replicas": 2,
        "invented": {"later": True},
        "lastDecision": {
            "at": "2026-01-01T00:00:00Z",
            "wanted": 3,
            "recommended": 3,
            "winner": "Participants",
            "message": "3 wanted",
            "terms": [{"type": "Participants", "target": "8", "invented": 1}],
            "invented": "later",
        },
    }
    read = RegionStatus.model_validate(newer)
    assert read.replicas == 2
    assert read.last_decision is not None
    assert read.last_decision.wanted == 3
