"""What a real API server says to mistakes in headroom, schedules, pauses and the busiest bridge."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.component.control.apiserver import ApiServer
from tests.component.control.test_resources_are_judged import CLUSTER, REGION, changed, metric

Object = dict[str, Any]


def window(**fields: Any) -> list[Object]:
    return [{"cron": "0 8 * * *", "duration": "1h", "minBridges": 3, **fields}]


REFUSED: Mapping[str, tuple[Object, str, str]] = {
    "the busiest by people": (
        changed(
            REGION,
            "spec.autoscaling.metrics",
            metric("Participants", averageValue="5", worstValue="9"),
        ),
        "spec.autoscaling.metrics[0].target",
        "only a Stress metric may have target.worstValue",
    ),
    "room for less than half of it": (
        changed(REGION, "spec.autoscaling.headroom.joins", "P10"),
        "spec.autoscaling.headroom.joins",
        "must be a number, or P50 to P99",
    ),
    "room for some": (
        changed(CLUSTER, "spec.autoscaling.headroom.joins", "some"),
        "spec.autoscaling.headroom.joins",
        "should match",
    ),
    "a debt of bridges": (
        changed(REGION, "spec.autoscaling.headroom.spareBridges", -1),
        "spec.autoscaling.headroom.spareBridges",
        "greater than or equal to 0",
    ),
    "window of no time": (
        changed(REGION, "spec.autoscaling.schedule", window(duration="0s")),
        "spec.autoscaling.schedule[0].duration",
        "duration must be more than 0s",
    ),
    "window of more than a week": (
        changed(REGION, "spec.autoscaling.schedule", window(duration="200h")),
        "spec.autoscaling.schedule[0].duration",
        "at most 168h",
    ),
    "hours in words": (
        changed(REGION, "spec.autoscaling.schedule", window(cron="at noon")),
        "spec.autoscaling.schedule[0].cron",
        "should match",
    ),
    "half a pause": (
        changed(REGION, "spec.autoscaling.paused", "ScaleOut"),
        "spec.autoscaling.paused",
        "Unsupported value",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistake_is_refused_and_the_field_is_named(apiserver: ApiServer, case: str) -> None:
    wrong, field, why = REFUSED[case]
    result = apiserver.try_apply(wrong, dry_run=True)
    assert result.returncode != 0
    assert field in result.stderr
    assert why in result.stderr
