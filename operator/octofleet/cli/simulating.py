"""`octofleet simulate` and `replay`: what would be, on paper.

The simulator needs numpy, and traces pyarrow: `pip install 'octofleet[simulate]'`.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from octofleet.simulate import compare as comparing
from octofleet.simulate import course as courses
from octofleet.simulate import report as reporting
from octofleet.simulate import running, suite, traces
from octofleet.simulate.compare import Comparison
from octofleet.simulate.description import Workload, load
from octofleet.simulate.running import Figures, Run

__all__ = ["app", "replay"]

app = App(name="simulate")

Policies = Annotated[list[str] | None, Parameter(name=["--policy", "-p"])]
File = Annotated[Path | None, Parameter(name=["--workload", "-w"])]


@app.default
def simulate(
    *,
    workload: File = None,
    policy: Policies = None,
    report: Path | None = None,
    trace: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Simulate one workload.

    Args:
        workload: A description (docs/explanation/simulator.md); otherwise a day of an office.
        policy: octofleet (the default), jitsi-autoscaler, hpa-chart, hpa-75, agones-buffer,
            static-peak, oracle; may be given several times.
        report: Write a page with pictures there.
        trace: Write the load itself there, as .csv or .parquet, to replay or to look at.
        as_json: Print figures as JSON.
    """
    chosen = _workload(workload)
    found = running.load_of(chosen)
    if trace is not None:
        traces.write(found.trace, trace)
    runs = [running.run(found, name) for name in policy or ["octofleet"]]
    return _tell(runs, report, as_json)


@app.command
def compare(
    *,
    suite_name: Annotated[str, Parameter(name="--suite")] = "standard",
    workload: Annotated[list[Path] | None, Parameter(name=["--workload", "-w"])] = None,
    report: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Compare Octofleet with other autoscalers and with an oracle.

    Args:
        suite_name: standard is the only suite there is.
        workload: Descriptions of workloads to compare on instead; may be given several times.
        report: Write a page with pictures there.
        as_json: Print figures as JSON.
    """
    if suite_name != "standard":
        raise ValueError(f"no suite {suite_name!r}: there is standard")
    workloads = suite.standard() if not workload else tuple(load(each) for each in workload)
    found = comparing.compare(workloads)
    status = _tell(list(found.runs), report, as_json)
    if not as_json:
        Console().print(verdict_table(found))
    return status


@app.command
def course(*, workload: File = None) -> int:
    """Print as JSON how a workload goes by: joins, sizes, each bridge's stress over time.

    Args:
        workload: A description; otherwise a day of an office. Only its first region is told.
    """
    json.dump(courses.course_of(running.load_of(_workload(workload))).as_dict(), sys.stdout)
    sys.stdout.write("\n")
    return 0


def replay(
    trace: Path,
    /,
    *,
    workload: File = None,
    policy: Policies = None,
    report: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Replay a deployment's own history.

    Args:
        trace: A .csv or .parquet file: joined_at, left_at, conference, region, perhaps media.
        workload: A description, for its bridges, regions and settings; its calls don't count.
        policy: As in `octofleet simulate`.
        report: Write a page with pictures there.
        as_json: Print figures as JSON.
    """
    history = traces.read(trace)
    chosen = _workload(workload)
    known = {each.name: each for each in chosen.regions}
    regions = [
        known.get(name) or chosen.regions[0].model_copy(update={"name": name})
        for name in history.regions
    ]
    chosen = chosen.model_copy(update={"name": trace.name, "regions": tuple(regions)})
    found = running.load_of(chosen, history)
    runs = [running.run(found, name) for name in policy or ["octofleet"]]
    return _tell(runs, report, as_json)


def verdict_table(found: Comparison) -> Table:
    """Return how Octofleet does against each peer, over all workloads."""
    table = Table("Against", "Bridge-hours", "Our overload", "Theirs", "Beaten", box=None)
    for each in comparing.verdicts(found):
        table.add_row(
            each.peer,
            f"{each.hours_ratio:.2f}x",
            f"{each.our_minutes:.0f} min",
            f"{each.their_minutes:.0f} min",
            "yes" if each.beaten else "no",
        )
    return table


def _workload(path: Path | None) -> Workload:
    if path is not None:
        return load(path)
    week = next(each for each in suite.standard() if each.name == "office-week")
    return week.model_copy(update={"days": 1.0, "warmup_days": 1.0, "name": "office-day"})


def _tell(runs: list[Run], report: Path | None, as_json: bool) -> int:
    if report is not None:
        report.write_text(reporting.page(runs))
    if as_json:
        json.dump([each.figures.as_dict() for each in runs], sys.stdout, indent=2)
        sys.stdout.write("\n")
        return 0
    Console().print(figures_table([each.figures for each in runs]))
    return 0


def figures_table(figures: list[Figures]) -> Table:
    """Return the figures for people."""
    table = Table(
        "Workload",
        "Policy",
        "Joins",
        "Overloaded min",
        "Refused",
        "Moved",
        "Dropped",
        "Bridge-hours",
        "Cost",
        "Recovery s",
        "Peak",
        box=None,
    )
    for each in sorted(figures, key=lambda each: (each.workload, each.bridge_hours)):
        table.add_row(
            each.workload,
            each.policy,
            str(each.joins),
            f"{each.overloaded_minutes:.0f}",
            str(each.refused),
            str(each.moved),
            str(each.dropped),
            f"{each.bridge_hours:.1f}",
            f"{each.cost:.2f}",
            f"{each.recovery_seconds:.0f}",
            f"{each.peak_stress:.2f}",
        )
    return table
