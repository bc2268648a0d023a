"""The simulator's page in a real browser: opens, complains of nothing, and can be read."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from octodemo.chromium import Page, chromium
from octofleet.cli import simulating
from octofleet.simulate import running

POLICIES = ("octofleet", *running.PEERS, "oracle")
WORKLOAD: dict[str, Any] = {
    "name": "two-mornings",
    "days": 1.5,
    "warmupDays": 0,
    "start": "2026-03-24T06:00:00+00:00",
    "decisionSeconds": 60,
    "calls": [{"kind": "meetings", "perDay": 250, "size": 7}],
    "bridge": {"packetRate": 30_000},
}
READ = """
[...document.querySelectorAll('svg')].map((svg) => {
  const box = (one) => { const r = one.getBoundingClientRect();
    return {left: r.left, right: r.right, top: r.top, bottom: r.bottom}; };
  return {
    label: svg.getAttribute('aria-label'),
    box: box(svg),
    policies: [...svg.querySelectorAll('[data-policy]')].map((one) => one.dataset.policy),
    drawn: [...svg.querySelectorAll('polyline')].map(box),
    texts: [...svg.querySelectorAll('text')].map((one) => ({said: one.textContent, ...box(one)})),
  };
})
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    workload, page = folder / "workload.yaml", folder / "out.html"
    workload.write_text(yaml.safe_dump(WORKLOAD))
    assert simulating.simulate(workload=workload, policy=list(POLICIES), report=page) == 0
    return page


async def opened(page: Page) -> list[dict[str, Any]]:
    await page.until(
        "document.readyState === 'complete' && document.querySelectorAll('svg').length"
    )
    return await page.evaluate(READ)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("width", [1100, 700])
async def test_every_policy_is_drawn_and_no_words_lie_on_others(report: Path, width: int) -> None:
    async with chromium(flags=[f"--window-size={width},2400"]) as browser:
        page = await browser.open(report.as_uri())
        pictures = await opened(page)
        assert page.complaints == []
        assert await page.evaluate("performance.getEntriesByType('resource').length") == 0
        legends = await page.evaluate(
            "[...document.querySelectorAll('.legend')].map((one) => one.textContent)"
        )
        rows = await page.evaluate("[...document.querySelectorAll('td')].map((o) => o.textContent)")
    found = {each["label"]: each for each in pictures}
    assert list(found) == ["People", "Bridges", "Overload", "The busiest bridge", "Cost"]
    for label in ("Bridges", "Overload", "The busiest bridge", "Cost"):
        assert sorted(found[label]["policies"]) == sorted(POLICIES)
    for policy in POLICIES:
        assert policy in rows
        assert all(policy in each for each in legends)
    assert len(legends) == 2
    for picture in pictures:
        assert_readable(picture)


def assert_readable(picture: dict[str, Any]) -> None:
    """Axes are there, and words and lines stay inside the picture, apart from one another."""
    texts, whole = picture["texts"], picture["box"]
    assert sum(":" in each["said"] for each in texts) >= 3, "no times below"
    for each in (*texts, *picture["drawn"]):
        assert whole["left"] - 1 <= each["left"] <= each["right"] <= whole["right"] + 1
        assert whole["top"] - 1 <= each["top"] <= each["bottom"] <= whole["bottom"] + 1
    for line in picture["drawn"]:
        assert line["right"] - line["left"] > 0.5 * (whole["right"] - whole["left"])
    for n, one in enumerate(texts):
        for other in texts[n + 1 :]:
            apart = (
                one["right"] <= other["left"]
                or other["right"] <= one["left"]
                or one["bottom"] <= other["top"]
                or other["bottom"] <= one["top"]
            )
            assert apart, f"{one['said']!r} lies on {other['said']!r}"
